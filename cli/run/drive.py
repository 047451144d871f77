"""The main loop of a run: reads the migrations, shows progress, acts as operator, and advances virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cli import states
from cli.run.cloud import RunningCloud
from cli.run.operator import SimulatedOperator
from cli.run.screen import Screen
from shared.domain.migration import State

Json = dict[str, Any]
STEP_S, HOUR_S = 60, 3600
BIG_FLEET = 200
"""A run with more migrations than BIG_FLEET polls less often, because each poll reads every migration."""
STALLED_S = 9 * 24 * HOUR_S
"""The run gives up after STALLED_S seconds of virtual time without a change, if all migrations are waiting.

STALLED_S is longer than the time between two weekly windows.
"""
STUCK_S = 26 * HOUR_S
"""The run gives up after STUCK_S seconds of virtual time without a change, if at least one migration is not waiting.

STUCK_S is longer than every time limit of the pipeline. For example, the first snapshot of a disk may take a day.
"""
PLANNED_S = HOUR_S
"""Seconds of virtual time within which every notice must become a batch, and every batch must be planned."""


@dataclass
class RunLoop:
    """The main loop of a run. ``batches`` is the number of batches that the run expects."""

    cloud: RunningCloud
    operator: SimulatedOperator
    screen: Screen
    batches: int
    _moved_ms: int = 0
    _before: Any = None
    _step_s: int = field(default=STEP_S)

    def run(self) -> list[Json]:
        """Loop until all migrations have ended, or until nothing has changed for too long. Returns the batches."""
        api = self.operator.api
        clock = self.cloud.clock_state()
        self._moved_ms = started_ms = clock["now_ms"]
        while True:
            batches = list(api.all_items("/batches", "batches"))
            migrations = list(api.all_items("/migrations", "migrations"))
            self.screen.update(batches, migrations, clock["now"])
            acted = self.operator.carry_out_possible_acts(batches, migrations)
            self._record_progress(migrations, acted, clock["now_ms"])
            missing = len(batches) < self.batches
            if missing and clock["now_ms"] - started_ms > PLANNED_S * 1000:
                return batches
            if not acted and not missing and self._has_run_ended(batches, migrations, clock["now_ms"]):
                return batches
            clock = self.cloud.advance_clock(self._seconds_to_advance(migrations))

    def _record_progress(self, migrations: list[Json], acted: int, now_ms: int) -> None:
        seen = sorted((each["migrationId"], each["version"], each["progress"]) for each in migrations)
        moving = not migrations or not all(map(_is_waiting, migrations))
        changed = seen != self._before or acted > 0
        if changed:
            self._moved_ms = now_ms
        self._step_s = STEP_S if changed or moving else min(self._step_s * 2, HOUR_S)
        self._before = seen

    def _seconds_to_advance(self, migrations: list[Json]) -> int:
        if migrations and all(map(_is_at_rest, migrations)):
            return HOUR_S
        return max(self._step_s, STEP_S * 5 if len(migrations) > BIG_FLEET else STEP_S)

    def _has_run_ended(self, batches: list[Json], migrations: list[Json], now_ms: int) -> bool:
        planned = all(batch["state"] != "planning" for batch in batches)
        ended = all(_has_migration_ended(each) for each in migrations)
        waiting = all(map(_is_waiting, migrations))
        patience_s = PLANNED_S if not planned else STALLED_S if waiting else STUCK_S
        return (planned and ended) or now_ms - self._moved_ms > patience_s * 1000


def _is_at_rest(migration: Json) -> bool:
    """Whether only a sweep can still change the migration. The operator retries a failed migration only once."""
    return migration["state"] in states.RESTING or _has_migration_ended(migration)


def _is_waiting(migration: Json) -> bool:
    return _is_at_rest(migration) or migration["state"] == State.READY.value


def _has_migration_ended(migration: Json) -> bool:
    return migration["state"] in states.ENDED or (migration["state"] == "failed" and migration["attempt"] > 1)
