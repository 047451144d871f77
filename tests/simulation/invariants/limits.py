"""Invariant 7: limits hold at every instant."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

from shared.adapters import tables
from shared.domain.migration import MOVING, Migration, State
from tests.simulation.invariants.scene import Checker, Found, Scene, entered
from tests.simulation.truth import Change

COUNTED_LATE = timedelta(minutes=6)
"""How long after a failure its count may still be on its way (outbox, tick), before an admission must have seen it."""


class Limits(Checker):
    """7. Limits hold at every instant: wave size, account limit, failure budget, canary, maintenance window."""

    number, name = 7, "limits"

    def row(self, change: Change, scene: Scene) -> Found:
        if change.table == tables.LOCKS and change.key[0] == "slots":
            yield from self._slots(scene)
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state not in MOVING:
            return
        before, migration = entry
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
