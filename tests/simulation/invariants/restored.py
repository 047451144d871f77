"""Invariant 10: a rollback that is reported as done has restored the disks, and they stay restored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.living import WRITTEN, content
from tests.simulation.records import MIGRATIONS, OURS, Migration, State, moment
from tests.simulation.truth import Change, Effect, Happening, Truth

FAR = 1 << 60
SECOND = 1000
"""The account's times are whole seconds."""


@dataclass(frozen=True)
class Reset:
    """A reset of a disk by the product: its time (row changes, ms), and the snapshot as the account knew it then."""

    count: int
    at_ms: int
    snapshot: dict[str, Any]


class RolledBackIsTrue(Checker):
    """10. Every disk equals its snapshot, no job runs or can still run, and nothing is touched before all disks can be reset."""

    number, name = 10, "rolled back is true"

    def __init__(self) -> None:
        self._resets: dict[str, Reset] = {}
        """By disk: the last reset."""
        self._followed: dict[str, set[str]] = defaultdict(set)
        """By migration: every job that its row has named, whoever created the job."""
        self._probes: dict[str, tuple[str, int]] = {}
        """By instance: the last command that a rollback sent, and when (ms)."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        command = effect.ours and effect.operation in ("RunCommand", "InvokeCommand")
        if command and "-probe-rollback-" in effect.params.get("ClientToken", ""):
            for instance_id in effect.params["InstanceId"]:
                self._probes[instance_id] = (effect.answer["InvokeId"], scene.truth.cloud.clock.now_ms())
        if not effect.ours or effect.operation not in ("StopInstance", "ResetDisk"):
            return
        disk = scene.truth.ecs.store.get("disk", effect.params.get("DiskId", ""))
        instance_id = disk["InstanceId"] if disk else effect.params["InstanceId"]
        for migration in scene.truth.of_instance(instance_id):
            since = asked_at(migration, scene.truth)
            if since != FAR and not (disk and self._count(disk) >= since):
                yield from self._ready(migration, since, scene)
        if disk:
            snapshot = scene.truth.snapshot(effect.params["SnapshotId"]) or {}
            self._resets[disk["DiskId"]] = Reset(scene.truth.count, scene.truth.cloud.clock.now_ms(), snapshot)

    def _count(self, disk: dict[str, Any]) -> int:
        reset = self._resets.get(disk["DiskId"])
        return reset.count if reset else -1

    def _ready(self, migration: Migration, since: int, scene: Sight) -> Found:
        """Before anything is stopped or reset, one set of snapshots must cover every disk that is not reset yet."""
        truth = scene.truth
        waiting = {disk["DiskId"] for disk in truth.disks(migration.instance_id) if self._count(disk) < since}
        usable = {_of(each) for each in truth.snapshots() if each["Status"] == "accomplished"}
        usable |= {_of_name(name) for name, at in scene.names_deleted_by_others.items() if at >= scene.began}
        sets: dict[str, set[str]] = {}
        for id, attempt, disk_id in usable:
            if id == migration.migration_id:
                sets.setdefault(attempt, set()).add(disk_id)
        if waiting and not any(waiting <= disks for disks in sets.values()):
            bare = sorted(waiting - set().union(*sets.values()))
            yield f"{migration.instance_id} is stopped or reset, and {', '.join(bare) or 'one disk'} has no snapshot to go back to"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == MIGRATIONS and change.after is not None:
            self._followed[change.key[0]].add(scene.truth.migrations[change.key[0]].handle.job_id)
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state is not State.ROLLED_BACK:
            return
        migration = entry[1]
        if migration.instance_id in scene.released:
            return
        yield from self._as_before(migration, scene)
        yield from self._nothing_runs(migration, scene)
        yield from self._proved(migration, scene)

    def _as_before(self, migration: Migration, scene: Sight) -> Found:
        """Check that each disk equals its snapshot, except for what the guest has written since the reset, and that all
        snapshots are of one moment.
        """
        truth, since = scene.truth, asked_at(migration, scene.truth)
        moments = set()
        for disk in truth.disks(migration.instance_id):
            reset = self._resets.get(disk["DiskId"])
            if reset is None or reset.count < since:
                yield f"{migration.migration_id} is called rolled back, and disk {disk['DiskId']} was not reset"
                continue
            id, attempt, disk_id = _of(reset.snapshot)
            moments.add(attempt)
            if (id, disk_id) != (migration.migration_id, disk["DiskId"]):
                yield f"disk {disk['DiskId']} of {migration.migration_id} was reset from {reset.snapshot.get('SnapshotName')}"
            if disk["sim"]["resetting"]:
                yield f"{migration.migration_id} is called rolled back while disk {disk['DiskId']} is being reset"
            elif still(truth, disk["sim"]["blob"]) != still(truth, reset.snapshot["sim"]["blob"]):
                yield f"{migration.migration_id} is called rolled back, and disk {disk['DiskId']} is not what it was"
        if len(moments) > 1:
            yield f"the disks of {migration.migration_id} come from snapshots of different attempts"

    def _nothing_runs(self, migration: Migration, scene: Sight) -> Found:
        """No job of the instance runs. Of the jobs that the product made or followed, none is left that somebody could start."""
        for job in scene.truth.jobs():
            if job["sim"]["instance_id"] != migration.instance_id:
                continue
            made = job["Name"].startswith(f"rp-{migration.migration_id}")
            own = made or job["JobId"] in self._followed[migration.migration_id]
            if job["Status"] == "Running" or (own and job["Status"] != "Finished"):
                yield f"{migration.migration_id} is called rolled back, its job {job['JobId']} is {job['Status']}"

    def _proved(self, migration: Migration, scene: Sight) -> Found:
        """Check that the guest has answered since its last disk was reset."""
        resets = [self._resets[disk["DiskId"]] for disk in scene.truth.disks(migration.instance_id) if self._count(disk) >= 0]
        last = max((reset.at_ms for reset in resets), default=0) - SECOND
        results = scene.truth.results(migration.instance_id)
        answered = any(each["InvocationStatus"] == "Success" and ms_of(each["StartTime"]) >= last for each in results)
        invoke_id, sent_ms = self._probes.get(migration.instance_id, ("", -1))
        is_forgotten = sent_ms >= last and all(each["InvokeId"] != invoke_id for each in results)
        if not answered and not is_forgotten:  # the account may keep so few records that the answer is already deleted
            yield f"{migration.migration_id} is called rolled back, and nobody has asked the guest since its disks were reset"

    def happened(self, happening: Happening, scene: Sight) -> Found:
        """Check that no job from before the rollback replaces the system after it."""
        if happening.kind != "replaced":
            return
        for migration in scene.truth.of_instance(happening.instance_id):
            if migration.state is not State.ROLLED_BACK:
                continue
            for job in scene.truth.jobs():
                running = job["sim"]["instance_id"] == migration.instance_id and job["Status"] == "Running"
                if running and ms_of(job["StartTime"]) < _entered_ms(migration.migration_id, scene.truth) - SECOND:
                    yield f"job {job['JobId']} goes on in {migration.instance_id}, which was called rolled back"


def _of(snapshot: dict[str, Any]) -> tuple[str, str, str]:
    """The migration, attempt and disk of one of our snapshots from before the first hop; empty for any other snapshot."""
    id, attempt, disk_id = _of_name(snapshot.get("SnapshotName", ""))
    return (id, attempt, disk_id) if disk_id == snapshot.get("SourceDiskId") else ("", "", "")


def _of_name(name: str) -> tuple[str, str, str]:
    parts = name.split("-", 4)
    if len(parts) == 5 and name.startswith(OURS) and parts[2] == "0":
        return parts[1], parts[3], parts[4]
    return "", "", ""


def asked_at(migration: Migration, truth: Truth) -> int:
    """The row change by which the rollback was requested. A failed rollback that is tried again is the same rollback."""
    since = FAR
    for count, _, state in reversed(truth.past[migration.migration_id]):
        if state not in (State.ROLLING_BACK, State.ROLLED_BACK, State.FAILED):
            break
        since = count if state is State.ROLLING_BACK else since
    return since


def _entered_ms(migration_id: str, truth: Truth) -> int:
    return truth.past[migration_id][-1][1]


def still(truth: Truth, blob: str) -> dict[str, Any]:
    return {path: entry for path, entry in content(truth.cloud, blob).items() if path != WRITTEN}


def ms_of(text: str) -> int:
    at = moment(text)
    return round(at.timestamp() * 1000) if at else 0
