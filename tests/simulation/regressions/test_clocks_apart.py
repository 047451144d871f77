"""Two clocks differ by up to CLOCKS_APART, in both directions. No decision depends on the difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from localcloud.account import service
from shared.adapters.clock import parse_time
from shared.domain.ledger import LedgerEntry, SnapshotState, snapshots_since_precheck
from shared.domain.migration import DriverData, Migration, State
from shared.domain.restore import newest_snapshot_set
from shared.domain.timing import CLOCKS_APART
from shared.ports.driver import JobPhase
from tests.support.clocks import clocks_apart
from tests.support.drivers import identity_of, moving, prepared
from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.ports import T0, Bench, bench, migration
from tests.support.world import World

S = CLOCKS_APART.total_seconds()
FUNCTIONS = ("api", "intake", "precheck", "snapshot", "migrate", "watch", "validate")

RARER: tuple[dict[str, float], ...] = (
    {"snapshot": -1},
    {"precheck": S},
    {"migrate": -S, "watch": S},
    dict.fromkeys(FUNCTIONS, S),
)


def two_hops(seconds: dict[str, float]) -> dict[str, Any]:
    """How Windows Server 2008 R2 gets to 2019 while the clocks differ by ``skew_ms``."""
    with World().connected() as world, clocks_apart(seconds):
        world.load_fleet(fleet(instance(1, WINDOWS_2008)))
        asked = {"instanceIds": ["i-test0001"], "destination": "windows-2019-datacenter", "policy": {"retentionDays": 1}}
        batch = world.api.post("/batches", asked)["batchId"]
        world.run(15)
        world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
        ended = ("failed", "migrated", "precheck_failed")
        world.run_until(lambda: world.migrations()[0]["state"] in ended, minutes=16 * 60, every=10)
        return world.migrations()[0]


@pytest.mark.parametrize(
    "seconds",
    [
        {"snapshot": -S},
        {"migrate": S, "watch": -S},
        dict.fromkeys(FUNCTIONS, -S),
        *(pytest.param(each, marks=pytest.mark.long) for each in RARER),
    ],
    ids=str,
)
def test_two_hops_are_made_whatever_the_clocks_say(seconds: dict[str, float]) -> None:
    seen = two_hops(seconds)
    assert (seen["state"], seen["hop"], seen["attempt"]) == ("migrated", 1, 1), seen["failure"]


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("migrate") as made:
        guests = {"i-test0001": {"smc": {"fail_attempts": 1, "cause": "The kernel package could not be replaced."}}}
        made.world.load_fleet(fleet(instance(1), instance(2), guests=guests))
        yield made


def begun(one: Bench, made: Migration, **more: Any) -> Migration:
    """A prepared migration whose step to ``migrating`` was written by a function whose clock differs from SMC's."""
    made = prepared(one, one.ports.drivers["smc"], made)
    return replace(made, state=State.MIGRATING, **more)


def test_a_job_that_failed_is_not_started_by_a_repeated_launch_whose_clock_is_ahead(one: Bench) -> None:
    smc = one.ports.drivers["smc"]
    made = begun(one, moving(one, 1), entered_at=one.now + timedelta(minutes=5) + CLOCKS_APART)
    one.world.at(made.entered_at - CLOCKS_APART)
    smc.launch_job(made)
    one.until(lambda: smc.job_reports([made])[made.migration_id].phase is JobPhase.FAILED, minutes=6 * 60)
    one.world.run(30)
    assert one.calls(lambda: smc.launch_job(made)) == ["DescribeReplicationJobs"]


def test_a_retry_starts_the_job_although_its_clock_is_behind_the_failure(one: Bench) -> None:
    """By its own clock the retry began before the failed run. A comparison of times would take that run for the retry's own."""
    smc = one.ports.drivers["smc"]
    made = begun(one, moving(one, 1))
    smc.launch_job(made)
    one.until(lambda: smc.job_reports([made])[made.migration_id].phase is JobPhase.FAILED, minutes=6 * 60)
    one.world.run(30)  # until the agent responds again
    again = replace(begun(one, replace(made, attempt=2)), entered_at=made.entered_at - CLOCKS_APART)
    smc.launch_job(again)
    assert smc.job_reports([again])[made.migration_id].phase is JobPhase.RUNNING


def test_a_row_that_noted_no_start_is_told_by_time_with_the_allowance(one: Bench) -> None:
    smc = one.ports.drivers["smc"]
    made = begun(one, moving(one, 1))
    old = replace(made, handle=replace(made.handle, ran_before=None), entered_at=one.now + CLOCKS_APART)
    smc.launch_job(old)
    one.until(lambda: smc.job_reports([made])[made.migration_id].phase is JobPhase.FAILED, minutes=6 * 60)
    calls = one.calls(lambda: smc.launch_job(old))
    assert calls == ["DescribeReplicationJobs"]


def test_a_job_that_a_person_made_at_once_is_followed_by_a_clock_that_is_ahead(one: Bench) -> None:
    console = one.ports.drivers["console"]
    made = moving(one, 2, driver="console")
    who = identity_of(one, made)
    one.world.run(0.75)  # so that the fast clock is in the next minute
    one.world.start_job_in_the_console(made.instance_id, "Alibaba Cloud Linux 3")
    job_id = next(iter(one.world.inventory()["jobs"]))
    known = replace(made, handle=DriverData(job_id=job_id))
    one.until(lambda: console.job_reports([known])[made.migration_id].phase is JobPhase.FINISHED, minutes=6 * 60)
    made_at = parse_time(service(one.world.cloud, "smc").jobs.need(job_id)["CreationTime"])
    assert console.prepare_job(replace(made, entered_at=made_at + CLOCKS_APART), who).phase is JobPhase.RUNNING


def entry(version: int = 0, *, attempt: int = 1, hop: int = 1, seconds: float = 0, owner: str = "replank") -> LedgerEntry:
    made = SnapshotState.ACCOMPLISHED
    at = T0 + timedelta(seconds=seconds)
    return LedgerEntry(
        "m1", f"{hop}-{attempt}-d-1", "cn-hangzhou", "i-1", "d-1", hop, owner, made, at, "s-1", prechecked_version=version
    )


@pytest.mark.parametrize(
    ("entries", "version", "counted"),
    [
        ((entry(7, seconds=-S),), 7, 1),
        ((entry(7, seconds=-3600),), 7, 1),
        ((entry(7, seconds=+S),), 12, 0),
        ((entry(7, hop=0),), 7, 0),
        ((entry(7, owner="smc"),), 7, 0),
        ((entry(0, seconds=-S),), 0, 1),
        ((entry(0, seconds=-S - 1),), 0, 0),
        ((entry(0, seconds=-S),), 7, 1),
        ((entry(7, seconds=-S),), 0, 1),
        ((entry(0, seconds=-S), entry(0, attempt=2)), 0, 1),
        ((entry(0, seconds=-S, attempt=9), entry(0, attempt=10)), 0, 1),
        ((), 0, 0),
    ],
)
def test_which_snapshots_were_made_after_the_last_precheck(entries: tuple[LedgerEntry, ...], version: int, counted: int) -> None:
    made = migration(hop=1, prechecked_at=T0, prechecked_version=version)
    assert len(snapshots_since_precheck(made, entries)) == counted


def test_a_rollback_takes_the_last_attempts_snapshots_whatever_the_clocks_say() -> None:
    """The clock of the second attempt's snapshot function was 30 seconds behind that of the first."""
    first, second = entry(7, attempt=9, hop=0), replace(entry(12, attempt=10, hop=0, seconds=-S), snapshot_id="s-2")
    assert [each.snapshot_id for each in newest_snapshot_set((first, second), ["d-1"])] == ["s-2"]
