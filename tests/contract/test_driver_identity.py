"""Which instance a source or a job belongs to: instances of different networks may share an address, and even a hostname."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.account import service
from shared.adapters.drivers.sources import is_same_host
from shared.domain.errors import Permanent, Transient
from shared.domain.migration import DriverData, Migration, first_journal_entry
from shared.ports.driver import NOBODY, Driver, InstanceIdentity, JobPhase
from shared.stages.host_identity import host_identity
from tests.support.drivers import identity_of, moving, prepared
from tests.support.fleets import fleet, instance
from tests.support.ports import Bench, bench

HERE = {"VpcId": "vpc-a", "PrivateIpAddress": {"IpAddress": ["10.0.0.5"]}}
ELSEWHERE = {"VpcId": "vpc-b", "PrivateIpAddress": {"IpAddress": ["10.0.0.5"]}}
OURS, OTHER, TWIN = "i-test0001", "i-test0002", "i-test0003"
"""All three have the same address; ``TWIN`` has our hostname as well."""


@pytest.fixture
def one() -> Iterator[Bench]:
    ours, other = instance(1, VpcAttributes=HERE), instance(2, VpcAttributes=ELSEWHERE)
    with bench("migrate") as made:
        made.world.load_fleet(fleet(ours, other, instance(3, VpcAttributes=ELSEWHERE, HostName="web-1")))
        yield made


@pytest.fixture
def smc(one: Bench, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """The SMC driver, with the cloud's time."""
    driver = one.ports.drivers["smc"]
    monkeypatch.setattr(driver, "_clock", SimpleNamespace(now=lambda: one.now))
    return driver


@pytest.fixture
def console(one: Bench) -> Driver:
    return one.ports.drivers["console"]


def imported(one: Bench, instance_id: str) -> str:
    """A source that somebody else made of an instance."""
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        sources = service(cloud, "smc").sources
        token = sources.tokens.create({"Name": "elsewhere"})
        return str(sources.register(instance_id, token["AccessTokenId"], token["AccessTokenCode"]))


def started(one: Bench, instance_id: str, **named: Any) -> str:
    """Somebody else's running job on an instance. ``named`` are additional fields of its answer."""
    source_id = imported(one, instance_id)
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        jobs = service(cloud, "smc").jobs
        request = {"SourceId": source_id, "JobType": 1, "TargetOsType": "Alibaba Cloud Linux 3", **named}
        job_id = str(jobs.create(request)["JobId"])
        jobs.start({"JobId": job_id})
        return job_id


def stand(one: Bench, job_id: str, **fields: str) -> dict[str, Any]:
    """Make SMC show the job in this state from now on."""
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        jobs = service(cloud, "smc").jobs
        job: dict[str, Any] = jobs.need(job_id) | fields
        jobs.world.jobs.put(job_id, job)
        return job


def token_lost(one: Bench, driver: Driver, made: Migration) -> None:
    """A call that made the activation code and died before it could run the import."""
    one.faults({"operation": "RunCommand", "kind": "drop_before", "times": -1})
    with pytest.raises(Transient):
        driver.prepare_job(made, identity_of(one, made))
    one.faults()


def owners(one: Bench) -> list[str]:
    """The instances that have sources."""
    return sorted(source["InstanceId"] for source in one.world.inventory()["sources"].values())


def owner_of(one: Bench, source_id: str) -> str:
    return str(one.world.inventory()["sources"][source_id]["InstanceId"])


# Adopting ---------------------------------------------------------------------------------------------------------


def test_a_source_of_another_host_at_the_same_address_is_not_adopted(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    token_lost(one, smc, made)
    imported(one, OTHER)
    made = prepared(one, smc, made)
    assert owner_of(one, made.handle.source_id) == OURS
    assert one.world.inventory()["jobs"][made.handle.job_id]["InstanceId"] == OURS


def test_a_source_without_a_hostname_is_no_proof(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    token_lost(one, smc, made)
    nameless = imported(one, OTHER)
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        sources = service(cloud, "smc").world.sources
        sources.put(nameless, sources.get(nameless) | {"SystemInfo": json.dumps({"ipv4": "10.0.0.5"})})
    assert owner_of(one, prepared(one, smc, made).handle.source_id) == OURS


def import_lost(one: Bench, driver: Driver, made: Migration) -> str:
    """A call that ran the import and died before it got the result. Returns the source that the import made."""
    one.faults({"operation": "RunCommand", "kind": "drop_after", "times": -1})
    with pytest.raises(Transient):
        driver.prepare_job(made, identity_of(one, made))
    one.faults()
    one.world.run(2)
    (source_id,) = [each for each, source in one.world.inventory()["sources"].items() if source["InstanceId"] == made.instance_id]
    return str(source_id)


def test_the_source_of_a_lost_import_is_adopted(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    assert smc.prepare_job(made, NOBODY).handle.source_id == "" != import_lost(one, smc, moving(one, 2))
    made = moving(one, 3)
    source_id = import_lost(one, smc, made)
    assert smc.prepare_job(made, NOBODY).handle.source_id == source_id


def test_of_two_sources_that_look_alike_the_one_imported_in_the_instance_is_adopted(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    imported(one, TWIN)
    source_id = import_lost(one, smc, made)
    imported(one, TWIN)
    assert smc.prepare_job(made, identity_of(one, made)).handle.source_id == source_id


def test_a_twin_that_has_a_job_is_not_adopted(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    token_lost(one, smc, made)
    started(one, TWIN)
    assert owner_of(one, prepared(one, smc, made).handle.source_id) == OURS


def test_a_twin_that_was_there_before_is_not_adopted(one: Bench, smc: Driver) -> None:
    imported(one, TWIN)
    one.world.run(1)
    made = moving(one, 1, created_at=one.now, handle=DriverData(began_at=one.now))
    token_lost(one, smc, made)
    assert owner_of(one, prepared(one, smc, made).handle.source_id) == OURS


# Cleaning up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knows", [False, True])
def test_the_clean_up_leaves_the_source_of_another_host(one: Bench, smc: Driver, knows: bool) -> None:
    made = prepared(one, smc, moving(one, 1))
    imported(one, OTHER)
    smc.clean_up_hop(made, made.handle if knows else DriverData())
    assert owners(one) == [OTHER]


@pytest.mark.parametrize("knows", [False, True])
def test_the_clean_up_leaves_a_new_twin(one: Bench, smc: Driver, knows: bool) -> None:
    """The twin has our address and our hostname, and no job yet."""
    made = prepared(one, smc, moving(one, 1))
    imported(one, TWIN)
    smc.clean_up_hop(made, made.handle if knows else DriverData())
    assert owners(one) == [TWIN]


def test_the_clean_up_finds_what_a_lost_import_left(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    import_lost(one, smc, made)
    smc.clean_up_hop(made, DriverData(), sources=False)
    assert owners(one) == [OURS], "the next hop's"
    smc.clean_up_hop(made, DriverData())
    assert owners(one) == []


@pytest.mark.parametrize("status", ["Running", "Ready", "Finished"])
@pytest.mark.parametrize("knows", [False, True])
def test_the_clean_up_leaves_a_twin_that_has_a_job(one: Bench, smc: Driver, knows: bool, status: str) -> None:
    """The job may also be finished; SMC itself would allow the deletion then."""
    made = prepared(one, smc, moving(one, 1))
    stand(one, started(one, TWIN), Status=status)
    smc.clean_up_hop(made, made.handle if knows else DriverData())
    assert owners(one) == [TWIN]


@pytest.mark.parametrize("runs", [False, True])
def test_the_clean_up_leaves_even_the_known_source_to_a_job_of_somebody_else(one: Bench, smc: Driver, runs: bool) -> None:
    """SMC refuses to delete the source unless forced, whenever that job was made."""
    made = moving(one, 1)
    job = stand(one, started(one, OURS), Status="Running" if runs else "Ready")
    smc.clean_up_hop(made, DriverData(source_id=job["SourceId"]))
    assert owners(one) == [OURS]


def test_the_clean_up_forces_what_only_a_job_of_ours_holds(one: Bench, smc: Driver) -> None:
    """The handle knows one job. A second job of the same attempt, made by a lost call, still holds the source."""
    made = prepared(one, smc, moving(one, 1))
    smc.clean_up_hop(made, replace(made.handle, job_id="j-gone"))
    assert owners(one) == []


def test_the_clean_up_waits_for_an_import_under_way(one: Bench, smc: Driver) -> None:
    """A person cancels while SMC's client registers the instance. The source appears when nobody looks any more."""
    made = moving(one, 1)
    one.faults({"service": "ecs", "operation": "command_done", "kind": "stick", "delay_ms": 240_000})
    made = replace(made, handle=smc.prepare_job(made, NOBODY).handle)
    one.world.run(1)
    with pytest.raises(Transient) as caught:
        smc.clean_up_hop(made, made.handle)
    assert caught.value.code == "Import.Running"
    one.world.run(4)
    smc.clean_up_hop(made, made.handle)
    assert owners(one) == []


def test_a_command_that_never_ends_holds_no_clean_up_up_for_ever(one: Bench, smc: Driver) -> None:
    made = moving(one, 1)
    one.faults({"service": "ecs", "operation": "command_done", "kind": "stick", "delay_ms": 86_400_000})
    made = replace(made, handle=smc.prepare_job(made, NOBODY).handle)
    one.world.run(12)
    smc.clean_up_hop(made, made.handle)


# Following a person -----------------------------------------------------------------------------------------------


def test_the_job_of_another_host_at_the_same_address_is_not_followed(one: Bench, console: Driver) -> None:
    made = moving(one, 1, driver="console")
    job_id = started(one, OTHER)
    report = console.prepare_job(made, identity_of(one, made))
    assert (report.phase, report.handle.job_id) == (JobPhase.PREPARING, "")
    assert "web-2" in report.remedy, "who wonders why nothing happens is told what was passed over"
    ours = started(one, OURS)
    assert ours != job_id
    assert console.prepare_job(made, identity_of(one, made)).handle.job_id == ours


def test_of_two_jobs_on_sources_that_look_alike_none_is_followed(one: Bench, console: Driver) -> None:
    made = moving(one, 1, driver="console")
    both = {started(one, OURS), started(one, TWIN)}
    for known in ("", min(both), max(both)):
        report = console.prepare_job(replace(made, handle=DriverData(job_id=known)), identity_of(one, made))
        assert (report.phase, report.code) == (JobPhase.FAILED, "Source.Ambiguous")


@pytest.mark.parametrize("named", [{"InstanceId": TWIN, "TargetType": "TargetInstance"}, {"RegionId": "cn-beijing"}])
def test_a_job_that_names_another_instance_is_not_followed(one: Bench, console: Driver, named: dict[str, str]) -> None:
    made = moving(one, 1, driver="console")
    twin = started(one, TWIN, **named)
    for known in ("", twin):
        report = console.prepare_job(replace(made, handle=DriverData(job_id=known)), identity_of(one, made))
        assert report.phase is JobPhase.PREPARING
    ours = started(one, OURS, InstanceId=OURS, RegionId="cn-hangzhou")
    assert console.prepare_job(made, identity_of(one, made)).handle.job_id == ours


@pytest.mark.parametrize("named", [{"InstanceId": OTHER}, {"RegionId": "cn-beijing"}])
def test_a_job_that_names_another_instance_is_not_started(one: Bench, smc: Driver, named: dict[str, str]) -> None:
    made = prepared(one, smc, moving(one, 1))
    stand(one, made.handle.job_id, **named)
    refused: list[Permanent] = []

    def attempt() -> None:
        for act in (lambda: smc.launch_job(made), lambda: smc.prepare_job(made, NOBODY)):
            with pytest.raises(Permanent) as caught:
                act()
            refused.append(caught.value)

    assert set(one.calls(attempt)) == {"DescribeReplicationJobs"}
    assert {(each.code, *named.values()) for each in refused if next(iter(named.values())) in each.message} == {
        ("Job.Foreign", *named.values())
    }
    assert len(refused) == 2


# Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "known", "windows", "same"),
    [
        ("web-1", "web-1", False, True),
        ("WEB-1", "web-1 ", False, True),
        ("web-1.corp.example.", "web-1", False, True),
        ("web-1", "web-1.corp.example", False, True),
        ("web-1.corp.example", "web-1.test.example", False, False),
        ("web-1", "web-10", False, False),
        ("", "", False, False),
        ("", "web-1", False, False),
        ("localhost", "localhost", False, False),
        ("localhost.localdomain", "localhost", False, False),
        ("PRODUCTION-WEB-", "production-web-12", True, True),
        ("PRODUCTION-WEB-", "production-web-12", False, False),
        ("production-web-11", "production-web-12", True, False),
        ("PRODUCTION", "production-web-12", True, False),
    ],
)
def test_hostnames_are_compared_as_machines_write_them(seen: str, known: str, windows: bool, same: bool) -> None:
    assert is_same_host(seen, known, windows=windows) is same
    assert is_same_host(known, seen, windows=windows) is same


def test_where_another_instance_has_its_address_and_hostname_nobody_is_asked_to_press_anything(one: Bench, console: Driver) -> None:
    """A job on either instance looks the same. The person would be told that this instance moves, although the other one does."""
    made = moving(one, 1, driver="console")
    one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    facts = one.ports.compute.instance_facts(made.region_id, made.instance_id)
    one.ports.migrations.put_document(made.migration_id, "baseline-0", {"instance": facts.to_json(), "guest": None})
    started(one, TWIN)
    report = console.prepare_job(made, host_identity(made, 0, one.ports))
    assert (report.phase, report.code, report.handle) == (JobPhase.FAILED, "Instance.Indistinct", made.handle)
    assert TWIN in report.message
    assert OTHER not in report.message


def test_a_machine_renamed_inside_is_known_by_both_names(one: Bench) -> None:
    made = moving(one, 1)
    one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    assert host_identity(made, 0, one.ports) == NOBODY
    facts = one.ports.compute.instance_facts(made.region_id, made.instance_id)
    for guest, names in (({"hostname": "shop"}, ("shop", "web-1")), ({"hostname": None}, ("web-1",)), (None, ("web-1",))):
        one.ports.migrations.put_document(made.migration_id, "baseline-0", {"instance": facts.to_json(), "guest": guest})
        assert host_identity(made, 0, one.ports) == InstanceIdentity(("10.0.0.5",), names, others={OTHER: "web-2", TWIN: "web-1"})
