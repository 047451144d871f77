"""Invariant 7: the instances of a batch start in the order that its policy sets."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tests.simulation.invariants.parts import wave_of
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import GOES_ON, Migration, State
from tests.simulation.truth import Change

PATIENCE = timedelta(minutes=45)
"""For how long an offer may be lost or delayed, even repeatedly."""


class InOrder(Checker):
    """7. No first attempt starts while an earlier member of its batch, by the policy's order, has been passed over for long."""

    number, name = 7, "in order"

    def __init__(self) -> None:
        self._passed: dict[tuple[str, int], datetime] = {}
        """By migration and attempt: when a later one first started before it. Offers made at the same moment arrive in any
        order.
        """

    def row(self, change: Change, scene: Sight) -> Found:
        self._passed = {key: since for key, since in self._passed.items() if not _stands_still(key[0], scene)}
        entry = entered(change, scene.truth)
        if entry is None or entry[0] is not State.READY or entry[1].state is not State.SNAPSHOTTING or entry[1].hop:
            return
        began, policy = entry[1], scene.batch(entry[1]).policy
        if not policy.order or policy.group or policy.per_region or policy.per_wave:
            return  # a member that other limits hold may be passed over
        for other in scene.truth.migrations.values():
            same = (other.batch_id, other.account_id, other.hop) == (began.batch_id, began.account_id, 0)
            if not same or not _waits(other, scene) or not _comes_before(other, began, policy.order, scene):
                continue
            since = self._passed.setdefault((other.migration_id, other.attempt), scene.now)
            if scene.now - since > PATIENCE:
                yield f"{began.migration_id} began before {other.migration_id}, against the order {policy.order}"


def _stands_still(migration_id: str, scene: Sight) -> bool:
    """Whether nothing may start in the migration's batch. An offer made afterwards is the first that it can take."""
    batch_id = scene.truth.migrations[migration_id].batch_id
    return scene.truth.held() or scene.truth.brake(batch_id) != GOES_ON


def _waits(migration: Migration, scene: Sight) -> bool:
    """Whether the migration is ready and has no slot yet."""
    return migration.state is State.READY and migration.migration_id not in scene.truth.slots()


def _comes_before(one: Migration, other: Migration, order: str, scene: Sight) -> bool:
    in_time = wave_of(one, scene.truth) <= wave_of(other, scene.truth)  # a migration that was refused moves with the last wave
    return in_time and _place(one, order, scene) < _place(other, order, scene)


def _place(migration: Migration, order: str, scene: Sight) -> tuple[bool, list[tuple[int, str]]]:
    """The instance's place in the order. Numbers sort by value; an instance without the tag comes last."""
    tags = scene.tags.get(migration.instance_id, {})
    text = tags.get(order.partition(":")[2]) if order != "name" else scene.names.get(migration.instance_id, "")
    return text is None, [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text or "")]
