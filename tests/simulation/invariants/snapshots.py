"""Invariants 1 and 2: snapshots come first, and only our snapshots are deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.simulation.invariants.scene import STAGES, Checker, Found, Sight, entered
from tests.simulation.records import MIGRATIONS, OURS, SMC_PREFIX, Entry, Migration, State, lines
from tests.simulation.truth import Change, Effect, Truth


class SnapshotsFirst(Checker):
    """1. No migration starts before every disk has an accomplished snapshot made after the last precheck."""

    number, name = 1, "snapshots first"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours:
            return
        migration = scene.truth.launched(effect)
        if migration is None:
            if effect.operation == "StartReplicationJob":
                yield f"job {effect.params['JobId']} of no migration was started"
            return
        if migration.state is not State.MIGRATING and State.MIGRATING not in scene.truth.states_since(
            migration.migration_id, scene.began
        ):
            yield f"{migration.migration_id} was started while {migration.state.value}"
        yield from self._bare(migration, scene, "was started")

    def row(self, change: Change, scene: Sight) -> Found:
        """A person starts the console driver's jobs. So the instruction to the person, and what the product then believes of
        the job, must be right too.
        """
        entry = entered(change, scene.truth)
        if entry is not None and (entry[0], entry[1].state) in (
            (State.SNAPSHOTTING, State.SNAPSHOTTED),
            (State.SNAPSHOTTED, State.MIGRATING),
        ):
            yield from self._bare(entry[1], scene, f"became {entry[1].state.value}")

    @staticmethod
    def _bare(migration: Migration, scene: Sight, what: str) -> Found:
        bare = [disk["DiskId"] for disk in scene.truth.disks(migration.instance_id) if not _safe(disk, migration, scene)]
        if bare:
            yield f"{migration.migration_id} {what} with no finished snapshot of {', '.join(bare)}"


def _safe(disk: dict[str, Any], migration: Migration, scene: Sight) -> bool:
    """Whether the disk has a finished snapshot of the right age. A snapshot that others deleted too late to be noticed counts
    too.
    """
    past = scene.truth.past[migration.migration_id]
    since = max((at_ms for _, at_ms, state in past if state is State.READY), default=0)
    started = past[-1][0]
    for entry in scene.truth.ledger.values():
        if entry.migration_id != migration.migration_id or entry.disk_id != disk["DiskId"] or entry.hop != migration.hop:
            continue
        snapshot = scene.truth.snapshot(entry.snapshot_id) if entry.snapshot_id else None
        if snapshot is None:
            deleted = scene.deleted_by_others.get(entry.snapshot_id)
            if deleted is not None and deleted >= min(started, scene.began) - LOOK_BACK:
                return True
        elif snapshot["Status"] == "accomplished" and snapshot["sim"]["started_ms"] >= since:
            return True
    return False


def _released(migration: Migration, truth: Truth) -> bool:
    """Whether a journal line by a person confirms the migration, or releases its snapshots after its end."""
    ended = (State.ROLLED_BACK, State.CANCELLED)
    return any(
        line.by not in STAGES and (line.to_state is State.CONFIRMED or line.to_state is line.from_state in ended)
        for line in lines(truth.rows[migration.migration_id])
    )


LOOK_BACK = 12
"""The maximum number of row changes between an invocation's check of the snapshots and its step. A deletion in that gap is
nobody's fault.
"""


class DeleteOnlyOurs(Checker):
    """2. No snapshot is deleted unless it is ours or adopted, a person has released it, and its retention has passed."""

    number, name = 2, "delete only what may go"

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        """By snapshot that the product's own calls made: its disk."""
        self._days: dict[str, int] = {}
        """By migration: the days of retention when it was released. A later policy changes nothing for it."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == MIGRATIONS and change.after is not None:
            migration = scene.truth.migrations[change.key[0]]
            if migration.released_at is not None:
                days = min(each.retention_days for each in scene.policies(migration.batch_id))
                self._days.setdefault(migration.migration_id, days)
        yield from ()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.operation == "CreateSnapshot" and effect.ours:
            self._made[effect.answer["SnapshotId"]] = effect.params["DiskId"]
        if effect.operation != "DeleteSnapshot" or not effect.ours or effect.before is None:
            return
        id, snapshot = effect.params["SnapshotId"], effect.before
        entry = self._entry(id, snapshot, scene.truth)
        if entry is None:
            yield f"snapshot {id} ({snapshot['SnapshotName']}) is in no ledger, and was deleted"
            return
        migration = scene.truth.migrations[entry.migration_id]
        if entry.owner == "replank" and self._made.get(id) != entry.disk_id:
            yield f"snapshot {id} ({snapshot['SnapshotName']}) was made by somebody else, and was deleted"
        own = f"{OURS}{migration.migration_id}-" if entry.owner == "replank" else SMC_PREFIX
        if not snapshot["SnapshotName"].startswith(own) or snapshot["sim"]["instance"] != migration.instance_id:
            yield f"snapshot {id} ({snapshot['SnapshotName']}) is not {migration.migration_id}'s, and was deleted"
        allowance = timedelta(milliseconds=scene.skew_ms)
        if migration.released_at is None:
            yield f"snapshot {id} of {migration.migration_id} was deleted and nobody released it"
        elif not _released(migration, scene.truth):
            yield f"snapshot {id} of {migration.migration_id} was deleted, and its journal names nobody who released it"
        elif scene.now + allowance < migration.released_at + timedelta(days=self._days[migration.migration_id]):
            yield f"snapshot {id} of {migration.migration_id} was deleted {scene.now - migration.released_at} after its release"

    def _entry(self, id: str, snapshot: dict[str, Any], truth: Truth) -> Entry | None:
        """The ledger's row of a snapshot: the row with its id, or the row that was written before the snapshot was requested.

        If the function dies or the answer is lost between the two writes, the row never gets the id. The row still identifies the
        snapshot, because no two snapshots have the same migration, hop, attempt and disk. That is enough only for a snapshot that
        the product's own call made.
        """
        for entry in truth.ledger.values():
            if entry.snapshot_id == id:
                return entry
        for (migration_id, key), entry in truth.ledger.items():
            asked_for = not entry.snapshot_id and entry.owner == "replank" and self._made.get(id) == entry.disk_id
            if asked_for and snapshot["SnapshotName"] == f"{OURS}{migration_id}-{key}":
                return entry
        return None
