"""Makes the plan of a batch: routes, findings, waves, forecast, limits, snapshot cost, and what needs a person. Only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain import approvals, waves
from shared.domain.batch import UNTOUCHED, Acknowledgement, Batch
from shared.domain.chosen import selection_digest
from shared.domain.drivers import driver_traits
from shared.domain.durations import duration_rows
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Finding
from shared.domain.forecast import FAILED, MOVED, MOVING, WAITING, FinishTimes, ForecastInput, ForecastMigration, forecast_batch
from shared.domain.migration import MOVING as MOVES
from shared.domain.migration import TERMINAL, Migration, State
from shared.domain.observation import instance_document_name
from shared.ports.ports import Ports
from shared.stages.api.plan_rows import NAMED, PlanRows, is_unfinished, read_plan_rows
from shared.stages.api.plan_views import (
    AssumedDuration,
    DriverCount,
    FindingCount,
    FinishForecastView,
    PlannedWave,
    PlanView,
    StartPeriodView,
)
from shared.stages.closing import SETTLED

MOST_RUNS, WORK = 60, 6000
"""Maximum runs of the forecast, and maximum migrations in all runs together. Together, the two limits keep the answer time to a few
seconds.
"""
MOST_IN_RUN = 10_000
"""Maximum migrations in one run of the forecast. With more migrations, the function could exceed its time limit of 30 seconds.
A plan can contain two forecasts: one made now, and one made at the acknowledgement. If both forecasts together would exceed the
maximum, the plan omits the forecast made at the acknowledgement.
"""
SIZES_READ = 50
"""Maximum instances whose disk sizes a plan reads."""
MOST_DRIVERS = 20
"""Maximum drivers that a plan lists."""
MOST_OTHERS = 100
"""Maximum open batches that a plan reads."""
MOST_OPENINGS, OPENINGS_DAYS = 60, 14
"""Maximum start periods in a plan, and number of days that the plan covers if no run of the forecast finishes."""
_UNASSESSED = frozenset({State.ACCEPTED, State.PRECHECKING})
_ENDED_WELL = frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED})


def batch_plan(ports: Ports, batch_id: str, *, seed: str, prices: tuple[float, str]) -> PlanView:
    """Return the plan of the batch as of now; raises Refused (Batch.NotFound)."""
    batch, now = ports.batches.load(batch_id), ports.clock.now()
    read = read_plan_rows(batch, ports)
    meant = read.meant
    runs = max(min(MOST_RUNS, WORK // max(len(meant), 1)), 5)
    limit = ports.limits.max_moving
    unfinished = [id for id in meant if is_unfinished(read.states[id], batch)]
    ahead = forecast_batch(_forecast_input(batch, read, unfinished, now, limit), seed=seed, runs=runs)
    counted = [each for each in read.counted if each.state is not State.PRECHECK_FAILED]
    gib, seen = _snapshot_gib_and_sample_size(counted, len(meant), ports)
    settled = bool(read.states) and not batch.dry_run and all(state in SETTLED for state in read.states.values())
    is_planned_shown = not read.is_sample and len(unfinished) + len(meant) <= MOST_IN_RUN
    planned = _forecast_at_acknowledgement(batch, read, limit, seed, runs) if is_planned_shown else None
    return PlanView(
        batch_id=batch_id,
        state=batch.state.value,
        made_at=now,
        seed=seed,
        runs=runs,
        digest=batch.digest,
        left_out=batch.left_out,
        instances=len(unfinished),
        unassessed=_unassessed_count(read),
        routes=dict(Counter(_route_text(each, ports) for each in counted)),
        drivers=_driver_counts(counted),
        findings=_finding_counts(read.counted),
        finish=_view_of_finish_forecast(ahead.finish),
        waves=_planned_waves(read, ahead.waves),
        planned=_view_of_finish_forecast(planned) if planned else None,
        finished_at=max(each.finished_at or each.entered_at for each in read.rows.values()) if _has_end(read, settled) else None,
        outcomes=dict(Counter(state.value for state in read.states.values())),
        openings=_views_of_start_periods(batch, ahead.finish, now),
        limits=_sentences_about_limits(batch, now, ports),
        snapshot_gib=gib,
        snapshot_cost=_snapshot_cost(batch, gib, ahead.finish, now, prices[0]),
        currency=prices[1],
        sizes_seen=seen,
        needs_a_person=_steps_for_people(batch, read, now),
        not_known=(
            *_forecast_caveats(batch, settled, now, ports),
            *_batch_size_caveats(batch, read, len(unfinished), is_planned_shown, settled),
        ),
        assumed=tuple(AssumedDuration(**each) for each in duration_rows()),  # type: ignore[arg-type]
    )


def _has_end(read: PlanRows, settled: bool) -> bool:
    """Whether the time at which the last migration ended is known."""
    return settled and not read.is_sample


def _unassessed_count(read: PlanRows) -> int:
    """Count the migrations whose precheck has not ended. In a sample, some are between two hops."""
    return sum(state in _UNASSESSED and not (id in read.rows and read.rows[id].hop) for id, state in read.states.items())


def _planned_waves(read: PlanRows, ends: Sequence[FinishTimes]) -> tuple[PlannedWave, ...]:
    """Return the waves with their forecasts. A wave of which no migration is in the forecast is left out."""
    return tuple(
        PlannedWave(
            number,
            len(ids),
            tuple(each.instance_name or each.instance_id for id in ids[:NAMED] if (each := _meant_row(read, id))),
            _view_of_finish_forecast(end),
        )
        for number, (ids, end) in enumerate(zip(read.cut, ends, strict=False), 1)
    )


def _meant_row(read: PlanRows, id: str) -> Migration | None:
    found = read.rows.get(id)
    return found if found and found.state is not State.PRECHECK_FAILED else None


def _batch_as_if_approved(batch: Batch, now: datetime) -> Batch:
    """Return the batch as if people had just acknowledged and approved it.

    A forecast for the returned batch includes no wait for people, except the wait for the person who begins a wave.
    """
    given = batch.acknowledgement or Acknowledgement("", now, "", (), selection_digest(batch.selection))
    policy = replace(batch.policy, approvals=0, wave_approvals=0)
    return replace(batch, policy=policy, acknowledgement=given, dry_run=False)


def _forecast_input(batch: Batch, read: PlanRows, unfinished: Sequence[str], now: datetime, limit: int) -> ForecastInput:
    """Return the forecast's input: at most the first ``MOST_IN_RUN`` unfinished migrations, and all that have ended."""
    later = set(unfinished[MOST_IN_RUN:])
    items = [_forecast_item(id, read.states[id], read.rows.get(id), batch) for id in read.meant if id not in later]
    cut = [kept for ids in read.cut if (kept := tuple(id for id in ids if id not in later))] if later else read.cut
    return ForecastInput(_batch_as_if_approved(batch, now), items, cut, now, limit)


def _forecast_item(id: str, state: State, row: Migration | None, batch: Batch) -> ForecastMigration:
    """Return the item that represents the migration in the forecast. The row of an unfinished migration must have been read.

    A dry run cancels migrations that pass the precheck. The forecast treats a migration that a dry run has cancelled as waiting.
    """
    if row is None:
        return ForecastMigration(id, 1, MOVED if state in _ENDED_WELL else FAILED)
    hops = max(len(row.hops) - row.hop, 1)
    if state in MOVES:
        return ForecastMigration(id, hops, MOVING, row.entered_at, row.group, row.driver)
    if state in _ENDED_WELL:
        return ForecastMigration(id, hops, MOVED, group=row.group, driver=row.driver)
    return ForecastMigration(id, hops, WAITING if is_unfinished(state, batch) else FAILED, group=row.group, driver=row.driver)


def _forecast_at_acknowledgement(batch: Batch, read: PlanRows, limit: int, seed: str, runs: int) -> FinishTimes | None:
    """Return the finish times that were forecast at the acknowledgement; None before the acknowledgement."""
    if batch.acknowledgement is None:
        return None
    then = batch.acknowledgement.at
    fresh = replace(_batch_as_if_approved(batch, then), control=UNTOUCHED)
    meant = [read.rows[id] for id in read.meant]
    items = [ForecastMigration(each.migration_id, max(len(each.hops), 1), group=each.group, driver=each.driver) for each in meant]
    return forecast_batch(ForecastInput(fresh, items, read.cut, then, limit), seed=seed, runs=runs).finish


def _views_of_start_periods(batch: Batch, finish: FinishTimes, now: datetime) -> tuple[StartPeriodView, ...]:
    ends = finish.p90 or finish.p50 or finish.earliest or now + timedelta(days=OPENINGS_DAYS)
    return tuple(StartPeriodView(*each) for each in batch.policy.time_limits.allowed_start_periods(now, ends, MOST_OPENINGS))


def _view_of_finish_forecast(found: FinishTimes) -> FinishForecastView:
    return FinishForecastView(found.earliest, found.p10, found.p50, found.p90)


def _route_text(migration: Migration, ports: Ports) -> str:
    ends = [ports.catalog.release_name(each.destination) for each in migration.hops] or [migration.destination or "not chosen yet"]
    return " -> ".join([migration.source or "not seen yet", *ends])


def _driver_counts(meant: Sequence[Migration]) -> tuple[DriverCount, ...]:
    counts = Counter((each.driver, each.driver_why) for each in meant)
    return tuple(DriverCount(*key, number) for key, number in counts.most_common(MOST_DRIVERS))


def _finding_counts(found: Sequence[Migration]) -> tuple[FindingCount, ...]:
    first: dict[str, Finding] = {}
    counts: Counter[str] = Counter()
    for migration in found:
        mine = {each.code: each for each in (migration.assessment.findings if migration.assessment else ())}
        first = {**mine, **first}
        counts.update(mine.keys())
    return tuple(FindingCount(code, first[code].severity.value, first[code].title, number) for code, number in counts.most_common())


def _snapshot_gib_and_sample_size(counted: Sequence[Migration], number: int, ports: Ports) -> tuple[int, int]:
    """Return the maximum size of the snapshots of ``number`` instances in GiB, and the number of instances that were read."""
    per_hop: list[int] = []
    for migration in counted[:SIZES_READ]:
        document = ports.migrations.stored_document(migration.migration_id, instance_document_name(0))
        if document is not None:
            per_hop.append(sum(each.size_gib for each in InstanceFacts.from_json(document).disks))
    if not per_hop:
        return 0, 0
    hops = sum(max(len(each.hops), 1) for each in counted) * number / len(counted)
    return round(sum(per_hop) / len(per_hop) * hops), len(per_hop)


def _snapshot_cost(batch: Batch, gib: int, finish: FinishTimes, now: datetime, price: float) -> float:
    moving = (finish.p50 - now).total_seconds() / 86400 if finish.p50 else 0
    return round(gib * price * (moving / 2 + batch.policy.retention_days) / 30, 2)


def _sentences_about_limits(batch: Batch, now: datetime, ports: Ports) -> tuple[str, ...]:
    policy = batch.policy
    said = [
        f"at most {policy.max_moving} instances of the batch move at once (maxMoving)",
        f"at most {ports.limits.max_moving} instances of each account move at once (REPLANK_MAX_MOVING); SMC publishes no limit",
        f"the batch pauses once more than {batch.summary.failure_budget} migrations have failed",
    ]
    if policy.wave_failure_budget is not None:
        said.append(f"the batch also pauses once more than {policy.wave_failure_budget} migrations of one wave have failed")
    opens = policy.time_limits.next_opening(now)
    if opens is not None and opens != now:
        said.append(f"windows and blackouts allow the next start at {opens:%Y-%m-%d %H:%M} UTC")
    return tuple(said)


def _forecast_caveats(batch: Batch, settled: bool, now: datetime, ports: Ports) -> tuple[str, ...]:
    """Return, in sentences, what the forecast ignores and what may delay the batch."""
    if settled:
        return ()
    said = list[str]()
    held = ports.admission.current_hold()
    if held.is_held:
        said.append(f"the hold is set ({held.reason}), and the forecast assumes that it is released now")
    summary = ports.batches.open_batches(MOST_OTHERS)
    others = [each for each in summary if each.batch_id != batch.batch_id and each.acknowledgement is not None]
    if others:
        slots = sum(each != batch.batch_id for each in ports.admission.slot_holders().values())
        taken = f"others hold {slots} slots" if slots else "no other holds a slot now"
        said.append(f"{_other_batches_text(len(others))}, and {taken}: the forecast gives this batch every slot")
    named = {"maxMovingPerRegion": batch.policy.max_moving_per_region, "maxMovingPerWave": batch.policy.max_moving_per_wave}
    ignored = [name for name, limit in named.items() if limit]
    if ignored:
        said.append(f"the forecast does not apply {' and '.join(ignored)}")
    if batch.policy.group is not None:
        said.append(f"members of its groups ({batch.policy.group.tag}) in other batches are not counted")
    return tuple(said)


def _batch_size_caveats(batch: Batch, read: PlanRows, unfinished: int, is_planned_shown: bool, settled: bool) -> tuple[str, ...]:
    """Return, in sentences, what the plan leaves out because the batch is too large."""
    said = list[str]()
    if unfinished > MOST_IN_RUN:
        said.append(f"the forecast is for the first {MOST_IN_RUN} of {unfinished} instances")
    if batch.acknowledgement is not None and not is_planned_shown:
        said.append("the forecast at the acknowledgement is left out, because the batch is too large")
    if read.is_sample:
        others, counted = len(read.states) - read.refused, len(read.counted) - read.refused_counted
        said.append(
            f"routes, drivers and findings are counted in {counted} of {others} instances,"
            f" and in {read.refused_counted} of {read.refused} refused ones, because the batch is too large"
        )
    if settled and read.is_sample:
        said.append("the time of the end is left out, because the batch is too large")
    return tuple(said)


def _other_batches_text(others: int) -> str:
    if others == 1:
        return "one other batch may start migrations"
    return f"{'at least ' if others >= MOST_OTHERS - 1 else ''}{others} other batches may start migrations"


def _steps_for_people(batch: Batch, read: PlanRows, now: datetime) -> tuple[str, ...]:
    """Return, in sentences, the steps that need a person, in the order in which they occur."""
    said, policy, id = list[str](), batch.policy, batch.batch_id
    if read.refused:
        said.append(f"{read.refused} refused by the precheck: see the findings, then retry or cancel")
    if batch.dry_run:
        said.append("somebody submits the batch without the dry run")
    elif batch.acknowledgement is None:
        said.append(f"somebody acknowledges the risks: replank acknowledge {id}")
    missing = (
        approvals.missing_approvals_in_words(approvals.batch_approval_status(batch, approvals.BATCH, now), id)
        if policy.approvals
        else ""
    )
    said += [missing] if missing else []
    if policy.gate == waves.BY_HAND and len(read.cut) > 1:
        said.append(f"a person begins each of the {len(read.cut) - 1} further waves")
    by_hand = sum(driver_traits(each.driver).attended and each.state not in SETTLED for each in read.rows.values())
    if driver_traits(policy.driver).attended:
        said.append("a person starts each job in the ECS console")
    elif by_hand:
        if read.is_sample:
            said.append(f"a person starts the job of at least {by_hand} instances in the ECS console")
        else:
            said.append(f"a person starts the job of {by_hand} instances in the ECS console")
    failed = sum(state is State.FAILED for state in read.states.values())
    if failed:
        said.append(f"{failed} failed: see the reasons, then retry or roll back")
    if batch.dry_run or any(state not in TERMINAL for state in read.states.values()):
        said.append("somebody confirms the moved instances; until then their snapshots are kept and billed")
    return tuple(said)
