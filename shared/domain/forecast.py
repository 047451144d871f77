"""The forecast of a batch: a simulation with the scheduler's own rules and the declared durations. Pure.

The module ``limits`` decides which migrations may start, and when the failure budget is spent. The module ``waves`` decides when a
wave begins, and the module ``brake`` pauses the batch. Only durations, failures and the delays of persons are random.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from shared.domain import brake, waves
from shared.domain.batch import Batch, PauseState
from shared.domain.durations import PERSON, SNAPSHOTS, Duration, RandomDraws, parts_after_snapshots
from shared.domain.forecast_queue import GroupLocks, WaitingQueue
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import (
    AdmissionCounts,
    StartContext,
    StartKind,
    allowed_start_count,
    blocking_limit,
    can_wave_budget_be_spent,
    free_slots,
    why_budget_spent,
)
from shared.domain.record import dataclass

WAITING = "not begun"
MOVING = "under way"
MOVED = "ended well"
FAILED = "ended badly"
A_TICK = timedelta(minutes=1)
LARGE = 500
"""If a batch has at least this number of migrations, each step of a simulated run covers at least one minute. Smaller steps would
make the forecast of a large batch too slow.
"""
LONGEST = timedelta(days=400)
"""The maximum simulated time of a run. A longer run counts as never finished."""
MOST_STEPS = 200_000


@dataclass(frozen=True)
class ForecastMigration:
    """One migration in the input of a forecast: its present state and the number of its remaining hops. The field ``since`` is the
    time at which the migration began to move.
    """

    migration_id: str
    hops: int = 1
    state: str = WAITING
    since: datetime | None = None
    group: str = ""
    """The migration's redundancy group; empty if the migration has no group."""
    driver: str = ""
    """The migration's driver; empty if the migration uses the policy's driver."""


@dataclass(frozen=True)
class ForecastInput:
    """The input of a forecast: the present state of the batch. The field ``cut`` lists the migrations of each wave; the list is
    empty if the batch has no waves.
    """

    batch: Batch
    items: Sequence[ForecastMigration]
    cut: Sequence[Sequence[str]]
    now: datetime
    account_limit: int


@dataclass(frozen=True)
class FinishTimes:
    """The times at which a wave or a batch is expected to finish. ``p10``, ``p50`` and ``p90`` are the times by which 10 %, 50 %
    and 90 % of the simulated runs have finished.

    A time is None if too few runs finish.
    """

    earliest: datetime | None
    p10: datetime | None
    p50: datetime | None
    p90: datetime | None


@dataclass(frozen=True)
class Forecast:
    """The forecast of the whole batch and of each wave."""

    finish: FinishTimes
    waves: tuple[FinishTimes, ...]
    runs: int


@dataclass
class _SimulatedRun:
    """One simulated run: the batch as it changes, and the state of each migration."""

    batch: Batch
    cut: Sequence[Sequence[str]]
    draws: RandomDraws
    account_limit: int
    now: datetime
    left: dict[str, int]
    """For each migration, the number of remaining hops."""
    wave_of: dict[str, int]
    """For each migration, the number of its wave."""
    parts: dict[str, tuple[Duration, ...]]
    """For each migration, the parts of a hop that follow the snapshots. The parts depend on the migration's driver."""
    groups: GroupLocks
    first_tries: WaitingQueue
    """The migrations that wait for their first hop."""
    next_hops: WaitingQueue
    position: dict[str, int] = field(default_factory=dict)
    """For each migration, its position in the batch's order; empty if the policy names no order."""
    arrivals: int = 0
    """The number of entries into a queue so far, for all migrations together."""
    unsettled: Counter[int] = field(default_factory=Counter)
    """For each wave, the number of migrations that have not ended yet."""
    first_unsettled: int = 0
    """Number of the first wave in which a migration has not ended yet."""
    moving: set[str] = field(default_factory=set)
    canary: frozenset[str] = frozenset()
    """The migrations that have moved, up to the number that the canary needs."""
    failed: frozenset[str] = frozenset()
    due: list[tuple[datetime, str, str]] = field(default_factory=list)
    """A heap of future events: the time, the kind of event, and the migration."""
    hops: Counter[str] = field(default_factory=Counter)
    """For each migration, the number of completed hops."""
    waits_for_person: bool = False
    job_starts: dict[tuple[StartKind, int], bool] = field(default_factory=dict)
    """For each kind of start and each wave, whether jobs may start now. For a large batch, the answers are cached until the
    simulated time advances.
    """
    ends: dict[str, datetime] = field(default_factory=dict)
    within_budget: tuple[Batch, frozenset[str]] | None = None
    """The batch and the failed migrations at the last look at the failure budget, if the budget was not spent then. The answer
    depends on nothing else, so it holds until one of them is replaced.
    """


def forecast_batch(outlook: ForecastInput, *, seed: str, runs: int) -> Forecast:
    """The forecast of a batch and of its waves, made from a number of simulated runs. The same seed gives the same forecast."""
    fixed = _simulated_end_times(outlook, RandomDraws(seed, fixed=0.1))
    drawn = [_simulated_end_times(outlook, RandomDraws(f"{seed}:{number}")) for number in range(runs)]
    ranges = [_finish_times(fixed[place], [each[place] for each in drawn]) for place in range(len(fixed))]
    return Forecast(ranges[-1], tuple(ranges[:-1]), runs)


def _finish_times(earliest: datetime | None, drawn: Sequence[datetime | None]) -> FinishTimes:
    known = sorted(each for each in drawn if each is not None)

    def percentile(of: float) -> datetime | None:
        place = min(int(of * len(drawn)), len(drawn) - 1)
        return known[place] if place < len(known) else None

    return FinishTimes(earliest, percentile(0.1), percentile(0.5), percentile(0.9))


def _simulated_end_times(outlook: ForecastInput, draws: RandomDraws) -> list[datetime | None]:
    """The end time of each wave in one run; the last item is the end time of the whole batch. A time is None if the wave or batch
    never ends.
    """
    run = _new_run(outlook, draws)
    _advance_run(run)
    last: list[datetime | None] = []
    for place, ids in enumerate(run.cut):
        last.append(None if run.unsettled[place] else max((run.ends.get(id, outlook.now) for id in ids), default=outlook.now))
    return [*last, None if any(run.unsettled.values()) else max(run.ends.values(), default=outlook.now)]


def _new_run(outlook: ForecastInput, draws: RandomDraws) -> _SimulatedRun:
    cut = outlook.cut or [tuple(each.migration_id for each in outlook.items)]
    wave_of = {id: number for number, ids in enumerate(cut) for id in ids}
    left = {each.migration_id: each.hops for each in outlook.items}
    groups = GroupLocks({each.migration_id: each.group for each in outlook.items if each.group})
    queues = WaitingQueue(groups), WaitingQueue(groups)
    drivers = {each.migration_id: each.driver or outlook.batch.policy.driver for each in outlook.items}
    parts_of = {each: parts_after_snapshots(each) for each in set(drivers.values())}
    parts = {id: parts_of[driver] for id, driver in drivers.items()}
    run = _SimulatedRun(outlook.batch, cut, draws, outlook.account_limit, outlook.now, left, wave_of, parts, groups, *queues)
    if outlook.batch.policy.order:
        run.position = {id: number for number, id in enumerate(left)}
    run.failed = frozenset(each.migration_id for each in outlook.items if each.state == FAILED)
    for each in outlook.items:
        _add_migration_to_run(run, each)
    return run


def _add_migration_to_run(run: _SimulatedRun, item: ForecastMigration) -> None:
    id = item.migration_id
    run.unsettled[_wave_number(run, id)] += item.state not in (MOVED, FAILED)
    if item.state == MOVING:
        run.moving.add(id)
        run.groups.acquire_group_lock(id)
        end = (item.since or run.now) + _draw_duration(run, id, snapshots=True)
        heapq.heappush(run.due, (max(end, run.now + A_TICK), "ends", id))
    elif item.state == WAITING:
        _enqueue_migration(run, id)
    elif item.state == MOVED:
        _add_to_canary_if_needed(run, id)


def _add_to_canary_if_needed(run: _SimulatedRun, id: str) -> None:
    if len(run.canary) < run.batch.policy.canary:
        run.canary |= {id}


def _enqueue_migration(run: _SimulatedRun, id: str) -> None:
    """Add the migration to its queue, behind all other migrations of its wave.

    If the policy names an order, a migration before its first hop gets its position in this order.
    """
    run.arrivals += 1
    if run.hops[id]:
        run.next_hops.add_migration(id, 0, run.arrivals)
    else:
        run.first_tries.add_migration(id, _wave_number(run, id), run.position.get(id, run.arrivals))


def _wave_number(run: _SimulatedRun, id: str) -> int:
    return run.wave_of.get(id, len(run.cut) - 1)


def _draw_duration(run: _SimulatedRun, id: str, *, snapshots: bool) -> timedelta:
    parts = (SNAPSHOTS, *run.parts[id]) if snapshots else run.parts[id]
    return sum((run.draws.draw_duration(each, id, run.hops[id]) for each in parts), timedelta())


def _advance_run(run: _SimulatedRun) -> None:
    """Advance the run from one event to the next until no event is left."""
    until = run.now + LONGEST
    apart = A_TICK if len(run.left) >= LARGE else timedelta()
    for _ in range(MOST_STEPS):
        _simulate_tick(run)
        at = _next_event_time(run)
        if at is None or at > until:
            return
        run.now = at = max(at, run.now + apart)
        run.job_starts.clear()
        while run.due and run.due[0][0] <= at:
            _, what, id = heapq.heappop(run.due)
            _apply_event(run, what, id)


def _apply_event(run: _SimulatedRun, what: str, id: str) -> None:
    if what == "person":
        _simulate_act_of_person(run)
    elif what == "leaves":
        run.groups.release_group_lock(id)
    elif what == "snapshotted":
        _start_job_or_requeue_migration(run, id)
    elif run.draws.draw_failure(id, run.hops[id]):
        _end_migration(run, id, has_failed=True)
    else:
        run.hops[id] += 1
        run.left[id] -= 1
        if run.left[id] > 0:
            run.moving.discard(id)
            _enqueue_migration(run, id)
        else:
            _end_migration(run, id, has_failed=False)


def _end_migration(run: _SimulatedRun, id: str, *, has_failed: bool) -> None:
    run.moving.discard(id)
    run.unsettled[_wave_number(run, id)] -= 1
    run.ends[id] = run.now
    if has_failed:
        run.failed |= {id}
    else:
        _add_to_canary_if_needed(run, id)
    if has_failed and id in run.groups.group:  # a failed member keeps the lock until a person decides
        heapq.heappush(run.due, (run.now + run.draws.draw_duration(PERSON, id, run.now), "leaves", id))
    else:
        run.groups.release_group_lock(id)


def _start_job_or_requeue_migration(run: _SimulatedRun, id: str) -> None:
    """Check the limits a second time before the job, as the pipeline does. If a limit forbids the job, the migration returns to its
    queue.
    """
    if not _may_start_job(run, id):
        run.moving.discard(id)
        _enqueue_migration(run, id)
        if not run.hops[id]:
            run.groups.release_group_lock(id)
    else:
        heapq.heappush(run.due, (run.now + _draw_duration(run, id, snapshots=False), "ends", id))


def _may_start_job(run: _SimulatedRun, id: str) -> bool:
    start, wave = StartKind.HOP_JOB if run.hops[id] else StartKind.FIRST_JOB, _wave_number(run, id)
    may = run.job_starts.get((start, wave))
    if may is None:
        may = blocking_limit(start, _start_context(run, own=id)) is None
        if len(run.left) >= LARGE:  # in a batch of 10,000, this question comes many times a minute
            run.job_starts[start, wave] = may
    return may


def _simulate_act_of_person(run: _SimulatedRun) -> None:
    """Simulate a person who resumes the batch or begins the next wave."""
    run.waits_for_person = False
    if run.batch.control.brake is not PauseState.OFF:
        if run.batch.control.brake is PauseState.BUDGET:
            run.failed = frozenset()  # earlier failures no longer count after a resume
        run.batch = replace(run.batch, control=replace(run.batch.control, brake=PauseState.OFF))
    elif waves.soak_ends_at(run.batch.summary) is not None:
        run.batch, _ = waves.batch_with_next_wave_open(run.batch, "a person", run.now)


def _simulate_tick(run: _SimulatedRun) -> None:
    """Simulate one tick: pause at the failure budget, end and begin waves, and offer free slots."""
    if run.batch.control.brake is PauseState.OFF and _is_budget_spent(run):
        run.batch = brake.pause_batch_at_budget(run.batch, "forecast", run.now).after
    if run.batch.control.brake is PauseState.OFF:
        _advance_wave(run)
    elif run.first_tries.size and run.batch.control.brake is not PauseState.STOPPED:
        _schedule_act_of_person(run)
    _start_waiting_migrations(run, StartKind.HOP_SNAPSHOT, run.next_hops)
    _start_waiting_migrations(run, StartKind.FIRST_SNAPSHOT, run.first_tries)


def _is_budget_spent(run: _SimulatedRun) -> bool:
    if run.within_budget is not None and run.within_budget[0] is run.batch and run.within_budget[1] is run.failed:
        return False
    is_spent = bool(why_budget_spent(_start_context(run)))
    run.within_budget = None if is_spent else (run.batch, run.failed)
    return is_spent


def _start_waiting_migrations(run: _SimulatedRun, start: StartKind, queue: WaitingQueue) -> None:
    """Start as many waiting migrations as the limits allow, in the order of their queue."""
    last = run.batch.control.wave if run.batch.policy.waves else len(run.cut)
    moving = len(run.moving)
    has_room = queue.positions and free_slots(run.batch.policy.max_moving, run.account_limit, moving, moving)
    room = allowed_start_count(start, _start_context(run)) if has_room else 0
    while room > 0 and (id := queue.remove_first(last)) is not None:
        room -= 1
        run.moving.add(id)
        took = run.draws.draw_duration(SNAPSHOTS, id, run.hops[id], run.now)
        heapq.heappush(run.due, (run.now + took, "snapshotted", id))


def _advance_wave(run: _SimulatedRun) -> None:
    summary = run.batch.summary
    if not summary.policy.waves or summary.control.wave + 1 >= len(run.cut):
        return
    while run.first_unsettled < len(run.cut) and not run.unsettled[run.first_unsettled]:
        run.first_unsettled += 1
    if run.first_unsettled <= summary.control.wave:
        return
    if summary.control.wave_ended_at is None:
        run.batch = waves.batch_with_wave_ended(run.batch, run.now)
    if waves.may_next_wave_begin(run.batch.summary, run.now):
        run.batch, _ = waves.batch_with_next_wave_open(run.batch, "watch", run.now)
    elif summary.policy.gate == waves.BY_HAND and (waves.soak_ends_at(run.batch.summary) or run.now) <= run.now:
        _schedule_act_of_person(run)


def _schedule_act_of_person(run: _SimulatedRun) -> None:
    if not run.waits_for_person:
        run.waits_for_person = True
        heapq.heappush(run.due, (run.now + run.draws.draw_duration(PERSON, run.now), "person", ""))


def _next_event_time(run: _SimulatedRun) -> datetime | None:
    """The time of the next event, for example when a part or a soak time ends, or when a window opens."""
    found = [run.due[0][0]] if run.due else []
    begins = waves.soak_ends_at(run.batch.summary)
    if begins is not None and begins > run.now:
        found.append(begins)
    if run.next_hops.size or run.first_tries.size:
        opens = run.batch.policy.time_limits.next_opening(run.now)
        if opens is not None and opens > run.now:
            found.append(opens)
    return max(min(found), run.now) if found else None


def _start_context(run: _SimulatedRun, *, own: str = "") -> StartContext:
    moving = len(run.moving) - (own in run.moving)
    counts_waves = can_wave_budget_be_spent(run.batch.summary, len(run.failed))
    by_wave = Counter(_wave_number(run, id) for id in run.failed) if counts_waves else Counter[int]()
    standing = AdmissionCounts(run.failed, run.canary, moving, moving, has_slot=bool(own), unproved=moving, failed_by_wave=by_wave)
    wave = run.wave_of.get(own, 0) if own else run.batch.control.wave
    return StartContext(run.batch.summary, standing, NOTHING_HELD, run.now, run.account_limit, wave=wave)
