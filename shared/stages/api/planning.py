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
from shared.stages.waving import name_as_sort_key

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
NAMED = 5
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
    found = _migrations_in_wave_order(ports, batch)
    meant = [each for each in found if each.state is not State.PRECHECK_FAILED]
    cut = _migration_ids_by_wave(batch, meant, ports)
    runs = max(min(MOST_RUNS, WORK // max(len(meant), 1)), 5)
    limit = ports.limits.max_moving
    items = [_forecast_item_of_migration(each, batch) for each in meant]
    unfinished = sum(each.state in (WAITING, MOVING) for each in items)
    ahead = forecast_batch(
        _shortened_forecast_input(ForecastInput(_batch_as_if_approved(batch, now), items, cut, now, limit)), seed=seed, runs=runs
    )
    gib, seen = _snapshot_gib_and_sample_size(meant, ports)
    settled = bool(found) and not batch.dry_run and all(each.state in SETTLED for each in found)
    names = {each.migration_id: each.instance_name or each.instance_id for each in meant}
    is_planned_shown = unfinished + len(meant) <= MOST_IN_RUN
    planned = _forecast_at_acknowledgement(batch, meant, cut, limit, seed, runs) if is_planned_shown else None
    return PlanView(
        batch_id=batch_id,
        state=batch.state.value,
        made_at=now,
        seed=seed,
        runs=runs,
        digest=batch.digest,
        left_out=batch.left_out,
        instances=unfinished,
        unassessed=sum(each.state in _UNASSESSED and not each.hop for each in meant),
        routes=dict(Counter(_route_text(each, ports) for each in meant)),
        drivers=_driver_counts(meant),
        findings=_finding_counts(found),
        finish=_view_of_finish_forecast(ahead.finish),
        waves=tuple(
            PlannedWave(number, len(ids), tuple(names[id] for id in ids[:NAMED] if id in names), _view_of_finish_forecast(each))
            for number, (ids, each) in enumerate(zip(cut, ahead.waves, strict=False), 1)
        ),
        planned=_view_of_finish_forecast(planned) if planned else None,
        finished_at=max(each.finished_at or each.entered_at for each in found) if settled else None,
        outcomes=dict(Counter(each.state.value for each in found)),
        openings=_views_of_start_periods(batch, ahead.finish, now),
        limits=_sentences_about_limits(batch, now, ports),
        snapshot_gib=gib,
        snapshot_cost=_snapshot_cost(batch, gib, ahead.finish, now, prices[0]),
        currency=prices[1],
        sizes_seen=seen,
        needs_a_person=_steps_for_people(batch, found, len(cut), now),
        not_known=(*_forecast_caveats(batch, found, now, ports), *_batch_size_caveats(batch, unfinished, is_planned_shown)),
        assumed=tuple(AssumedDuration(**each) for each in duration_rows()),  # type: ignore[arg-type]
    )


def _migrations_in_wave_order(ports: Ports, batch: Batch) -> list[Migration]:
    """Return all migrations of the batch, in the order in which the batch is divided into waves."""
    found: list[Migration] = []
    token = ""
    while True:
        page = ports.migrations.migration_page_of_batch(batch.batch_id, state=None, limit=100, token=token)
        found += page.migrations
        token = page.next_token
        if not token:
            return _migrations_in_stored_order(found, batch, ports)


def _migrations_in_stored_order(found: Sequence[Migration], batch: Batch, ports: Ports) -> list[Migration]:
    """Return the migrations in the order that the acknowledgement fixed.

    Before the acknowledgement, sort the migrations by the keys that an acknowledgement would use.
    """
    by_name = sorted(found, key=name_as_sort_key)
    if not batch.policy.stores_order:
        return by_name
    places = ports.batches.waves(batch.batch_id).position_by_migration if batch.acknowledgement else {}
    if places:
        return sorted(by_name, key=lambda each: places.get(each.migration_id, len(places)))
    keys = {id: key for page in ports.batches.wave_sort_keys(batch.batch_id) for id, key in page.items()}
    return sorted(by_name, key=lambda each: keys.get(each.migration_id) or name_as_sort_key(each))


def _migration_ids_by_wave(batch: Batch, meant: Sequence[Migration], ports: Ports) -> list[tuple[str, ...]]:
    """Return the ids of the migrations in each wave.

    Before the acknowledgement, return the waves that an acknowledgement would make now.
    """
    if not batch.policy.waves:
        return []
    ids = [each.migration_id for each in meant]
    return (ports.batches.waves(batch.batch_id) if batch.acknowledgement else []) or waves.divide_into_waves(
        ids, batch.policy.waves
    )


def _batch_as_if_approved(batch: Batch, now: datetime) -> Batch:
    """Return the batch as if people had just acknowledged and approved it.

    A forecast for the returned batch includes no wait for people, except the wait for the person who begins a wave.
    """
    given = batch.acknowledgement or Acknowledgement("", now, "", (), selection_digest(batch.selection))
    policy = replace(batch.policy, approvals=0, wave_approvals=0)
    return replace(batch, policy=policy, acknowledgement=given, dry_run=False)


def _forecast_item_of_migration(migration: Migration, batch: Batch) -> ForecastMigration:
    """Return the item that represents the migration in the forecast.

    A dry run cancels migrations that pass the precheck. The forecast treats a migration that a dry run has cancelled as waiting.
    """
    hops = max(len(migration.hops) - migration.hop, 1)
    id, group = migration.migration_id, migration.group
    if migration.state in MOVES:
        return ForecastMigration(id, hops, MOVING, migration.entered_at, group, migration.driver)
    if migration.state in _ENDED_WELL:
        return ForecastMigration(id, hops, MOVED, group=group, driver=migration.driver)
    over = migration.state in SETTLED and not (batch.dry_run and migration.state is State.CANCELLED)
    return ForecastMigration(id, hops, FAILED if over else WAITING, group=group, driver=migration.driver)


def _shortened_forecast_input(outlook: ForecastInput) -> ForecastInput:
    """Return the forecast's input with only the first ``MOST_IN_RUN`` unfinished migrations, in the batch's order."""
    unfinished = [each.migration_id for each in outlook.items if each.state in (WAITING, MOVING)]
    later = set(unfinished[MOST_IN_RUN:])
    if not later:
        return outlook
    cut = [kept for ids in outlook.cut if (kept := tuple(id for id in ids if id not in later))]
    return replace(outlook, items=[each for each in outlook.items if each.migration_id not in later], cut=cut)


def _forecast_at_acknowledgement(
    batch: Batch, meant: Sequence[Migration], cut: Sequence[Sequence[str]], limit: int, seed: str, runs: int
) -> FinishTimes | None:
    """Return the finish times that were forecast at the acknowledgement; None before the acknowledgement."""
    if batch.acknowledgement is None:
        return None
    then = batch.acknowledgement.at
    fresh = replace(_batch_as_if_approved(batch, then), control=UNTOUCHED)
    items = [ForecastMigration(each.migration_id, max(len(each.hops), 1), group=each.group, driver=each.driver) for each in meant]
    return forecast_batch(ForecastInput(fresh, items, cut, then, limit), seed=seed, runs=runs).finish


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


def _snapshot_gib_and_sample_size(meant: Sequence[Migration], ports: Ports) -> tuple[int, int]:
    """Return the maximum size of all snapshots in GiB, and the number of instances whose disks were read."""
    per_hop: list[int] = []
    for migration in meant[:SIZES_READ]:
        document = ports.migrations.stored_document(migration.migration_id, instance_document_name(0))
        if document is not None:
            per_hop.append(sum(each.size_gib for each in InstanceFacts.from_json(document).disks))
    if not per_hop:
        return 0, 0
    hops = sum(max(len(each.hops), 1) for each in meant)
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


def _forecast_caveats(batch: Batch, found: Sequence[Migration], now: datetime, ports: Ports) -> tuple[str, ...]:
    """Return, in sentences, what the forecast ignores and what may delay the batch."""
    if found and all(each.state in SETTLED for each in found) and not batch.dry_run:
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


def _batch_size_caveats(batch: Batch, unfinished: int, is_planned_shown: bool) -> tuple[str, ...]:
    """Return, in sentences, what the forecast leaves out because the batch is too large."""
    said = list[str]()
    if unfinished > MOST_IN_RUN:
        said.append(f"the forecast is for the first {MOST_IN_RUN} of {unfinished} instances")
    if batch.acknowledgement is not None and not is_planned_shown:
        said.append("the forecast at the acknowledgement is left out, because the batch is too large")
    return tuple(said)


def _other_batches_text(others: int) -> str:
    if others == 1:
        return "one other batch may start migrations"
    return f"{'at least ' if others >= MOST_OTHERS - 1 else ''}{others} other batches may start migrations"


def _steps_for_people(batch: Batch, found: Sequence[Migration], cut: int, now: datetime) -> tuple[str, ...]:
    """Return, in sentences, the steps that need a person, in the order in which they occur."""
    said, policy, id = list[str](), batch.policy, batch.batch_id
    refused = sum(each.state is State.PRECHECK_FAILED for each in found)
    if refused:
        said.append(f"{refused} refused by the precheck: see the findings, then retry or cancel")
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
    if policy.gate == waves.BY_HAND and cut > 1:
        said.append(f"a person begins each of the {cut - 1} further waves")
    by_hand = sum(driver_traits(each.driver).attended and each.state not in SETTLED for each in found)
    if driver_traits(policy.driver).attended:
        said.append("a person starts each job in the ECS console")
    elif by_hand:
        said.append(f"a person starts the job of {by_hand} instances in the ECS console")
    failed = sum(each.state is State.FAILED for each in found)
    if failed:
        said.append(f"{failed} failed: see the reasons, then retry or roll back")
    if batch.dry_run or any(each.state not in TERMINAL for each in found):
        said.append("somebody confirms the moved instances; until then their snapshots are kept and billed")
    return tuple(said)
