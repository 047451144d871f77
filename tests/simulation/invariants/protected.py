"""Invariant 14: an instance is protected against deletion while it moves, and afterwards it is as it was before."""

from __future__ import annotations

from typing import Any

from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import ENDED, LOCKS, PROTECTION, Columns, Migration
from tests.simulation.truth import Change, Effect, Truth

MINUTE_MS = 60_000
CLOSE_MS = 10 * MINUTE_MS
"""An act of a person this close to one of the product's may come between its look and its call."""


class ProtectionPutBack(Checker):
    """14. Before its snapshots an instance is protected, if ECS offers that and no person objects. Its end puts that back."""

    number, name = 14, "protection put back"

    def __init__(self) -> None:
        self._first: dict[str, bool] = {}
        """By instance: whether it was protected when the fleet was loaded."""
        self._owner: dict[str, str] = {}
        """By instance: the migration that its last row names."""
        self._rows: dict[str, list[list[int]]] = {}
        """By instance: when each of its rows was written and deleted (ms); a row that is still there has no end."""
        self._taken: dict[str, int] = {}
        """By instance: the row change with which its present owner took the row."""
        self._since: dict[str, int] = {}
        """By instance: when the present owner switched the protection on."""
        self._begun: dict[str, int] = {}
        """By instance: when the present owner requested the first snapshot after that."""

    def row(self, change: Change, scene: Sight) -> Found:
        if not self._first:
            self._first = {each["InstanceId"]: each["DeletionProtection"] for each in scene.truth.ecs.store.find("instance", {})}
        if change.table == LOCKS and change.key[0].startswith(PROTECTION):
            self._note_row(change.key[0].rpartition(":")[2], change.after, scene.truth)
        yield from ()

    def _note_row(self, instance_id: str, after: Columns | None, truth: Truth) -> None:
        rows, now_ms = self._rows.setdefault(instance_id, []), truth.cloud.clock.now_ms()
        if after is None:
            rows[-1].append(now_ms)
            self._end(instance_id)
            return
        if not rows or len(rows[-1]) > 1:
            rows.append([now_ms])
        if self._owner.get(instance_id) != after["protected_for"]:
            self._owner[instance_id], self._taken[instance_id] = str(after["protected_for"]), truth.count
            self._end(instance_id)

    def _end(self, instance_id: str) -> None:
        self._since.pop(instance_id, None)
        self._begun.pop(instance_id, None)

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours:
            return
        if effect.operation == "ModifyInstanceAttribute":
            yield from self._switched(effect.params["InstanceId"], bool(effect.params["DeletionProtection"]), scene)
        if effect.operation == "CreateSnapshot":
            yield from self._snapshot(effect, scene)

    def _switched(self, instance_id: str, on: bool, scene: Sight) -> Found:
        now_ms = scene.truth.cloud.clock.now_ms()
        what = f"the protection of {instance_id} was switched {'on' if on else 'off'}"
        if not any(end + CLOSE_MS >= now_ms for _, end in self._spans(instance_id, now_ms)):
            yield f"{what}, and no row says so"
        owner = scene.truth.migrations.get(self._owner.get(instance_id, ""))
        if on:
            begun = self._begun.get(instance_id)
            acts = [act for act in _acts(instance_id, scene) if begun is not None and act[1] >= begun]
            if acts and not acts[-1][0]:
                yield f"{what} again, which a person had switched off"
            self._since.setdefault(instance_id, now_ms)
        elif owner is not None and self._taken[instance_id] <= scene.began and not _ended_since(owner, scene):
            yield f"{what} while {owner.migration_id} is {owner.state.value}"

    def _snapshot(self, effect: Effect, scene: Sight) -> Found:
        disk = scene.truth.ecs.store.get("disk", effect.params["DiskId"])
        instance = scene.truth.ecs.store.get("instance", disk["InstanceId"]) if disk else None
        migration = scene.truth.migrations.get(str(effect.params["SnapshotName"]).split("-")[1])
        if instance is None or migration is None:
            return
        id = instance["InstanceId"]
        if id in self._since:
            self._begun.setdefault(id, scene.truth.cloud.clock.now_ms())
        if not instance["DeletionProtection"] and _is_offered(instance) and not self._is_excused(migration, scene):
            yield f"{id} is snapshotted by {migration.migration_id}, and is not protected"

    @staticmethod
    def _is_excused(migration: Migration, scene: Sight) -> bool:
        """Whether a person, a fault or an older version may be the reason that the instance is not protected."""
        born_ms = migration.created_at.timestamp() * 1000 - scene.skew_ms
        by_hand = any(ms >= born_ms for _, ms in _acts(migration.instance_id, scene))
        return by_hand or not scene.all_protect or any(migration.instance_id in each for each in scene.failed_calls)

    def rest(self, scene: Sight) -> Found:
        for instance_id, was in self._first.items():
            instance = scene.truth.ecs.store.get("instance", instance_id)
            owner = _row_owner(scene.truth, instance_id)
            if owner == "" or _is_over(scene.truth, owner):
                if owner:
                    yield f"a row still says that {instance_id} is protected for {owner}, which has ended"
                if instance is not None:
                    yield from self._as_before(instance, was, scene)

    def _as_before(self, instance: dict[str, Any], was: bool, scene: Sight) -> Found:
        id, has = instance["InstanceId"], bool(instance["DeletionProtection"])
        acts = _acts(id, scene)
        wanted, at_ms = acts[-1] if acts else (was, 0)
        # The end switches the protection off, even if a person has switched it off and on again meanwhile.
        now_ms = scene.truth.cloud.clock.now_ms()
        lost = wanted and any(start - CLOSE_MS <= at_ms <= end + CLOSE_MS for start, end in self._spans(id, now_ms))
        if has != wanted and not (acts and lost):
            yield f"the protection of {id} is {has} at the end, and not {wanted}"

    def _spans(self, instance_id: str, now_ms: int) -> list[tuple[int, int]]:
        """When the instance had a row: from and until (ms)."""
        return [(each[0], each[1] if len(each) > 1 else now_ms) for each in self._rows.get(instance_id, [])]


def _acts(instance_id: str, scene: Sight) -> list[tuple[bool, int]]:
    """What people made of the instance's protection, and when (ms)."""
    return [(on, ms) for id, on, ms in scene.protected_by_hand if id == instance_id]


def _ended_since(owner: Migration, scene: Sight) -> bool:
    """Whether the migration has ended, or had ended when the acting invocation began."""
    return bool(scene.truth.states_since(owner.migration_id, scene.began) & ENDED)


def _is_offered(instance: dict[str, Any]) -> bool:
    return bool(instance["InstanceChargeType"] == "PostPaid" and instance["SpotStrategy"] == "NoSpot")


def _row_owner(truth: Truth, instance_id: str) -> str:
    """The migration that the instance's row names; empty without a row."""
    found = [row for key, row in truth.locks.items() if key.startswith(PROTECTION) and key.endswith(f":{instance_id}")]
    return str(found[0]["protected_for"]) if found else ""


def _is_over(truth: Truth, migration_id: str) -> bool:
    return migration_id not in truth.migrations or truth.migrations[migration_id].state in ENDED


def is_left(truth: Truth) -> bool:
    """Whether a row says that an instance is protected for a migration that has ended."""
    return any(_is_over(truth, str(row["protected_for"])) for key, row in truth.locks.items() if key.startswith(PROTECTION))
