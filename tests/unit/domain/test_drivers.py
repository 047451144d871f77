"""The pipeline knows only what a driver declares about itself. So a new driver is one row in the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from unittest import mock

import pytest

from shared.adapters.drivers.console import ConsoleDriver
from shared.adapters.drivers.in_guest import GuestDriver
from shared.adapters.drivers.smc import SmcDriver
from shared.adapters.drivers.unchosen import UnchosenDriver
from shared.domain import acts, drivers
from shared.domain.catalog import CATALOG, require_release
from shared.domain.drivers import CONSOLE, DEFAULT_DRIVER, DRIVERS, SMC, FirstPossibleChange, driver_traits
from shared.domain.effects import ReleaseLock
from shared.domain.errors import Refused
from shared.domain.migration import Failure, State
from shared.domain.policy import parse_policy
from shared.domain.route import plan_route
from shared.domain.waiting import reason_to_wait
from tests.support.fakes import NOON
from tests.support.ports import migration

UNSEEN = replace(SMC, name="unseen", attended=True, changes_from=FirstPossibleChange.SNAPSHOTS)
"""A driver that exists only in this test."""


def test_every_adapter_has_its_row_and_every_row_its_adapter() -> None:
    assert {ConsoleDriver.traits.name, SmcDriver.traits.name, GuestDriver.traits.name} == set(DRIVERS)
    assert {*DRIVERS, UnchosenDriver.traits.name} == set(drivers.driver_choices())
    assert DEFAULT_DRIVER in DRIVERS


def test_a_driver_of_a_later_version_is_taken_as_one_that_starts_nothing_unseen() -> None:
    assert not driver_traits("later").attended
    assert not driver_traits("later").may_job_run_unseen


def test_a_new_row_is_accepted_by_the_policy() -> None:
    with pytest.raises(Refused, match="unseen"):
        parse_policy({"driver": "unseen"})
    with mock.patch.dict(DRIVERS, {"unseen": UNSEEN}):
        assert parse_policy({"driver": "unseen"}).driver == "unseen"


def test_a_new_driver_whose_jobs_start_unseen_is_never_called_untouched() -> None:
    row = migration(1, state=State.FAILED, driver="unseen", failure=Failure("migrate", "Job.TimedOut", "", ""), snapshots_made=1)
    assert row.is_untouched
    with mock.patch.dict(DRIVERS, {"unseen": UNSEEN}):
        assert not row.is_untouched
        assert acts.retry_migration(row, "ann", NOON).after.resumes == "migrate"
        ended = acts.confirm_migration(row, "ann", NOON, retention_days=1)
    assert [each.after_jobs for each in ended.effects if isinstance(each, ReleaseLock)] == [True]


def test_a_person_is_told_what_to_press_only_if_a_person_starts_the_job() -> None:
    row = migration(1, state=State.SNAPSHOTTED, driver=CONSOLE.name)
    assert reason_to_wait(row, "", catalog=CATALOG).startswith("a person: ")
    assert not reason_to_wait(replace(row, driver=SMC.name), "", catalog=CATALOG).startswith("a person: ")


def test_a_route_has_only_paths_that_its_driver_can_follow() -> None:
    source = require_release("centos-7", CATALOG)
    assert plan_route(source, "x86_64", on=date(2026, 1, 1), destination="anolis-8").hops
    none = replace(SMC, paths=lambda catalog: ())
    with mock.patch.dict(DRIVERS, {SMC.name: none}), pytest.raises(Refused) as refused:
        plan_route(source, "x86_64", on=date(2026, 1, 1), destination="anolis-8")
    assert refused.value.code == "Route.NotSupported"


def test_the_table_is_sane() -> None:
    for each in DRIVERS.values():
        least, most = each.usual_minutes
        assert 0 < least <= most < each.job_limit / timedelta(minutes=1)
        assert each.prepare_limit is None or each.prepare_limit < each.job_limit
        assert each.does
    assert drivers.driver_names_in_words() == "smc, console, guest or auto"
