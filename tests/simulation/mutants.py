"""One deliberate bug per invariant, patched in for a test: a checker that cannot find its bug is no checker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.batches import TablestoreBatches
from shared.adapters.compute import Ecs
from shared.adapters.migrations import TablestoreMigrations
from shared.adapters.store import Store
from shared.domain import batch as batches
from shared.domain.effects import ReleaseLock, ScheduleSweep
from shared.domain.findings import assessment
from shared.domain.ledger import LedgerEntry
from shared.domain.migration import Migration, State, Step
from shared.stages import effects, migrate, rollback, slots, snapshot, sweep, watch
from tests.simulation.scenario import Scenario, draw
from tests.simulation.simulation import run_seed

Patch = Any


@dataclass(frozen=True)
class Mutant:
    """``found`` is the invariant whose checker must find it, within ``seeds`` seeds from ``first`` on."""

    name: str
    found: int
    patches: Callable[[], list[Patch]]
    seeds: int = 6
    first: int = 0
    tune: Callable[[Scenario], Scenario] = lambda scenario: scenario
    """Where the bug needs a certain weather: more of one fault, more instances that fail."""


def _no_wait() -> list[Patch]:
    return [
        mock.patch.object(snapshot, "_accomplished", return_value=True),
        mock.patch.object(migrate, "_safe_to_move"),
    ]


def _no_retention() -> list[Patch]:
    schedule = effects._PERFORMERS[ScheduleSweep]

    def at_once(effect: ScheduleSweep, migration: Migration, ports: Any) -> None:
        schedule(replace(effect, retention_days=0), migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {ScheduleSweep: at_once})]


def _anybodys() -> list[Patch]:
    swept = sweep._swept

    def guessed(entry: LedgerEntry, owner: Migration | None, ports: Any) -> bool:
        found = ports.compute.snapshots_of(entry.region_id, entry.instance_id)
        made = sorted((each.created_at, each.snapshot_id) for each in found if each.disk_id == entry.disk_id)
        return swept(replace(entry, snapshot_id=made[0][1]) if made else entry, owner, ports)

    return [mock.patch.object(sweep, "_swept", guessed)]


def _no_lock() -> list[Patch]:
    return [mock.patch.object(TablestoreAdmission, "lock", lambda self, region, instance, migration_id, attempt: migration_id)]


def _no_acknowledgement() -> list[Patch]:
    closed = batches.closed_because

    def unasked(batch: batches.Batch, *more: Any, **options: Any) -> str:
        given = batch.acknowledgement or batches.Acknowledgement("nobody", batch.created_at, "", ())
        return closed(replace(batch, acknowledgement=given), *more, **options)

    return [mock.patch.object(slots, "closed_because", unasked)]


def _no_tick() -> list[Patch]:
    return [mock.patch.object(TablestoreMigrations, "due", return_value=[])]


def _lock_kept() -> list[Patch]:
    return [mock.patch.dict(effects._PERFORMERS, {ReleaseLock: lambda effect, migration, ports: None})]


def _no_condition() -> list[Patch]:
    update = Store.update

    def blind(self: Store, table: str, key: Any, put: Any, remove: Any = (), **condition: Any) -> bool:
        return update(self, table, key, put, remove)

    return [mock.patch.object(Store, "update", blind)]


def _line_lost() -> list[Patch]:
    columns = tables.step_columns

    def forgetful(taken: Step) -> dict[str, Any]:
        written = columns(taken)
        if taken.after.state is State.RESTARTING:
            del written[tables.numbered(tables.JOURNAL, taken.after.version)]
        return written

    return [mock.patch.object(tables, "step_columns", forgetful)]


def _no_limit() -> list[Patch]:
    def endless(batch: batches.Batch, standing: batches.Standing, *, account_limit: int) -> int:
        return 99

    return [mock.patch.object(place, "free_slots", endless) for place in (batches, watch)]


def _no_budget() -> list[Patch]:
    outcomes = TablestoreBatches.outcomes

    def rosy(self: TablestoreBatches, batch_id: str) -> Any:
        return frozenset(), outcomes(self, batch_id)[1]

    return [mock.patch.object(TablestoreBatches, "outcomes", rosy)]


def _false_rollback() -> list[Patch]:
    return [
        mock.patch.object(Ecs, "reset_disk"),
        mock.patch.object(rollback, "compare_restored", return_value=assessment([], {})),
    ]


def _crowded(scenario: Scenario) -> Scenario:
    """Many messages twice at the same moment."""
    return replace(scenario, rates={"interleave": 0.15})


def _kept(scenario: Scenario) -> Scenario:
    """Each system disk has a snapshot that an operator made before."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {record["InstanceId"]: {"snapshot_in_progress": True} for record in records}
    later = tuple(replace(each, at_min=each.at_min + 60) for each in scenario.batches)
    return replace(scenario, fleet={**scenario.fleet, "guests": guests}, batches=later)


def _failing(scenario: Scenario) -> Scenario:
    """Every job fails, one after the other, and none may."""
    guests = {record["InstanceId"]: {"smc": {"fail_attempts": 9}} for record in scenario.fleet["pages"][0]["Instances"]["Instance"]}
    policy = {"retentionDays": 1, "maxMoving": 1, "failureBudget": 0}
    chosen = tuple(replace(each, request={**each.request, "policy": policy}) for each in scenario.batches)
    return replace(scenario, fleet={**scenario.fleet, "guests": guests}, batches=chosen, rates={"person": 0.5}, chaos_min=180)


MUTANTS = (
    Mutant("the migrate stage does not wait for the snapshots", 1, _no_wait),
    Mutant("the sweep forgets the retention", 2, _no_retention),
    Mutant("the sweep takes the oldest snapshot of the disk for ours", 2, _anybodys, tune=_kept),
    Mutant("nobody locks the instance", 3, _no_lock),
    Mutant("admission does not ask for the acknowledgement", 4, _no_acknowledgement),
    Mutant("the tick finds nothing due", 5, _no_tick),
    Mutant("locks are kept for ever", 5, _lock_kept),
    Mutant("steps are written without their condition", 6, _no_condition, tune=_crowded),
    Mutant("one step writes no line in the journal", 6, _line_lost),
    Mutant("the wave has no size", 7, _no_limit),
    Mutant("failures are not counted", 7, _no_budget, seeds=10, tune=_failing),
    Mutant("a rollback resets nothing and says it did", 8, _false_rollback),
)


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """While it lasts, the product has the bug."""
    with ExitStack() as stack:
        for patch in mutant.patches():
            stack.enter_context(patch)
        yield


def hunt(mutant: Mutant) -> int | None:
    """How many seeds it took until the right checker spoke; None if it did not within the number stated."""
    with applied(mutant):
        for count in range(1, mutant.seeds + 1):
            seed = mutant.first + count - 1
            report = run_seed(seed, scenario=mutant.tune(draw(seed)))
            if any(violation.number == mutant.found for violation in report.violations):
                return count
    return None
