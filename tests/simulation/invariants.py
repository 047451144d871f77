"""The invariants of the design as checkers, one class each: told of every row written, every effect in the account and every
invocation that ended, and asked once more when all is at rest. A checker answers with sentences; each is a violation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from shared.adapters import tables
from shared.domain.batch import Batch
from shared.domain.ledger import SMC_PREFIX, LedgerEntry, SnapshotState
from shared.domain.migration import MOVING, TERMINAL, TRANSITIONS, Migration, State, replay
from tests.simulation.invoker import Frame
from tests.simulation.truth import Change, Effect, Truth

STAGES = frozenset({"intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep"})
HOLDING = (MOVING | {State.READY, State.PRECHECKING, State.MIGRATED, State.ROLLING_BACK}) - {State.ACCEPTED}
"""States in which the instance's lock must be the migration's (a failed one may have failed before it had the lock)."""
COUNTED_LATE = timedelta(minutes=6)
"""How long after a failure its count may still be on its way (outbox, tick), before an admission must have seen it."""
Found = Iterator[str]


@dataclass
class Scene:
    """What a checker may look at. ``frame`` is the invocation that acts, None for somebody outside."""

    truth: Truth
    account_limit: int = 20
    frame: Frame | None = None
    deleted_by_others: dict[str, int] = field(default_factory=dict)
    """Snapshots that somebody else deleted, and the number of row changes seen by then."""
    released: set[str] = field(default_factory=set)
    """Instances that somebody else released."""
    moved: set[str] = field(default_factory=set)
    """Instances on which the product started a job."""
    pressed: set[str] = field(default_factory=set)
    """Instances on which a person started one in the console: its traces are that person's."""
    stopped_jobs: set[str] = field(default_factory=set)
    """Jobs that somebody else deleted."""

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.truth.cloud.clock.now_ms() / 1000, timezone.utc)

    @property
    def began(self) -> int:
        """The number of row changes seen when the acting invocation began."""
        return self.frame.began if self.frame else self.truth.count

    def batch(self, migration: Migration) -> Batch:
        return self.truth.batches[migration.batch_id]


class Checker:
    """One invariant."""

    number = 0
    name = ""

    def row(self, change: Change, scene: Scene) -> Found:
        """A row was written."""
        yield from ()

    def effect(self, effect: Effect, scene: Scene) -> Found:
        """A call of ECS or SMC had its effect."""
        yield from ()

    def invocation(self, frame: Frame, error: dict[str, Any], scene: Scene) -> Found:
        """An invocation ended with an error (its type and message)."""
        yield from ()

    def rest(self, scene: Scene) -> Found:
        """Everything has ended, been released and swept."""
        yield from ()


def _entered(change: Change, truth: Truth) -> tuple[State | None, Migration] | None:
    """The change of state that a written row is, if it is one: the state before, and the migration after."""
    if change.table != tables.MIGRATIONS or change.after is None:
        return None
    before = change.before["state"] if change.before else None
    if before == change.after["state"]:
        return None
    return State(before) if before else None, truth.migrations[change.key[0]]


class SnapshotsFirst(Checker):
    """1. No migration starts before every disk has an accomplished snapshot made after the last precheck."""

    number, name = 1, "snapshots first"

    def effect(self, effect: Effect, scene: Scene) -> Found:
        if effect.operation != "StartReplicationJob" or not effect.ours:
            return
        migration = scene.truth.of_job(effect.params["JobId"])
        if migration is None:
            yield f"job {effect.params['JobId']} of no migration was started"
            return
        if migration.state is not State.MIGRATING and State.MIGRATING not in scene.truth.states_since(
            migration.migration_id, scene.began
        ):
            yield f"{migration.migration_id} was started while {migration.state.value}"
        bare = [disk["DiskId"] for disk in scene.truth.disks(migration.instance_id) if not _safe(disk, migration, scene)]
        if bare:
            yield f"{migration.migration_id} was started with no finished snapshot of {', '.join(bare)}"


def _safe(disk: dict[str, Any], migration: Migration, scene: Scene) -> bool:
    """Whether the disk has a finished snapshot of the right age, or had one that others deleted once it was too late to see."""
    since = (migration.prechecked_at or migration.created_at).replace(microsecond=0)
    started = scene.truth.past[migration.migration_id][-1][0]
    for entry in scene.truth.ledger.values():
        if entry.migration_id != migration.migration_id or entry.disk_id != disk["DiskId"] or entry.hop != migration.hop:
            continue
        snapshot = scene.truth.snapshot(entry.snapshot_id) if entry.snapshot_id else None
        if snapshot is None:
            deleted = scene.deleted_by_others.get(entry.snapshot_id)
            if deleted is not None and deleted >= min(started, scene.began) - LOOK_BACK:
                return True
        elif (
            snapshot["Status"] == "accomplished"
            and datetime.fromisoformat(snapshot["CreationTime"].replace("Z", "+00:00")) >= since
        ):
            return True
    return False


LOOK_BACK = 12
"""Rows written at most between the deciding invocation's look at the snapshots and its step: a deletion then is nobody's fault."""


class DeleteOnlyOurs(Checker):
    """2. No snapshot is deleted unless it is ours or adopted, released by a person, and past its retention."""

    number, name = 2, "delete only what may go"

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        """Snapshots that the product's own calls made, and the disk each is of."""

    def effect(self, effect: Effect, scene: Scene) -> Found:
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
        own = f"replank-{migration.migration_id}-" if entry.owner == "replank" else SMC_PREFIX
        if not snapshot["SnapshotName"].startswith(own) or snapshot["sim"]["instance"] != migration.instance_id:
            yield f"snapshot {id} ({snapshot['SnapshotName']}) is not {migration.migration_id}'s, and was deleted"
        if migration.released_at is None:
            yield f"snapshot {id} of {migration.migration_id} was deleted and nobody released it"
        elif scene.now < migration.released_at + timedelta(days=scene.batch(migration).policy.retention_days):
            yield f"snapshot {id} of {migration.migration_id} was deleted {scene.now - migration.released_at} after its release"

    def _entry(self, id: str, snapshot: dict[str, Any], truth: Truth) -> LedgerEntry | None:
        """The ledger's row of a snapshot: the one with its id, or the one written before it was asked for.

        Where the function dies, or the answer is lost, between the two writes, the row never learns the id. It names the snapshot
        all the same: no two have its migration, hop, attempt and disk. That is enough only for what the product's own call made.
        """
        for entry in truth.ledger.values():
            if entry.snapshot_id == id:
                return entry
        for (migration_id, key), entry in truth.ledger.items():
            asked_for = not entry.snapshot_id and entry.owner == "replank" and self._made.get(id) == entry.disk_id
            if asked_for and snapshot["SnapshotName"] == f"replank-{migration_id}-{key}":
                return entry
        return None


class OneAtATime(Checker):
    """3. At most one active migration per instance, at most one unfinished job per source."""

    number, name = 3, "one at a time"

    def row(self, change: Change, scene: Scene) -> Found:
        entered = _entered(change, scene.truth)
        if entered is not None:
            yield from self._entering(entered[1], scene)
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


class NeverStuck(Checker):
    """5. Every migration ends, or waits for a named person; nothing of ours is left behind. (The runner asks it at rest.)"""

    number, name = 5, "never stuck"

    def rest(self, scene: Scene) -> Found:
        truth = scene.truth
        for migration in truth.migrations.values():
            if migration.state not in TERMINAL:
                yield f"{migration.migration_id} is still {migration.state.value}"
            owed = [name for name in truth.rows[migration.migration_id] if name.startswith(tables.OUTBOX)]
            if owed:
                yield f"{migration.migration_id} ({migration.state.value}) still owes {', '.join(owed)}"
        yield from _left_in_store(truth)
        yield from _left_in_account(scene)


def _left_in_store(truth: Truth) -> Found:
    for lock, row in truth.locks.items():
        if lock != "slots":
            holder = truth.migrations.get(row["migration_id"])
            yield f"the lock {lock} is still held by {row['migration_id']} ({holder.state.value if holder else 'unknown'})"
    for holder_id in truth.slots():
        yield f"{holder_id} still holds a slot"


def _left_in_account(scene: Scene) -> Found:
    truth = scene.truth
    kept = {id for id, each in truth.migrations.items() if each.released_at is None}
    for snapshot in truth.snapshots():
        name, instance_id = snapshot["SnapshotName"], snapshot["sim"]["instance"]
        if name.startswith("replank-") and name.split("-")[1] not in kept:
            yield f"snapshot {snapshot['SnapshotId']} ({name}) is left behind"
        by_smc = name.startswith(SMC_PREFIX) and instance_id in scene.moved - scene.pressed
        if by_smc and not any(each.instance_id == instance_id and id in kept for id, each in truth.migrations.items()):
            yield f"snapshot {snapshot['SnapshotId']} ({name}) of {instance_id} is left behind"
    for job in truth.jobs():
        if job["Name"].startswith("rp-"):
            yield f"job {job['JobId']} ({job['Name']}) is left behind, {job['Status']}"
    for id, source in truth.smc.sources.items():
        if source["sim"]["instance_id"] not in scene.pressed:
            yield f"source {id} of {source['sim']['instance_id']} is left behind"
    for id, token in truth.smc.tokens.items():
        if token["Name"].startswith("rp-"):
            yield f"token {id} ({token['Name']}) is left behind"


class JournalIsTheTruth(Checker):
    """6. The journal is a path through the state machine, complete and in order; replaying it gives the state."""

    number, name = 6, "journal"

    def row(self, change: Change, scene: Scene) -> Found:
        if change.table != tables.MIGRATIONS:
            return
        id, before, after = change.key[0], change.before, change.after
        if after is None:
            yield f"the row of {id} was deleted"
            return
        old = _journal(before)
        new = _journal(after)
        if {name: new.get(name) for name in old} != old:
            yield f"{id}: a line of the journal was changed"
        version = (before or {}).get("version", 0)
        added = sorted(set(new) - set(old))
        if after["version"] == version:
            if added or (before and before["doc"] != after["doc"]):
                yield f"{id}: changed without a step"
        elif added != [tables.numbered(tables.JOURNAL, version + 1)] or after["version"] != version + 1:
            yield f"{id}: version {version} -> {after['version']} with the lines {added}"
        else:
            yield from self._line(id, before, after, new[added[0]])

    @staticmethod
    def _line(id: str, before: dict[str, Any] | None, after: dict[str, Any], written: str) -> Found:
        line = tables.journal_of(written)
        known = State(before["state"]) if before else None
        if line.from_state is not known or line.to_state.value != after["state"]:
            yield f"{id}: the line says {line.from_state} -> {line.to_state}, the row {known} -> {after['state']}"
        if line.to_state not in TRANSITIONS[known]:
            yield f"{id}: {known} -> {line.to_state} is no transition"

    def rest(self, scene: Scene) -> Found:
        for id, row in scene.truth.rows.items():
            try:
                state = replay([tables.journal_of(row[name]) for name in sorted(_journal(row))])
            except Exception as error:
                yield f"{id}: {error}"
                continue
            if state.value != row["state"]:
                yield f"{id}: the journal leads to {state.value}, the row says {row['state']}"


def _journal(row: dict[str, Any] | None) -> dict[str, str]:
    return {name: value for name, value in (row or {}).items() if name.startswith(tables.JOURNAL)}


class Limits(Checker):
    """7. Limits hold at every instant: wave size, account limit, failure budget, canary, maintenance window."""

    number, name = 7, "limits"

    def row(self, change: Change, scene: Scene) -> Found:
        if change.table == tables.LOCKS and change.key[0] == "slots":
            yield from self._slots(scene)
        entered = _entered(change, scene.truth)
        if entered is None or entered[1].state not in MOVING:
            return
        before, migration = entered
        truth = scene.truth
        if migration.migration_id not in truth.slots():
            yield f"{migration.migration_id} became {migration.state.value} without a slot"
        if before is State.READY and migration.hop == 0 and migration.attempt == 1:
            yield from self._admitted(migration, scene)

    @staticmethod
    def _slots(scene: Scene) -> Found:
        held = scene.truth.slots()
        if len(held) > scene.account_limit:
            yield f"{len(held)} slots are held, the account's limit is {scene.account_limit}"
        for batch_id, count in Counter(held.values()).items():
            most = scene.truth.batches[batch_id].policy.max_moving
            if count > most:
                yield f"{count} of {batch_id} hold a slot, its limit is {most}"

    @staticmethod
    def _admitted(migration: Migration, scene: Scene) -> Found:
        batch, truth, policy = scene.batch(migration), scene.truth, scene.batch(migration).policy
        failed = [
            each.migration_id
            for each in truth.migrations.values()
            if each.batch_id == batch.batch_id
            and each.state is State.FAILED
            and scene.now - each.entered_at > COUNTED_LATE
            and State.FAILED in truth.states_since(each.migration_id, scene.began)
            and each.migration_id in truth.failed(batch.batch_id)
        ]
        if len(failed) > policy.failure_budget:
            yield f"{migration.migration_id} was admitted after {len(failed)} failures, the budget is {policy.failure_budget}"
        began = datetime.fromtimestamp(scene.frame.now_ms / 1000, timezone.utc) if scene.frame else scene.now
        if policy.window is not None and not policy.window.allows(began):
            yield f"{migration.migration_id} was admitted at {began:%H:%M}, outside of its window"
        if policy.canary:
            mates = [each for each in truth.migrations.values() if each.batch_id == batch.batch_id]
            proved = sum(tables.MOVED + each.migration_id in truth.batch_rows[batch.batch_id] for each in mates)
            moving = sum(each.state in MOVING for each in mates)
            if proved < policy.canary < moving + proved:
                yield f"{migration.migration_id} was admitted beside {moving - 1} others before the canary"


class OnceOnly(Checker):
    """8. Duplicates, crashes and races change nothing: each effect once, a rollback proved, a success proved, no bug met."""

    number, name = 8, "once only"

    def __init__(self) -> None:
        self._starts: Counter[tuple[str, int, int]] = Counter()
        self._names: dict[str, str] = {}

    def effect(self, effect: Effect, scene: Scene) -> Found:
        if not effect.ours:
            return
        if effect.operation == "CreateSnapshot":
            name = effect.params["SnapshotName"]
            if self._names.setdefault(name, effect.answer["SnapshotId"]) != effect.answer["SnapshotId"]:
                yield f"{name} was made twice"
        if effect.operation == "StartReplicationJob":
            migration = scene.truth.of_job(effect.params["JobId"])
            if migration is not None:
                key = (migration.migration_id, migration.hop, migration.attempt)
                self._starts[key] += 1
                if self._starts[key] > 1:
                    yield f"the job of {migration.migration_id} was started {self._starts[key]} times in one attempt"
        if effect.operation == "ResetDisk":
            entry = next((each for each in scene.truth.ledger.values() if each.snapshot_id == effect.params["SnapshotId"]), None)
            if entry is None or entry.hop != 0 or entry.disk_id != effect.params["DiskId"]:
                yield f"disk {effect.params['DiskId']} was reset from {effect.params['SnapshotId']}, not from before"

    def row(self, change: Change, scene: Scene) -> Found:
        entered = _entered(change, scene.truth)
        if entered is None:
            return
        before, migration = entered
        if migration.state is State.ROLLED_BACK and before is State.ROLLING_BACK:
            yield from self._as_before(migration, scene)
        if migration.state is State.MIGRATED:
            yield from self._as_promised(migration, scene)

    @staticmethod
    def _as_before(migration: Migration, scene: Scene) -> Found:
        """A rollback called a success has the bytes of the snapshots."""
        entries = [each for (owner, _), each in scene.truth.ledger.items() if owner == migration.migration_id]
        for disk in scene.truth.disks(migration.instance_id):
            made = [scene.truth.snapshot(each.snapshot_id) for each in entries if each.disk_id == disk["DiskId"] and each.hop == 0]
            kept = {each["sim"]["blob"] for each in made if each is not None}
            if kept and disk["sim"]["blob"] not in kept:
                yield f"{migration.migration_id} is called rolled back, and disk {disk['DiskId']} is not what it was"

    @staticmethod
    def _as_promised(migration: Migration, scene: Scene) -> Found:
        """A migration called a success has had a finished job for its last hop."""
        job = scene.truth.smc.jobs.get(migration.handle.job_id)
        if migration.handle.job_id in scene.stopped_jobs:
            return
        if job is None or job["Status"] != "Finished":
            status = (job or {}).get("Status", "gone")
            yield f"{migration.migration_id} is called migrated, its job {migration.handle.job_id} is {status}"

    def invocation(self, frame: Frame, error: dict[str, Any], scene: Scene) -> Found:
        if error.get("errorType") not in ("Transient", "Killed"):
            yield f"{frame.function} met {error.get('errorType')}: {error.get('errorMessage')}"

    def rest(self, scene: Scene) -> Found:
        asked: dict[tuple[str, str], str] = {}
        for (migration_id, _), entry in scene.truth.ledger.items():
            if entry.state is not SnapshotState.SWEPT and scene.truth.migrations[migration_id].released_at is not None:
                asked[migration_id, entry.key] = entry.state.value
        for (migration_id, key), state in asked.items():
            yield f"the ledger still has {key} of {migration_id} as {state}"


def all_checkers() -> list[Checker]:
    """Fresh checkers for one run."""
    return [
        SnapshotsFirst(),
        DeleteOnlyOurs(),
        OneAtATime(),
        Acknowledged(),
        NeverStuck(),
        JournalIsTheTruth(),
        Limits(),
        OnceOnly(),
    ]
