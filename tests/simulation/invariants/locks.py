"""Invariants 3 and 4: one at a time, and nothing without an acknowledgement."""

from __future__ import annotations

from shared.adapters import tables
from shared.domain.migration import MOVING, Migration, State
from tests.simulation.invariants.scene import Checker, Found, Scene, entered
from tests.simulation.truth import Change, Effect

STAGES = frozenset({"intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep"})
HOLDING = (MOVING | {State.READY, State.PRECHECKING, State.MIGRATED, State.ROLLING_BACK}) - {State.ACCEPTED}
"""States in which the instance's lock must be the migration's (a failed one may have failed before it had the lock)."""


class OneAtATime(Checker):
    """3. At most one active migration per instance, at most one unfinished job per source."""

    number, name = 3, "one at a time"

    def row(self, change: Change, scene: Scene) -> Found:
        entry = entered(change, scene.truth)
        if entry is not None:
            yield from self._entering(entry[1], scene)
        loser = self._loser(change, scene)
        if loser is not None and loser.state in HOLDING:
            yield f"the lock of {loser.instance_id} was taken from {loser.migration_id}, which is {loser.state.value}"

    @staticmethod
    def _loser(change: Change, scene: Scene) -> Migration | None:
        """The migration whose lock a written row took away."""
        former = (change.before or {}).get("migration_id")
        kept = change.table != tables.LOCKS or former is None or former == (change.after or {}).get("migration_id")
        return None if kept else scene.truth.migrations.get(str(former))

    def _entering(self, migration: Migration, scene: Scene) -> Found:
        if migration.state not in HOLDING or scene.batch(migration).dry_run:
            return
        holder = scene.truth.holder(migration)
        if holder != migration.migration_id:
            yield f"{migration.migration_id} became {migration.state.value} while {holder or 'nobody'} holds its lock"
        active = [each.migration_id for each in scene.truth.of_instance(migration.instance_id) if self._active(each, scene)]
        if len(active) > 1:
            yield f"{', '.join(active)} are active on {migration.instance_id}"

    @staticmethod
    def _active(migration: Migration, scene: Scene) -> bool:
        return migration.state in HOLDING and not scene.batch(migration).dry_run

    def effect(self, effect: Effect, scene: Scene) -> Found:
        if effect.operation != "CreateReplicationJob" or not effect.ours:
            return
        jobs = scene.truth.jobs()
        mine = next(job for job in jobs if job["JobId"] == effect.answer["JobId"])
        instance_id = mine["sim"]["instance_id"]
        open_jobs = [job["JobId"] for job in jobs if job["sim"]["instance_id"] == instance_id and job["Status"] != "Finished"]
        if len(open_jobs) > 1:
            yield f"{instance_id} has the unfinished jobs {', '.join(open_jobs)}"


class Acknowledged(Checker):
    """4. No destructive step without a recorded acknowledgement: who, when, which text."""

    number, name = 4, "acknowledged first"

    def effect(self, effect: Effect, scene: Scene) -> Found:
        if not effect.ours or effect.operation not in ("StartReplicationJob", "StopInstance", "ResetDisk", "CreateSnapshot"):
            return
        migration = self._about(effect, scene)
        if migration is None:
            yield f"{effect.operation} {effect.params} serves no migration"
            return
        given = scene.batch(migration).acknowledgement
        if given is None or not (given.operator and given.text) or scene.batch(migration).dry_run:
            yield f"{effect.operation} for {migration.migration_id} without an acknowledgement"
        if effect.operation in ("StopInstance", "ResetDisk"):
            yield from self._asked_for(effect, migration, scene)

    def _asked_for(self, effect: Effect, migration: Migration, scene: Scene) -> Found:
        if State.ROLLING_BACK not in scene.truth.states_since(migration.migration_id, scene.began):
            yield f"{effect.operation} while {migration.migration_id} is {migration.state.value}"
        row = scene.truth.rows[migration.migration_id]
        lines = [tables.journal_of(value) for name, value in row.items() if name.startswith(tables.JOURNAL)]
        if not any(line.to_state is State.ROLLING_BACK and line.by not in STAGES for line in lines):
            yield f"{effect.operation} for {migration.migration_id}, whose rollback no person asked for"

    @staticmethod
    def _about(effect: Effect, scene: Scene) -> Migration | None:
        params, truth = effect.params, scene.truth
        if effect.operation == "StartReplicationJob":
            return truth.of_job(params["JobId"])
        if effect.operation == "CreateSnapshot":
            return truth.migrations.get(str(params.get("SnapshotName", "")).split("-")[1])
        if effect.operation == "ResetDisk":
            entry = next((each for each in truth.ledger.values() if each.snapshot_id == params["SnapshotId"]), None)
            return truth.migrations[entry.migration_id] if entry else None
        return next((each for each in truth.of_instance(params["InstanceId"]) if truth.holder(each) == each.migration_id), None)
