"""Both drivers against SMC: the sequence, repeated calls, the effects of a crash, and the clean-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest

from localcloud.account import service
from shared.adapters import redact
from shared.adapters.drivers.access_tokens import AccessTokens
from shared.domain.errors import Permanent
from shared.domain.hop import Hop
from shared.domain.migration import DriverData, Migration
from shared.ports.driver import NOBODY, Driver, JobPhase, JobReport
from tests.support.drivers import identity_of, moving, prepared
from tests.support.fleets import fleet, instance
from tests.support.ports import Bench, bench, settings


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("migrate") as made:
        guests = {"i-test0005": {"smc": {"fail_attempts": 1, "cause": "The kernel package could not be replaced."}}}
        made.world.load_fleet(fleet(*[instance(number) for number in range(1, 12)], guests=guests))
        yield made


@pytest.fixture
def smc(one: Bench) -> Driver:
    return one.ports.drivers["smc"]


def ended(one: Bench, driver: Driver, made: Migration) -> JobReport:
    def look() -> JobReport | None:
        report = driver.job_reports([made])[made.migration_id]
        return report if report.phase in (JobPhase.FINISHED, JobPhase.FAILED) else None

    found: JobReport = one.until(look, minutes=6 * 60)
    return found


def left(one: Bench) -> tuple[int, int, int]:
    held = one.world.inventory()
    return len(held["jobs"]), len(held["sources"]), len(held["access_tokens"])


def test_the_whole_sequence_and_nothing_left_behind(one: Bench, smc: Driver) -> None:
    made = prepared(one, smc, moving(one, 1))
    assert made.handle.source_id.startswith("s-")
    assert smc.prepare_job(made, NOBODY).phase is JobPhase.PREPARED
    assert smc.job_reports([made])[made.migration_id].phase is JobPhase.PREPARED
    for _ in range(2):
        smc.launch_job(made)
    one.world.run(5)
    running = smc.job_reports([made, moving(one, 2)])
    assert running[made.migration_id].phase is JobPhase.RUNNING
    assert running[made.migration_id].handle.started_at is not None
    assert running[moving(one, 2).migration_id].phase is JobPhase.PREPARING
    assert ended(one, smc, made).phase is JobPhase.FINISHED
    smc.launch_job(made)
    for _ in range(2):
        smc.clean_up_hop(made, made.handle)
    assert left(one) == (0, 0, 0)


def test_a_crash_between_any_two_calls_makes_nothing_twice(one: Bench, smc: Driver) -> None:
    made = prepared(one, smc, moving(one, 3), forgetful=True)
    jobs, sources, _ = left(one)
    assert (jobs, sources) == (1, 1)
    smc.clean_up_hop(made, made.handle)
    assert left(one) == (0, 0, 0)


@pytest.mark.parametrize("operation", ["CreateAccessToken", "RunCommand", "CreateReplicationJob"])
def test_a_lost_answer_makes_nothing_twice(one: Bench, smc: Driver, operation: str) -> None:
    one.faults({"operation": operation, "kind": "drop_after", "times": 1})
    made = prepared(one, smc, moving(one, 4, attempt=len(operation)))
    jobs, sources, _ = left(one)
    assert (jobs, sources) == (1, 1)
    smc.clean_up_hop(made, made.handle)
    smc.clean_up_hop(made, DriverData())
    assert left(one) == (0, 0, 0)


def test_two_functions_at_once_import_the_instance_once(one: Bench, smc: Driver) -> None:
    """A message is delivered twice. The second function makes its token just before the first one makes its own."""
    made, make_token, twins = moving(one, 7), AccessTokens.make_token, list[JobReport]()

    def make_token_after_twin(tokens: AccessTokens, name: str) -> tuple[str, str]:
        if not twins:
            twins.append(JobReport(JobPhase.PREPARING, made.handle))
            twins[0] = smc.prepare_job(made, NOBODY)
        return make_token(tokens, name)

    with mock.patch.object(AccessTokens, "make_token", make_token_after_twin):
        first = smc.prepare_job(made, NOBODY)
    assert (first.phase, first.handle) == (JobPhase.PREPARING, made.handle)
    assert twins[0].handle.import_invocation_id
    one.world.run(5)
    assert left(one)[1] == 1
    made = prepared(one, smc, replace(made, handle=twins[0].handle))
    smc.clean_up_hop(made, made.handle)
    assert left(one) == (0, 0, 0)


def test_a_job_in_error_says_why_and_goes_on_when_it_is_launched_again(one: Bench, smc: Driver) -> None:
    made = prepared(one, smc, moving(one, 5))
    smc.launch_job(made)
    report = ended(one, smc, made)
    assert report.phase is JobPhase.FAILED
    assert "kernel package" in report.message
    assert report.code
    assert report.remedy
    one.world.run(30)  # until the agent responds again
    smc.launch_job(made)
    assert smc.job_reports([made])[made.migration_id].phase is JobPhase.FAILED, "only a person may have it started again"
    again = replace(made, attempt=2, entered_at=one.now)
    report = smc.prepare_job(again, NOBODY)
    assert (report.phase, report.handle.job_id) == (JobPhase.PREPARED, made.handle.job_id)
    again = replace(again, handle=report.handle)
    smc.launch_job(again)
    end = ended(one, smc, again)
    assert end.phase is JobPhase.FINISHED, end.message
    smc.clean_up_hop(again, again.handle)
    assert left(one) == (0, 0, 0)


def test_a_destination_smc_does_not_know_needs_a_person(one: Bench, smc: Driver) -> None:
    made = moving(one, 6, hops=(Hop("centos-7", "rhel-9"),))
    with pytest.raises(Permanent) as caught:
        prepared(one, smc, made)
    assert caught.value.code == "InvalidOsMigrationType.NotMatched"
    assert "Alibaba Cloud Linux 3" in caught.value.message
    smc.clean_up_hop(made, DriverData(source_id=next(iter(one.world.inventory()["sources"]))))
    assert left(one)[:2] == (0, 0)


def test_a_job_that_is_gone_is_a_failure_and_made_anew_by_a_retry(one: Bench, smc: Driver) -> None:
    made = prepared(one, smc, moving(one, 7))
    smc.clean_up_hop(made, made.handle)
    assert smc.job_reports([made])[made.migration_id].code == "Job.Gone"
    again = prepared(one, smc, replace(made, attempt=2))
    assert again.handle.job_id != made.handle.job_id
    with pytest.raises(Permanent) as caught:
        smc.launch_job(made)
    assert caught.value.code in ("Job.NotStartable", "JobId.NotFound")
    smc.clean_up_hop(again, again.handle)
    assert left(one) == (0, 0, 0)


def test_a_job_that_a_lost_call_of_an_earlier_attempt_made_goes_before_another_is_made(one: Bench, smc: Driver) -> None:
    """The call that made the job never answered, somebody deleted its source, and the retry imported the instance again."""
    lost = prepared(one, smc, moving(one, 8))
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        service(cloud, "smc").world.sources.delete(lost.handle.source_id)
    again = prepared(one, smc, replace(lost, attempt=2, handle=DriverData()))
    assert list(one.world.inventory()["jobs"]) == [again.handle.job_id]
    third = prepared(one, smc, replace(again, attempt=3))
    assert third.handle.job_id == again.handle.job_id
    smc.clean_up_hop(third, third.handle)
    assert left(one) == (0, 0, 0)


def test_many_jobs_are_observed_fifty_a_call(one: Bench, smc: Driver) -> None:
    made = [moving(one, number, handle=DriverData(job_id=f"j-{number:04d}")) for number in range(1, 121)]
    assert one.calls(lambda: smc.job_reports(made)) == ["DescribeReplicationJobs"] * 3
    assert one.calls(lambda: smc.job_reports([moving(one, 1)])) == []


def test_the_activation_code_is_hidden(one: Bench, smc: Driver) -> None:
    from shared.adapters.drivers.jobs import SmcJobs

    token_id, code = AccessTokens(SmcJobs(smc._clients)).make_token("rp-test")  # type: ignore[attr-defined]
    assert redact.hide_secrets(f"import {token_id} {code}") == f"import {token_id} ***"
    assert AccessTokens(SmcJobs(smc._clients)).delete_tokens_by_name("rp-test")  # type: ignore[attr-defined]
    assert not AccessTokens(SmcJobs(smc._clients)).delete_tokens_by_name("rp-test")  # type: ignore[attr-defined]


def test_what_is_not_set_is_named(one: Bench, smc: Driver) -> None:
    from shared.adapters.drivers.smc import SmcDriver
    from shared.adapters.drivers.smc_settings import SmcSettings

    for given, missing in (
        (SmcSettings(), "REPLANK_SMC_IMPORT_LINUX"),
        (SmcSettings(import_linux="x"), "REPLANK_SMC_TARGET_VALUES"),
    ):
        with pytest.raises(Permanent) as caught:
            SmcDriver(None, one.ports.guest, given, one.ports.clock).check_settings()  # type: ignore[arg-type]
        assert missing in caught.value.message
        assert caught.value.code == "Driver.SettingMissing"
    smc.check_settings()
    with pytest.raises(Permanent, match="alinux-2"):
        prepared(one, smc, moving(one, 8, hops=(Hop("centos-7", "alinux-2"),)))


def test_the_target_may_be_a_parameter_of_its_own(one: Bench) -> None:
    from shared.adapters.drivers.smc import SmcDriver

    told = settings(REPLANK_SMC_TARGET_PARAMETER="TargetOsType").smc
    driver = SmcDriver(one.ports.drivers["smc"]._clients, one.ports.guest, told, one.ports.clock)  # type: ignore[attr-defined]
    made = prepared(one, driver, moving(one, 9))
    driver.clean_up_hop(made, made.handle)


def test_the_console_driver_waits_for_a_person_and_touches_nothing(one: Bench) -> None:
    console = one.ports.drivers["console"]
    made = moving(one, 10, driver="console")
    who = identity_of(one, made)
    waiting = console.prepare_job(made, who)
    assert waiting.phase is JobPhase.PREPARING
    assert made.instance_id in waiting.remedy
    assert "Alibaba Cloud Linux 3" in waiting.remedy
    one.world.start_job_in_the_console(made.instance_id, "Alibaba Cloud Linux 3")
    seen = console.prepare_job(made, who)
    assert (seen.phase, bool(seen.handle.job_id)) == (JobPhase.RUNNING, True)
    made = replace(made, handle=seen.handle)
    assert one.calls(lambda: console.launch_job(made)) == []
    assert ended(one, console, made).phase is JobPhase.FINISHED
    assert console.prepare_job(replace(made, handle=DriverData(), entered_at=one.now), who).phase is JobPhase.PREPARING
    assert one.calls(lambda: console.clean_up_hop(made, made.handle)) == []


def test_the_console_driver_follows_the_person_to_another_job(one: Bench) -> None:
    """The known job failed, and its source was deleted. The person can only continue with a new job."""
    console = one.ports.drivers["console"]
    made = moving(one, 11, driver="console")
    who = identity_of(one, made)
    smc = service(one.world.cloud, "smc")
    first = one.world.start_job_in_the_console(made.instance_id, "Alibaba Cloud Linux 3")
    seen = console.prepare_job(made, who)
    one.world.run(1)
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        job = smc.jobs.need(first) | {"Name": "console-before"}
        smc.jobs.migration._fail(job, "M199", "It failed.")
        smc.world.sources.delete(job["SourceId"])
    again = replace(made, attempt=2, entered_at=one.now, handle=replace(seen.handle, started_at=one.now))
    waiting = console.prepare_job(again, who)
    assert (waiting.phase, waiting.handle.job_id) == (JobPhase.PREPARING, first)
    second = one.world.start_job_in_the_console(made.instance_id, "Alibaba Cloud Linux 3")
    assert second != first
    followed = console.prepare_job(again, who)
    assert (followed.phase, followed.handle.job_id) == (JobPhase.RUNNING, second)
