"""A preparation that takes longer than its limit: what the failure says, and that its remedy fits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.drivers import DRIVERS
from shared.domain.errors import Permanent
from shared.domain.migration import DriverData, State, first_journal_entry
from shared.domain.timing import duration_in_words
from shared.ports.driver import JobPhase, JobReport
from shared.stages.migrate import _begin_job_preparation, _wait_for_driver
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration


def late(driver: str, **report: Any) -> Permanent:
    """The failure of a preparation that has taken a day."""
    fakes = Fakes()
    fakes.drivers = {driver: type("Driver", (), {"traits": DRIVERS[driver]})()}
    fakes.clock.pass_time(days=1)
    made = migration(1, state=State.SNAPSHOTTED, driver=driver, handle=DriverData(began_at=NOON))
    with pytest.raises(Permanent) as failed:
        _wait_for_driver(made, JobReport(JobPhase.PREPARING, made.handle, **report), fakes.ports)
    assert failed.value.code == "Driver.PrepareTimedOut"
    return failed.value


def test_the_drivers_own_remedy_and_log_come_with_the_failure() -> None:
    found = late(
        "guest", message="It waits for a licence.", remedy="a person: buy it.", late_remedy="Buy it; then retry.", log="403"
    )
    limit = DRIVERS["guest"].prepare_limit or timedelta()
    assert found.message == f"The job was not ready within {duration_in_words(limit)}: It waits for a licence."
    assert (found.remedy, found.log) == ("Buy it; then retry.", "403")


def test_without_one_the_job_is_named() -> None:
    assert late("smc", remedy="SMC imports it").remedy == "Look at the instance, and at its job in the SMC console; then retry."


def test_a_new_attempt_begins_without_the_command_of_the_last() -> None:
    """An older version may have begun the last attempt. The new run belongs to the version that begins it."""
    fakes = Fakes()
    spent = DriverData(token_id="t1", command="replank-kept-tool-linux-older")
    made = migration(1, state=State.SNAPSHOTTED, driver="guest", attempt=2, handle=spent)
    fakes.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    begun = _begin_job_preparation(made, fakes.ports).handle
    assert (begun.token_id, begun.command) == ("t1", "")
    assert begun.began_at is not None
