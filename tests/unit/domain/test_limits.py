"""The table of starts and limits: one test for each cell, and the text of each limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchProgress, BatchState, PauseState, Selection
from shared.domain.hold import NOTHING_HELD, Hold
from shared.domain.limits import (
    LIMITS_OF_START,
    AdmissionCounts,
    Limit,
    StartContext,
    StartKind,
    allowed_start_count,
    blocking_limit,
    has_admission_priority,
    has_missed_window,
    kind_of_next_start,
    needs_new_snapshots,
    requeue_migration,
)
from shared.domain.migration import DriverData, Migration, State
from shared.domain.policy import Policy
from shared.domain.times import Blackout
from shared.domain.window import Window

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
ACK = Acknowledgement("ann", NOW, "v", RISKS)
BATCH = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(("cn-hangzhou",)), Policy(max_moving=3), acknowledgement=ACK)
PAUSED = BatchProgress(PauseState.PAUSED, "bob", NOW, "the pager")
NOBODY = AdmissionCounts(frozenset(), frozenset(), 0, 0)
OPEN = StartContext(BATCH.summary, NOBODY, NOTHING_HELD, NOW, 20)
PROMISED = """
                hold pause account acknowledgement approval window blackout failure_budget canary wave group region wave_slot slot
FIRST_SNAPSHOT  x  x  x  x  x  x  x  x  x  x  x  x  x  x
FIRST_JOB       x  x  x  x  x  x  x  x  x  x  x  x  x  x
HOP_SNAPSHOT    x  -  x  x  -  x  x  -  -  -  x  x  x  x
HOP_JOB         x  -  x  x  -  x  x  -  -  -  x  x  x  x
RETRY_SNAPSHOT  x  x  x  x  x  x  x  x  x  x  x  x  x  x
RETRY_JOB       x  x  x  x  x  x  x  x  x  x  x  x  x  x
RETRY_LOOK      x  x  x  x  x  x  x  x  x  x  x  x  x  x
ROLLBACK        -  -  -  -  -  -  -  -  -  -  -  -  -  -
"""
"""The promised table, written down a second time, so that the table in the code cannot change by accident."""
CELLS = [
    (StartKind[name], limit, cell == "x")
    for name, *cells in (line.split() for line in PROMISED.strip().splitlines()[1:])
    for limit, cell in zip(Limit, cells, strict=True)
]


def scene(
    standing: AdmissionCounts = NOBODY, *, hold: Hold = NOTHING_HELD, ack: Acknowledgement | None = ACK, **policy: object
) -> StartContext:
    chosen = replace(BATCH, policy=replace(BATCH.policy, **policy), acknowledgement=ack)  # type: ignore[arg-type]
    return StartContext(chosen.summary, standing, hold, NOW, 20)


BROKEN = {
    Limit.HOLD: scene(hold=Hold("everything is held by bob")),
    Limit.PAUSE: replace(OPEN, summary=replace(BATCH.summary, control=PAUSED)),
    Limit.ACCOUNT: replace(scene(), trouble="account 1000000000000001 cannot be used"),
    Limit.ACKNOWLEDGEMENT: scene(ack=None),
    Limit.APPROVAL: scene(approvals=1),
    Limit.WINDOW: scene(window=Window("22:00", "04:00")),
    Limit.BLACKOUT: scene(blackouts=(Blackout(NOW, NOW + timedelta(hours=1), "year end"),)),
    Limit.BUDGET: scene(replace(NOBODY, failed=frozenset({"m1", "m2"}))),
    Limit.CANARY: scene(replace(NOBODY, held_by_batch=1), canary=1),
    Limit.WAVE: replace(OPEN, wave=1),
    Limit.GROUP: replace(OPEN, mate="its group app=shop waits for m9 (i-9), which is migrating"),
    Limit.REGION: scene(replace(NOBODY, held_in_region=2), max_moving_per_region=2),
    Limit.WAVE_SLOT: scene(replace(NOBODY, held_in_wave=2), max_moving_per_wave=2),
    Limit.SLOT: scene(replace(NOBODY, held_by_batch=3)),
}
"""For each limit: a situation in which only this limit holds the start."""


def test_the_table_has_a_cell_for_every_start_and_limit() -> None:
    assert len(CELLS) == len(StartKind) * len(Limit) == len(LIMITS_OF_START) * len(BROKEN)


@pytest.mark.parametrize(("start", "limit", "holds"), CELLS, ids=lambda value: getattr(value, "name", str(value)))
def test_a_limit_holds_a_start_as_the_table_says(start: StartKind, limit: Limit, holds: bool) -> None:
    held = blocking_limit(start, BROKEN[limit])
    assert (held.limit if held else None) is (limit if holds else None)
    if start is not StartKind.ROLLBACK:  # a rollback needs no room
        assert (allowed_start_count(start, BROKEN[limit]) == 0) is holds


@pytest.mark.parametrize("start", StartKind)
def test_nothing_is_held_if_no_limit_is_in_the_way(start: StartKind) -> None:
    assert blocking_limit(start, OPEN) is None


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, StartKind.FIRST_SNAPSHOT),
        ({"attempt": 2}, StartKind.FIRST_SNAPSHOT),
        ({"state": State.SNAPSHOTTED}, StartKind.FIRST_JOB),
        ({"hop": 1}, StartKind.HOP_SNAPSHOT),
        ({"hop": 1, "attempt": 3}, StartKind.HOP_SNAPSHOT),
        ({"hop": 1, "state": State.SNAPSHOTTED}, StartKind.HOP_JOB),
        ({"retried": True}, StartKind.RETRY_SNAPSHOT),
        ({"retried": True, "hop": 1}, StartKind.RETRY_SNAPSHOT),
        ({"retried": True, "state": State.WAITING, "resumes": "migrate"}, StartKind.RETRY_JOB),
        ({"retried": True, "state": State.SNAPSHOTTED, "hop": 1}, StartKind.RETRY_JOB),
        ({"retried": True, "state": State.WAITING, "resumes": "validate"}, StartKind.RETRY_LOOK),
    ],
)
def test_a_row_tells_what_it_starts_next(changes: dict[str, object], start: StartKind) -> None:
    assert kind_of_next_start(migration(**changes)) is start


def migration(**changes: object) -> Migration:
    made = Migration("m1", "b1", "i-1", "cn-hangzhou", State.READY, 7, 7, NOW, NOW, prechecked_at=NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit.HOLD, "everything is held by bob"),
        (Limit.ACKNOWLEDGEMENT, "the risks are not acknowledged yet"),
        (Limit.WINDOW, "the maintenance window is closed; the next start is possible 2026-11-23 22:00 UTC"),
        (
            Limit.BLACKOUT,
            "a blackout (year end) ends 2026-11-23 09:00 UTC; the next start is possible 2026-11-23 09:00 UTC",
        ),
        (Limit.BUDGET, "2 migrations failed (m1, m2), the budget is 1"),
        (Limit.CANARY, "the canary has not passed: 0 of 1 validated"),
        (Limit.REGION, "the maximum of the batch's instances already move in this region (2, maxMovingPerRegion)"),
        (Limit.WAVE_SLOT, "the maximum of this wave's instances already move (2, maxMovingPerWave)"),
        (Limit.SLOT, "every slot is taken"),
    ],
)
def test_each_limit_says_what_it_is(limit: Limit, words: str) -> None:
    held = blocking_limit(StartKind.FIRST_SNAPSHOT, BROKEN[limit])
    assert held is not None
    assert held.reason == words


def test_many_failures_are_not_all_named() -> None:
    held = blocking_limit(StartKind.FIRST_SNAPSHOT, scene(replace(NOBODY, failed=frozenset(f"m{number}" for number in range(8)))))
    assert held is not None
    assert held.reason == "8 migrations failed (m0, m1, m2, m3, m4 and 3 more), the budget is 1"


def test_a_dry_run_starts_nothing() -> None:
    dry = replace(OPEN, summary=replace(BATCH.summary, dry_run=True))
    held = blocking_limit(StartKind.FIRST_SNAPSHOT, dry)
    assert held is not None
    assert held.reason == "the batch is a dry run"


def test_the_failure_budget_is_the_number_of_failures_that_are_still_allowed() -> None:
    assert blocking_limit(StartKind.FIRST_SNAPSHOT, scene(replace(NOBODY, failed=frozenset({"m1"})))) is None


def test_the_canary_goes_first_and_alone() -> None:
    def room(standing: AdmissionCounts) -> int:
        return allowed_start_count(StartKind.FIRST_SNAPSHOT, scene(standing, max_moving=10, canary=2))

    assert room(NOBODY) == 2
    assert room(replace(NOBODY, held_by_batch=2, held_by_account=2)) == 0
    assert room(replace(NOBODY, moved=frozenset({"m1"}), held_by_batch=1)) == 0
    assert room(replace(NOBODY, moved=frozenset({"m1", "m2"}))) == 10


def test_one_of_the_canary_that_still_holds_its_slot_counts_once() -> None:
    """The migration counts as moved before its slot is free. The other one's job must not wait for that."""
    moment = AdmissionCounts(frozenset(), frozenset({"m1"}), held_by_batch=1, held_by_account=1, has_slot=True, unproved=0)
    assert blocking_limit(StartKind.FIRST_JOB, scene(moment, canary=2)) is None


def test_two_that_hold_slots_beside_a_canary_that_was_rolled_back_start_no_job() -> None:
    both = AdmissionCounts(frozenset({"m0"}), frozenset(), held_by_batch=1, held_by_account=1, has_slot=True, unproved=1)
    held = blocking_limit(StartKind.FIRST_JOB, scene(both, canary=1))
    assert held is not None
    assert held.limit is Limit.CANARY


def test_who_holds_a_slot_needs_none() -> None:
    full = replace(NOBODY, held_by_batch=3, held_in_region=2, held_in_wave=2, has_slot=True)
    assert blocking_limit(StartKind.FIRST_JOB, scene(full, max_moving_per_region=2, max_moving_per_wave=2)) is None


def test_in_a_batch_with_a_window_the_tick_chooses() -> None:
    """So that a waiting next hop is the first to start when the window opens."""
    open_window = replace(scene(window=Window("06:00", "12:00")), offered=False)
    held = blocking_limit(StartKind.FIRST_SNAPSHOT, open_window)
    assert held is not None
    assert held.reason == "its turn: the next minute's look"
    assert blocking_limit(StartKind.FIRST_SNAPSHOT, replace(open_window, offered=True)) is None
    assert blocking_limit(StartKind.FIRST_SNAPSHOT, replace(OPEN, offered=False)) is None


def test_a_next_hop_comes_first_and_its_retry_does_not() -> None:
    assert has_admission_priority(migration(hop=1))
    assert not has_admission_priority(migration(hop=1, retried=True))
    assert not has_admission_priority(migration())


@pytest.mark.parametrize(
    ("before", "to", "prechecked"),
    [
        (migration(state=State.SNAPSHOTTED), State.READY, None),
        (migration(state=State.SNAPSHOTTED, hop=1), State.READY, None),
        (migration(state=State.SNAPSHOTTED, handle=DriverData(job_id="j", began_at=NOW, started_at=NOW)), State.WAITING, NOW),
        (migration(state=State.SNAPSHOTTED, resumes="migrate"), State.WAITING, NOW),
        (migration(state=State.READY), State.READY, NOW),
        (migration(state=State.WAITING, resumes="validate"), State.WAITING, NOW),
    ],
)
def test_what_cannot_start_gives_its_slot_back(before: Migration, to: State, prechecked: datetime | None) -> None:
    """If no job has run in the hop, its snapshots are made again. After a job, the first snapshots stay the ones to return to."""
    taken = requeue_migration(before, "the maintenance window is closed", by="migrate", now=NOW)
    after = taken.after
    assert (after.state, after.attempt, after.prechecked_at, after.handle.began_at) == (to, 2, prechecked, None)
    assert [type(effect).__name__ for effect in taken.effects] == ["ReleaseSlot"]
    assert "window" in taken.entry.reason
    assert kind_of_next_start(after).name.partition("_")[0] == kind_of_next_start(before).name.partition("_")[0]


def test_snapshots_do_not_outlive_their_window() -> None:
    summary = replace(BATCH.summary, policy=Policy(window=Window("06:00", "12:00")))
    old = migration(state=State.SNAPSHOTTED, entered_at=NOW - timedelta(hours=20))
    assert needs_new_snapshots(old, summary, NOW)
    assert not needs_new_snapshots(replace(old, entered_at=NOW - timedelta(minutes=5)), summary, NOW)
    assert not needs_new_snapshots(replace(old, handle=DriverData(started_at=NOW)), summary, NOW)
    assert not needs_new_snapshots(old, BATCH.summary, NOW)


@pytest.mark.parametrize(
    ("start", "ran", "missed"),
    [("07:00", False, False), ("09:00", False, True), ("07:00", True, False), ("09:00", True, False)],
)
def test_only_snapshots_that_were_ready_too_late_miss_their_window(start: str, ran: bool, missed: bool) -> None:
    made = migration(state=State.SNAPSHOTTED, entered_at=NOW, handle=DriverData(started_at=NOW if ran else None))
    summary = replace(BATCH.summary, policy=Policy(window=Window(start, "11:00")))
    assert has_missed_window(made, summary, NOW) is missed
    after = requeue_migration(made, "the maintenance window is closed", by="migrate", now=NOW, missed=missed).after
    assert after.windows_missed == missed
