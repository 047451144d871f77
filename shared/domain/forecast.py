"""The forecast of a batch: a simulation with the scheduler's own rules and the declared durations. Pure.

The module ``limits`` decides which migrations may start, ``waves`` when a wave begins, and ``brake`` when the batch pauses. The
forecast draws only durations, failures and the delays of persons at random.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from shared.domain import brake, waves
from shared.domain.batch import Batch, PauseState
from shared.domain.durations import PERSON, SNAPSHOTS, RandomDraws, parts_after_snapshots
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import AdmissionCounts, Start, StartContext, allowed_start_count, blocking_limit, why_budget_spent

WAITING = "not begun"
MOVING = "under way"
MOVED = "ended well"
FAILED = "ended badly"
A_TICK = timedelta(minutes=1)
LARGE = 500
"""The number of migrations from which a run advances by at least one minute, because the answer must come within seconds."""
LONGEST = timedelta(days=400)
"""The maximum simulated time of a run. A longer run counts as never finished."""
MOST_STEPS = 200_000


@dataclass(frozen=True)
class ForecastItem:
    """One migration at the start of the forecast: its state, its remaining hops, and the time since which the migration has been
    moving."""

    migration_id: str
    hops: int = 1
    state: str = WAITING
    since: datetime | None = None
    group: str = ""
    """The migration's redundancy group; empty if the migration has no group."""
    driver: str = ""
    """The migration's driver; empty for the driver of the policy."""


@dataclass(frozen=True)
class ForecastInput:
    """The input of a forecast: the state of the batch at the beginning. ``cut`` holds the migrations of each wave; the sequence is
    empty for a single wave."""

    batch: Batch
    items: Sequence[ForecastItem]
    cut: Sequence[Sequence[str]]
    now: datetime
    account_limit: int


@dataclass(frozen=True)
class FinishTimes:
    """The finish of a wave or a batch: the earliest time, and the times by which 10, 50 and 90 of 100 runs finish.

    A time is None if fewer runs finish.
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
    """Number of remaining hops, by migration."""
    driver: dict[str, str]
    """The driver of each migration."""
    place: dict[str, int]
    """Number of the wave, by migration."""
    unsettled: Counter[int] = field(default_factory=Counter)
    """Number of migrations that have not ended yet, by wave."""
    queue: dict[int, dict[str, None]] = field(default_factory=dict)
    """The migrations that wait for their first hop in order, by wave."""
    hop_queue: dict[str, None] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    due: list[tuple[datetime, str, str]] = field(default_factory=list)
    """A heap of future events: the time, the kind of event, and the migration."""
    hops: Counter[str] = field(default_factory=Counter)
    """Number of completed hops, by migration."""
    group: dict[str, str] = field(default_factory=dict)
    """The redundancy group of each migration that belongs to a group."""
    places: dict[str, str] = field(default_factory=dict)
    """The migration that holds the place of its redundancy group, by group."""
    waits_for_person: bool = False
    ends: dict[str, datetime] = field(default_factory=dict)


def forecast(outlook: ForecastInput, *, seed: str, runs: int) -> Forecast:
    """The forecast of a batch and its waves from a number of runs. The same seed gives the same forecast."""
    fixed = _run_to_end(outlook, RandomDraws(seed, fixed=0.1))
    drawn = [_run_to_end(outlook, RandomDraws(f"{seed}:{number}")) for number in range(runs)]
    ranges = [_finish_times(fixed[place], [each[place] for each in drawn]) for place in range(len(fixed))]
    return Forecast(ranges[-1], tuple(ranges[:-1]), runs)


def _finish_times(earliest: datetime | None, drawn: Sequence[datetime | None]) -> FinishTimes:
    known = sorted(each for each in drawn if each is not None)

    def percentile(of: float) -> datetime | None:
        place = min(int(of * len(drawn)), len(drawn) - 1)
        return known[place] if place < len(known) else None

    return FinishTimes(earliest, percentile(0.1), percentile(0.5), percentile(0.9))


def _run_to_end(outlook: ForecastInput, draws: RandomDraws) -> list[datetime | None]:
    """The end of each wave in one run and, as the last item, the end of the whole batch. A time is None if the wave or batch never
    ends."""
    run = _new_run(outlook, draws)
    _advance_run(run)
    last: list[datetime | None] = []
    for place, ids in enumerate(run.cut):
        last.append(None if run.unsettled[place] else max((run.ends.get(id, outlook.now) for id in ids), default=outlook.now))
    return [*last, None if any(run.unsettled.values()) else max(run.ends.values(), default=outlook.now)]


def _new_run(outlook: ForecastInput, draws: RandomDraws) -> _SimulatedRun:
    cut = outlook.cut or [tuple(each.migration_id for each in outlook.items)]
    place = {id: number for number, ids in enumerate(cut) for id in ids}
    left = {each.migration_id: each.hops for each in outlook.items}
    driver = {each.migration_id: each.driver or outlook.batch.policy.driver for each in outlook.items}
    run = _SimulatedRun(outlook.batch, cut, draws, outlook.account_limit, outlook.now, left, driver, place)
    for each in outlook.items:
        id = each.migration_id
        run.unsettled[place.get(id, len(cut) - 1)] += each.state not in (MOVED, FAILED)
        run.group |= {id: each.group} if each.group else {}
        if each.state == MOVING:
            run.moving.add(id)
            _take_group_place(run, id)
            end = (each.since or run.now) + _draw_duration(run, id, snapshots=True)
            heapq.heappush(run.due, (max(end, run.now + A_TICK), "ends", id))
        elif each.state == WAITING:
            _enqueue_migration(run, id)
        else:
            (run.moved if each.state == MOVED else run.failed).add(id)
    return run


def _enqueue_migration(run: _SimulatedRun, id: str) -> None:
    queue = run.hop_queue if run.hops[id] else run.queue.setdefault(_wave_number(run, id), {})
    queue[id] = None


def _wave_number(run: _SimulatedRun, id: str) -> int:
    return run.place.get(id, len(run.cut) - 1)


def _draw_duration(run: _SimulatedRun, id: str, *, snapshots: bool) -> timedelta:
    parts = (*((SNAPSHOTS,) if snapshots else ()), *parts_after_snapshots(run.driver[id]))
    return sum((run.draws.draw_duration(each, id, run.hops[id]) for each in parts), timedelta())


def _advance_run(run: _SimulatedRun) -> None:
    """Advance the run from one event to the next until no event is left."""
    until = run.now + LONGEST
    apart = A_TICK if len(run.left) >= LARGE else timedelta()
    for _ in range(MOST_STEPS):
        _run_tick(run)
        at = _next_event_time(run)
        if at is None or at > until:
            return
        run.now = at = max(at, run.now + apart)
        while run.due and run.due[0][0] <= at:
            _, what, id = heapq.heappop(run.due)
            _apply_event(run, what, id)


def _apply_event(run: _SimulatedRun, what: str, id: str) -> None:
    if what == "person":
        _simulate_person(run)
    elif what == "leaves":
        _release_group_place(run, id)
    elif what == "snapshotted":
        _start_job(run, id)
    elif run.draws.draw_failure(id, run.hops[id]):
        _end_migration(run, id, run.failed)
    else:
        run.hops[id] += 1
        run.left[id] -= 1
        if run.left[id] > 0:
            run.moving.discard(id)
            _enqueue_migration(run, id)
        else:
            _end_migration(run, id, run.moved)


def _end_migration(run: _SimulatedRun, id: str, among: set[str]) -> None:
    run.moving.discard(id)
    among.add(id)
    run.unsettled[_wave_number(run, id)] -= 1
    run.ends[id] = run.now
    if id not in run.group or among is run.moved:
        _release_group_place(run, id)
    else:  # a member that failed keeps the place until a person has decided
        heapq.heappush(run.due, (run.now + run.draws.draw_duration(PERSON, id, run.now), "leaves", id))


def _take_group_place(run: _SimulatedRun, id: str) -> bool:
    """Take the only place in the migration's redundancy group. Return False if another member holds the place."""
    group = run.group.get(id)
    return group is None or run.places.setdefault(group, id) == id


def _release_group_place(run: _SimulatedRun, id: str) -> None:
    if run.places.get(run.group.get(id, "")) == id:
        del run.places[run.group[id]]


def _start_job(run: _SimulatedRun, id: str) -> None:
    """Check the limits again before the job, as the pipeline does. A held migration returns to its queue."""
    start = Start.HOP_JOB if run.hops[id] else Start.FIRST_JOB
    if blocking_limit(start, _start_context(run, own=id)):
        run.moving.discard(id)
        _enqueue_migration(run, id)
        if not run.hops[id]:
            _release_group_place(run, id)
            _sort_first_tries(run, id)
    else:
        heapq.heappush(run.due, (run.now + _draw_duration(run, id, snapshots=False), "ends", id))


def _sort_first_tries(run: _SimulatedRun, returned: str) -> None:
    """Sort the queue to which a migration has returned, if the policy names an order."""
    if run.batch.policy.order:
        order = {id: place for place, id in enumerate(run.left)}
        wave = _wave_number(run, returned)
        run.queue[wave] = dict.fromkeys(sorted(run.queue[wave], key=order.__getitem__))


def _simulate_person(run: _SimulatedRun) -> None:
    """Simulate the act of a person who resumes the batch or begins the next wave."""
    run.waits_for_person = False
    if run.batch.control.brake is not PauseState.OFF:
        if run.batch.control.brake is PauseState.BUDGET:
            run.failed.clear()  # they no longer count after the resume
        run.batch = replace(run.batch, control=replace(run.batch.control, brake=PauseState.OFF))
    elif waves.soak_ends_at(run.batch.terms) is not None:
        run.batch, _ = waves.with_next_wave_open(run.batch, "a person", run.now)


def _run_tick(run: _SimulatedRun) -> None:
    """Do the work of one tick: pause at the failure budget, end and begin waves, and offer free slots."""
    if why_budget_spent(_start_context(run)) and run.batch.control.brake is PauseState.OFF:
        run.batch = brake.pause_at_budget(run.batch, "forecast", run.now).after
    if run.batch.control.brake is PauseState.OFF:
        _advance_wave(run)
    elif any(run.queue.values()) and run.batch.control.brake is not PauseState.STOPPED:
        _schedule_person(run)
    _offer_slots(run, Start.HOP_SNAPSHOT, [run.hop_queue])
    last = run.batch.control.wave if run.batch.policy.waves else len(run.cut)
    _offer_slots(run, Start.FIRST_SNAPSHOT, [queue for wave, queue in sorted(run.queue.items()) if wave <= last and queue])


def _offer_slots(run: _SimulatedRun, start: Start, queues: Sequence[dict[str, None]]) -> None:
    """Start as many waiting migrations as the limits allow, in the order of their queues."""
    room = allowed_start_count(start, _start_context(run)) if any(queues) else 0
    for queue in queues:
        for id in list(islice((id for id in queue if _take_group_place(run, id)), room)):
            room -= 1
            del queue[id]
            run.moving.add(id)
            took = run.draws.draw_duration(SNAPSHOTS, id, run.hops[id], run.now)
            heapq.heappush(run.due, (run.now + took, "snapshotted", id))


def _advance_wave(run: _SimulatedRun) -> None:
    terms = run.batch.terms
    if not terms.policy.waves or terms.control.wave + 1 >= len(run.cut):
        return
    if any(run.unsettled[place] for place in range(terms.control.wave + 1)):
        return
    if terms.control.wave_ended_at is None:
        run.batch = waves.with_wave_ended(run.batch, run.now)
    if waves.may_next_wave_begin(run.batch.terms, run.now):
        run.batch, _ = waves.with_next_wave_open(run.batch, "watch", run.now)
    elif terms.policy.gate == waves.BY_HAND and (waves.soak_ends_at(run.batch.terms) or run.now) <= run.now:
        _schedule_person(run)


def _schedule_person(run: _SimulatedRun) -> None:
    if not run.waits_for_person:
        run.waits_for_person = True
        heapq.heappush(run.due, (run.now + run.draws.draw_duration(PERSON, run.now), "person", ""))


def _next_event_time(run: _SimulatedRun) -> datetime | None:
    """The time of the next event: the end of a running part, the end of a soak time, or the opening of a window."""
    found = [run.due[0][0]] if run.due else []
    begins = waves.soak_ends_at(run.batch.terms)
    if begins is not None and begins > run.now:
        found.append(begins)
    if run.hop_queue or any(run.queue.values()):
        opens = run.batch.policy.time_limits.next_opening(run.now)
        if opens is not None and opens > run.now:
            found.append(opens)
    return max(min(found), run.now) if found else None


def _start_context(run: _SimulatedRun, *, own: str = "") -> StartContext:
    moving = len(run.moving) - (own in run.moving)
    moved = frozenset(run.moved) if run.batch.policy.canary else frozenset[str]()
    standing = AdmissionCounts(frozenset(run.failed), moved, moving, moving, has_slot=bool(own), unproved=moving)
    place = run.place.get(own, 0) if own else run.batch.control.wave
    return StartContext(run.batch.terms, standing, NOTHING_HELD, run.now, run.account_limit, wave=place)
