"""Driver ``auto`` in the deployed product: the first precheck chooses the driver, and it is stored and shown with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.errors import Permanent
from shared.domain.migration import State
from shared.domain.policy import Policy
from shared.ports.driver import NOBODY
from shared.stages import precheck
from shared.stages.api import batches
from tests.support.fakes import NOON
from tests.support.fleets import CENTOS_7, RHEL_8, RHEL_9, fleet, instance
from tests.support.ports import Bench, bench, migration
from tests.support.world import World

PROVEN = {"REPLANK_GUEST_PROVEN": "rhel-8-to-rhel-9,rhel-9-to-rhel-10"}


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("precheck", **PROVEN) as made:
        yield made


def routed(one: Bench, number: int, system: tuple[str, str, str], summary: Batch, **more: Any) -> Any:
    one.world.load_fleet(fleet(instance(number, system)))
    made = migration(number, **{"driver": "auto", "hops": (), **more})
    facts = one.ports.compute.instance_facts(made.region_id, made.instance_id)
    return precheck._migration_with_route(made, facts, summary.summary, one.ports)


def batch(**more: Any) -> Batch:
    return Batch(
        "b0000000000000001", BatchState.OPEN, 1, NOON, "api", "ann", Selection(("cn-hangzhou",)), Policy(driver="auto"), **more
    )


@pytest.mark.parametrize(
    ("system", "destination", "chosen", "says"),
    [
        (CENTOS_7, "", "smc", "smc is the best"),
        (CENTOS_7, "anolis-8", "console", "REPLANK_SMC_TARGET_VALUES (the value for anolis-8)"),
        (RHEL_9, "rhel-10", "guest", "SMC has no path"),
    ],
    ids=["settings", "a setting is missing for the destination", "no path of SMC"],
)
def test_each_instance_gets_the_best_driver_for_its_path(
    one: Bench, system: tuple[str, str, str], destination: str, chosen: str, says: str
) -> None:
    found = routed(one, 1, system, batch(), destination=destination)
    assert found.driver == chosen
    assert says in found.driver_why


def test_a_driver_that_was_chosen_stays_in_every_retry(one: Bench) -> None:
    first = routed(one, 1, RHEL_8, batch(), destination="rhel-9")
    ready = replace(one.ports, unready={first.driver: Permanent("Driver.SettingMissing", "gone", "set it")})
    facts = one.ports.compute.instance_facts(first.region_id, first.instance_id)
    again = precheck._migration_with_route(replace(first, attempt=2), facts, batch().summary, ready)
    assert (again.driver, again.driver_why, again.hops) == (first.driver, first.driver_why, first.hops)


def test_a_row_that_an_older_version_prechecked_is_chosen_again_with_its_route(one: Bench) -> None:
    """The older version treats an unknown driver as SMC. It plans SMC's route and then refuses to start."""
    found = routed(one, 1, RHEL_9, batch(acknowledgement=Acknowledgement("ann", NOON, "1", ())), destination="rhel-10", attempt=2)
    assert found.driver == "guest"
    assert [hop.destination for hop in found.hops] == ["rhel-10"]


def test_without_a_choice_nothing_is_started_and_nothing_is_left() -> None:
    with bench("migrate", **PROVEN) as made:
        driver, row = made.ports.driver_with_name("auto"), migration(1, driver="auto", state=State.SNAPSHOTTED)
        with pytest.raises(Permanent) as refused:
            driver.prepare_job(row, NOBODY)
        assert (refused.value.code, bool(refused.value.remedy)) == ("Driver.NotChosen", True)
        with pytest.raises(Permanent):
            driver.launch_job(row)
        driver.clean_up_hop(row, row.handle)
        assert (driver.unfinished_jobs(row, ()), driver.source_servers(row, NOBODY), driver.job_reports([row])) == ((), (), {})


def test_a_batch_counts_only_the_jobs_that_a_person_starts(one: Bench) -> None:
    made = [migration(each, state=State.SNAPSHOTTED, driver=name) for each, name in enumerate(("console", "guest", "console"), 1)]
    fakes = replace(one.ports, migrations=Rows(made))  # type: ignore[arg-type]
    assert batches.number_of_jobs_to_start(batch(), {"snapshotted": 3}, fakes) == 2
    assert batches.number_of_jobs_to_start(replace(batch(), policy=Policy(driver="console")), {"snapshotted": 3}, fakes) == 3
    assert batches.number_of_jobs_to_start(replace(batch(), policy=Policy(driver="smc")), {"snapshotted": 3}, fakes) == 0
    assert batches.number_of_jobs_to_start(batch(), {}, fakes) == 0


class Rows:
    """One page of migrations."""

    def __init__(self, migrations: list[Any]) -> None:
        self.migrations = migrations

    def migration_page_of_batch(self, batch_id: str, **more: Any) -> Rows:
        return self


def test_the_choice_is_shown_wherever_a_migration_is() -> None:
    with World(env={"REPLANK_LOG_LEVEL": "ERROR", **PROVEN}).connected() as world:
        world.load_fleet(fleet(instance(1, CENTOS_7), instance(2, RHEL_9)))
        request = {
            "instanceIds": ["i-test0001", "i-test0002"],
            "destinations": {"i-test0002": "rhel-10"},
            "policy": {"driver": "auto", "allowEndOfLife": True},
            "dryRun": True,
        }
        made = str(world.api.post("/batches", request)["batchId"])
        world.run(10)
        rows = {each["instanceId"]: each for each in world.migrations()}
        assert {id: row["driver"] for id, row in rows.items()} == {"i-test0001": "smc", "i-test0002": "guest"}
        assert all(row["driverWhy"] for row in rows.values())
        plan = world.api.get(f"/batches/{made}/plan")
        assert sorted((each["driver"], each["instances"], bool(each["why"])) for each in plan["drivers"]) == [
            ("guest", 1, True),
            ("smc", 1, True),
        ]
        report = world.api.get(f"/batches/{made}/report")
        assert {each["driver"]: bool(each["driverWhy"]) for each in report["migrations"]} == {"smc": True, "guest": True}
        assert world.api.get(f"/batches/{made}")["jobsToStart"] == 0
