"""Invariants 3 and 4: one migration per instance at a time, and nothing destructive without an acknowledgement."""

from __future__ import annotations

from typing import Any

from tests.simulation.invariants.scene import STAGES, Checker, Found, Sight, entered
from tests.simulation.records import LOCKS, MIGRATIONS, MOVING, OUTBOX, PLACE, Migration, State, lines
from tests.simulation.truth import Change, Effect

HOLDING = (MOVING | {State.READY, State.PRECHECKING, State.MIGRATED, State.ROLLING_BACK}) - {State.ACCEPTED}
"""The states in which the migration must hold its instance's lock. A failed migration may have failed before it took the lock."""

OWED = 1 << 60
"""A number above every row change: the removal is still in the outbox."""


class OneAtATime(Checker):
    """3. At most one active migration per instance, at most one unfinished job per source, and both belong to the same instance."""

    number, name = 3, "one at a time"

    def __init__(self) -> None:
        self._cleaned: dict[str, dict[str, int]] = {}
        """By instance and migration: the last row change at which the removal of its resources in SMC was still in the outbox."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == MIGRATIONS and change.after is not None:
            self._note_cleaning(change, scene)
            yield from self._own_source(change, scene)
        entry = entered(change, scene.truth)
        if entry is not None:
            yield from self._entering(entry[1], scene)
        loser = self._loser(change, scene)
        if loser is not None and loser.state in HOLDING:
            yield f"the lock of {loser.instance_id} was taken from {loser.migration_id}, which is {loser.state.value}"

    @staticmethod
    def _loser(change: Change, scene: Sight) -> Migration | None:
        """The migration whose lock was taken by the written row."""
        former = (change.before or {}).get("migration_id")
        kept = (
            change.table != LOCKS
            or change.key[0].startswith(PLACE)
            or former is None
            or former == (change.after or {}).get("migration_id")
        )
        return None if kept else scene.truth.migrations.get(str(former))

    def _entering(self, migration: Migration, scene: Sight) -> Found:
        if migration.state not in HOLDING or scene.batch(migration).dry_run:
            return
        holder = scene.truth.holder(migration)
        if holder != migration.migration_id:
            yield f"{migration.migration_id} became {migration.state.value} while {holder or 'nobody'} holds its lock"
        active = [each.migration_id for each in self._mates(migration, scene) if self._active(each, scene)]
        if len(active) > 1:
            yield f"{', '.join(active)} are active on {migration.instance_id}"

    @staticmethod
    def _mates(migration: Migration, scene: Sight) -> list[Migration]:
        """The migrations of exactly this instance. Another account may have an instance with the same id."""
        return scene.truth.of_instance(migration.instance_id, migration.account_id)

    @staticmethod
    def _active(migration: Migration, scene: Sight) -> bool:
        return migration.state in HOLDING and not scene.batch(migration).dry_run

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.ours and effect.operation == "CreateReplicationJob":
            yield from self._one_job(effect, scene)
        if effect.ours and effect.operation == "StartReplicationJob":
            yield from self._own_job(effect, scene)
        if effect.ours and effect.operation == "DeleteSourceServer" and effect.before is not None:
            yield from self._own_clean_up(effect.before, scene)

    def _note_cleaning(self, change: Change, scene: Sight) -> None:
        before, after = (row or {} for row in (change.before, change.after))
        if any(name.startswith(OUTBOX) and "CleanUpDriver" in before[name] for name in before):
            self._cleaned.setdefault(before["instance_id"], {})[change.key[0]] = scene.truth.count
        if any(name.startswith(OUTBOX) and "CleanUpDriver" in after[name] for name in after):
            self._cleaned.setdefault(after["instance_id"], {})[change.key[0]] = OWED

    @staticmethod
    def _own_source(change: Change, scene: Sight) -> Found:
        """Check the source by the account's own record, because SMC's answers do not say which instance a source is."""
        migration = scene.truth.migrations[change.key[0]]
        source = scene.truth.smc.sources.get(migration.handle.source_id) if migration.handle.source_id else None
        instance_id = source["sim"]["instance_id"] if source else migration.instance_id
        if instance_id != migration.instance_id:
            yield f"{migration.migration_id} of {migration.instance_id} takes the source of {instance_id} for its own"

    @staticmethod
    def _own_job(effect: Effect, scene: Sight) -> Found:
        migration, job = scene.truth.of_job(effect.params["JobId"]), scene.truth.smc.jobs.get(effect.params["JobId"])
        if migration is not None and job["sim"]["instance_id"] != migration.instance_id:
            yield f"{migration.migration_id} of {migration.instance_id} started a job that moves {job['sim']['instance_id']}"

    def _own_clean_up(self, source: dict[str, Any], scene: Sight) -> Found:
        """A source may be deleted only while a migration of its own instance has the removal of its SMC resources in the
        outbox, or has just done it.
        """
        instance_id = source["sim"]["instance_id"]
        if not any(until >= scene.began for until in self._cleaned.get(instance_id, {}).values()):
            yield f"the source {source['SourceId']} of {instance_id} was deleted, and no migration of {instance_id} had to"

    @staticmethod
    def _one_job(effect: Effect, scene: Sight) -> Found:
        jobs = scene.truth.jobs()
        mine = next(job for job in jobs if job["JobId"] == effect.answer["JobId"])
        instance_id = mine["sim"]["instance_id"]
        open_jobs = [job["JobId"] for job in jobs if job["sim"]["instance_id"] == instance_id and job["Status"] != "Finished"]
        if len(open_jobs) > 1:
            yield f"{instance_id} has the unfinished jobs {', '.join(open_jobs)}"


class AcknowledgedFirst(Checker):
    """4. No destructive step without a recorded acknowledgement: who, when, and which text."""

    number, name = 4, "acknowledged first"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        launches = scene.truth.launched(effect) is not None
        if not effect.ours or not (
            launches or effect.operation in ("StartReplicationJob", "StopInstance", "ResetDisk", "CreateSnapshot")
        ):
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

    def _asked_for(self, effect: Effect, migration: Migration, scene: Sight) -> Found:
        if State.ROLLING_BACK not in scene.truth.states_since(migration.migration_id, scene.began):
            yield f"{effect.operation} while {migration.migration_id} is {migration.state.value}"
        written = lines(scene.truth.rows[migration.migration_id])
        if not any(line.to_state is State.ROLLING_BACK and line.by not in STAGES for line in written):
            yield f"{effect.operation} for {migration.migration_id}, whose rollback no person asked for"

    @staticmethod
    def _about(effect: Effect, scene: Sight) -> Migration | None:
        params, truth = effect.params, scene.truth
        if effect.operation in ("StartReplicationJob", "RunCommand", "InvokeCommand"):
            return truth.launched(effect)
        if effect.operation == "CreateSnapshot":
            return truth.migrations.get(str(params.get("SnapshotName", "")).split("-")[1])
        if effect.operation == "ResetDisk":
            entry = next((each for each in truth.ledger.values() if each.snapshot_id == params["SnapshotId"]), None)
            return truth.migrations[entry.migration_id] if entry else None
        return next((each for each in truth.of_instance(params["InstanceId"]) if truth.holder(each) == each.migration_id), None)
