"""Invariant 11: every start that moves an instance is judged, not only the first one."""

from __future__ import annotations

from typing import Any

from tests.simulation import records
from tests.simulation.invariants.limits import Limits, within
from tests.simulation.invariants.scene import Found, Scene, entered
from tests.simulation.records import MIGRATIONS, MOVING, Migration, State
from tests.simulation.truth import Change

STARTS = {State.SNAPSHOTTING: "snapshot", State.MIGRATING: "job"}
FIRST, RETRY, NEXT_HOP, GOES_ON = "first try", "retry", "next hop", "same try"
BY_WINDOW_ALONE = (NEXT_HOP, GOES_ON)
"""What has begun waits for the window only; a first try and a retry wait for everything."""


class EveryStart(Limits):
    """11. Limits are judged at every start, snapshot and job alike; a next hop waits for the window only."""

    number, name = 11, "every start"

    def __init__(self) -> None:
        super().__init__()
        self._begun: dict[str, tuple[int, int]] = {}
        """By migration: hop and attempt of its last start."""

    def row(self, change: Change, scene: Scene) -> Found:
        if change.table == MIGRATIONS and change.after is not None:
            self._note_failure(change, scene.truth)
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state not in STARTS:
            return
        migration = entry[1]
        kind, what = self._kind(migration), STARTS[migration.state]
        self._begun[migration.migration_id] = migration.hop, migration.attempt
        if what == "job" and migration.driver == "console":
            return  # a person pressed it; the product only sees it
        for reason in self._against(migration, kind, scene):
            yield f"{migration.migration_id} began its {what} ({kind}) {reason}"

    def _kind(self, migration: Migration) -> str:
        before = self._begun.get(migration.migration_id)
        if before is None:
            return FIRST
        hop, attempt = before
        if migration.attempt > attempt:
            return RETRY
        return NEXT_HOP if migration.hop > hop else GOES_ON

    def _against(self, migration: Migration, kind: str, scene: Scene) -> Found:
        batch, policy = scene.batch(migration), scene.batch(migration).policy
        if not within(policy.window, scene.asked):
            yield f"at {scene.asked:%H:%M}, outside of its window"
        if kind in BY_WINDOW_ALONE:
            return
        if batch.acknowledgement is None:
            yield "before anybody acknowledged its batch"
        own = migration.migration_id
        failed = [id for id, number in self._failed.get(batch.batch_id, {}).items() if number < scene.began and id != own]
        if len(failed) > policy.failure_budget:
            yield f"after {len(failed)} failures, the budget is {policy.failure_budget}"
        if policy.canary:
            yield from self._canary(migration, policy.canary, scene)

    @staticmethod
    def _canary(migration: Migration, canary: int, scene: Scene) -> Found:
        truth = scene.truth
        row: dict[str, Any] = truth.batch_rows[migration.batch_id]
        mates = [each for each in truth.migrations.values() if each.batch_id == migration.batch_id]
        proved = sum(records.MOVED + each.migration_id in row for each in mates)
        moving = sum(each.state in MOVING for each in mates)
        if proved < canary < moving + proved:
            yield f"beside {moving - 1} others before the canary"
