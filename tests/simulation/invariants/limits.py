"""Invariant 7: the limits hold at every moment."""

from __future__ import annotations

from collections import Counter

from tests.simulation import records
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.invariants.times import within
from tests.simulation.records import BATCHES, LOCKS, MIGRATIONS, MOVING, OUTBOX, SLOTS, Migration, State, numbered
from tests.simulation.truth import Change, Truth

RETRIED = frozenset({State.ACCEPTED, State.WAITING})
"""The states that a retry of a failed migration can lead to. A repeated rollback is not a retry: the migration stays failed."""
UNDONE = frozenset({State.FAILED.value, State.PRECHECK_FAILED.value})
"""The states whose failure a retry removes from the count."""
UNSETTLED = 1 << 60
"""Marks a count that is not written yet: by design it may stay in the outbox until the tick."""


def _is_refused_late(migration: Migration, row: records.Columns) -> bool:
    """Whether a precheck refused the migration after an earlier precheck had passed."""
    return migration.state is State.PRECHECK_FAILED and any(line.to_state is State.READY for line in records.lines(row))


class LimitsHeld(Checker):
    """7. The limits hold at every moment: wave size, account limit, failure budget, canary, maintenance window."""

    number, name = 7, "limits"

    def __init__(self) -> None:
        self._failed: dict[str, dict[str, int]] = {}
        """By batch and migration: the row change by which an unretried failure should have been counted."""
        self._forgiven: dict[str, int] = {}
        """By migration: the failed attempt that a person's resume removed from the count."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == LOCKS and change.key[0] == SLOTS:
            yield from self._slots(change, scene)
        if change.table == BATCHES and change.after is not None:
            self._note_forgiven(change)
        if change.table == MIGRATIONS and change.after is not None:
            self._note_failure(change, scene.truth)
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state not in MOVING:
            return
        before, migration = entry
        truth = scene.truth
        if migration.migration_id not in truth.slots():
            yield f"{migration.migration_id} became {migration.state.value} without a slot"
        if before is State.WAITING or (before is State.READY and migration.hop == 0):
            yield from self._admitted(migration, scene)
        if (
            migration.state is State.MIGRATING
            and migration.driver != "console"  # a person may have started the job, and the product follows a running job
            and not any(within(each, scene.asked) for each in scene.policies(migration.batch_id))
        ):
            yield f"{migration.migration_id} began to migrate at {scene.asked:%H:%M}, outside of its window"

    @staticmethod
    def _slots(change: Change, scene: Sight) -> Found:
        held, homes = scene.truth.slots(), scene.truth.homes()
        for account_id, count in Counter(homes.values()).items():
            if count > scene.account_limit:
                yield f"{count} slots are held in account {account_id or 'our own'}, its limit is {scene.account_limit}"
        counted, members = scene.truth.counted(), Counter(filter(None, homes.values()))
        really = Counter(held.values()) + members + Counter({"": len(held)})
        if +counted != really or min(counted.values(), default=0) < 0:
            yield f"the slots row counts {dict(counted)}, and holds {dict(really)}"
        before = Counter(str(batch) for name, batch in (change.before or {}).items() if name.startswith(records.HELD))
        for batch_id, count in Counter(held.values()).items():
            most = max(each.max_moving for each in scene.policies(batch_id))
            if count > most and count > before[batch_id]:  # who has a slot keeps it under a tighter policy
                yield f"{count} of {batch_id} hold a slot, its limit is {most}"
        for migration in scene.truth.migrations.values():
            if migration.state in MOVING and migration.migration_id not in held:
                yield f"the slot of {migration.migration_id} was taken from it, and it is {migration.state.value}"

    def _note_failure(self, change: Change, truth: Truth) -> None:
        """Count failures independently: a failure (or a rollback) counts once its step's outbox is empty, until a person
        retries it.
        """
        migration, row = truth.migrations[change.key[0]], change.after or {}
        failures = self._failed.setdefault(migration.batch_id, {})
        if self._forgiven.get(migration.migration_id, 0) >= migration.attempt:
            failures.pop(migration.migration_id, None)
        elif migration.state in (State.FAILED, State.ROLLING_BACK) or _is_refused_late(migration, row):
            owed = numbered(OUTBOX, migration.entered_version) in row
            failures[migration.migration_id] = (
                UNSETTLED if owed else min(failures.get(migration.migration_id, UNSETTLED), truth.count)
            )
        elif (change.before or {}).get("state") in UNDONE and migration.state in RETRIED:
            failures.pop(migration.migration_id, None)

    def _note_forgiven(self, change: Change) -> None:
        """A person resumed the batch after it paused at its budget, so the failures so far no longer count."""
        for name, attempt in (change.after or {}).items():
            if name.startswith(records.FORGIVEN):
                id = name[len(records.FORGIVEN) :]
                if attempt > self._forgiven.get(id, 0):
                    self._forgiven[id] = attempt
                    self._failed.get(change.key[0], {}).pop(id, None)

    def _admitted(self, migration: Migration, scene: Sight) -> Found:
        batch, policies = scene.batch(migration), scene.policies(migration.batch_id)
        failed = [id for id, number in self._failed.get(batch.batch_id, {}).items() if number < scene.began]
        budget = max(map(batch.budget_by, policies))
        if len(failed) > budget:
            yield f"{migration.migration_id} was admitted after {len(failed)} failures, the budget is {budget}"
        if not any(within(each, scene.asked) for each in policies):
            yield f"{migration.migration_id} was admitted at {scene.asked:%H:%M}, outside of its window"
        yield from self._beside_canary(migration, [each.canary for each in policies], scene.truth)

    @staticmethod
    def _beside_canary(migration: Migration, canaries: list[int], truth: Truth) -> Found:
        """Judge by every number of canaries that the stage may have read."""
        if all(canaries):
            mates = [each for each in truth.migrations.values() if each.batch_id == migration.batch_id]
            row = truth.batch_rows[migration.batch_id]
            proved = sum(
                row.get(records.MOVED + each.migration_id, 0) > row.get(records.FAILED + each.migration_id, 0) for each in mates
            )
            moving = sum(each.state in MOVING for each in mates)
            if all(proved < each < moving + proved for each in canaries):
                yield f"{migration.migration_id} was admitted beside {moving - 1} others before the canary"
