"""The other half of invariant 10: a rollback that fails half way reports the state of each disk, and the report is true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.simulation.invariants.restored import FAR, asked_at, ms_of, still
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import Migration, State
from tests.simulation.truth import Change, Effect

SAID = re.compile(r"(d-[\w-]+): (restored|not restored|unknown)")
TOLD_STOPPED = re.compile(r"The instance (is|may be) stopped")
"""What a failed rollback says of an instance that it could not start. If its state could not be read, it only may be stopped."""
MINUTE_MS = 60_000
"""ECS rounds the time of an instance's start to the minute."""


@dataclass(frozen=True)
class _Reset:
    """The last reset of a disk: its time, and the content that the disk got."""

    count: int
    at_ms: int
    blob: str


class HalfRolledBack(Checker):
    """10. A failed rollback reports each disk's state, and the account's disks confirm the report."""

    number, name = 10, "a failed rollback tells"

    def __init__(self) -> None:
        self._resets: dict[str, _Reset] = {}
        self._stopped: dict[str, int] = {}
        """By instance: the row change at which the product last stopped it."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        truth = scene.truth
        if effect.ours and effect.operation == "ResetDisk":
            snapshot = truth.snapshot(effect.params["SnapshotId"]) or {"sim": {"blob": ""}}
            at_ms = truth.cloud.clock.now_ms()
            self._resets[effect.params["DiskId"]] = _Reset(truth.count, at_ms, snapshot["sim"]["blob"])
        if effect.ours and effect.operation == "StopInstance":
            self._stopped[effect.params["InstanceId"]] = truth.count
        yield from ()

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None or (entry[0], entry[1].state) != (State.ROLLING_BACK, State.FAILED):
            return
        migration = entry[1]
        if migration.instance_id in scene.released:
            return
        since = _since(migration, scene)
        said = dict(SAID.findall(migration.failure))
        resets = []
        for disk in scene.truth.disks(migration.instance_id):
            reset = self._resets.get(disk["DiskId"])
            own = reset if reset is not None and reset.count >= since else None
            resets += [own] if own else []
            yield from self._one(migration, disk, own, said, scene)
        if not resets and self._stopped.get(migration.instance_id, -1) >= since:
            yield from self._left_stopped(migration, scene)

    @staticmethod
    def _left_stopped(migration: Migration, scene: Sight) -> Found:
        instance = scene.truth.ecs.store.get("instance", migration.instance_id)
        if instance is not None and instance["Status"] == "Stopped" and not TOLD_STOPPED.search(migration.failure):
            yield f"the rollback of {migration.migration_id} failed before its first reset, and left the instance stopped unsaid"

    def _one(self, migration: Migration, disk: dict[str, Any], reset: _Reset | None, said: dict[str, str], scene: Sight) -> Found:
        id, word = disk["DiskId"], said.get(disk["DiskId"])
        about = f"the rollback of {migration.migration_id} failed and says of disk {id}"
        if reset is None:
            if word == "restored":
                yield f"{about} that it is restored, and it was not reset"
            return
        back = not disk["sim"]["resetting"] and still(scene.truth, disk["sim"]["blob"]) == still(scene.truth, reset.blob)
        if word is None:
            yield f"{about} nothing, and it was reset"
        elif word == "restored" and not back and not _worked_on(migration, reset, scene):
            yield f"{about} that it is restored, and it is not what it was"
        elif word == "not restored" and disk["sim"]["resetting"]:
            yield f"{about} that it is not restored, and it is being reset"
        elif word == "not restored" and back and not _ran(migration, reset, scene):
            yield f"{about} that it is not restored, and it is"


def _since(migration: Migration, scene: Sight) -> int:
    """The row change by which a person requested this rollback."""
    since = asked_at(migration, scene.truth)
    return -1 if since == FAR else since


def _ran(migration: Migration, reset: _Reset, scene: Sight) -> bool:
    """Whether the guest may have written since the reset. In that case the disk counts as not restored."""
    instance = scene.truth.ecs.store.get("instance", migration.instance_id)
    if instance is None:
        return True  # released: its disks no longer exist
    started = ms_of(instance["StartTime"])
    return instance["Status"] != "Stopped" or started + MINUTE_MS >= reset.at_ms or _worked_on(migration, reset, scene)


def _worked_on(migration: Migration, reset: _Reset, scene: Sight) -> bool:
    """Whether a job of the instance ran after the reset. A person may start one in SMC at any moment."""
    mine = [job for job in scene.truth.jobs() if job["sim"]["instance_id"] == migration.instance_id]
    return any(job["Status"] == "Running" or ms_of(job["EndTime"]) + MINUTE_MS >= reset.at_ms for job in mine)
