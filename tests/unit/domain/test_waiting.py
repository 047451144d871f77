"""The text that tells a person what a migration waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.catalog import CATALOG
from shared.domain.migration import DriverData, State
from shared.domain.waiting import may_wait_for_limit, reason_to_wait
from tests.support.api import migration

WAITING = frozenset(State) - {State.COMPLETED, State.CANCELLED, State.ROLLED_BACK}


def said(state: State, *, held: str = "", **more: object) -> str:
    made = replace(migration("m1", state), **more)  # type: ignore[arg-type]
    return reason_to_wait(made, held, catalog=CATALOG)


@pytest.mark.parametrize("state", list(State))
def test_whatever_goes_on_waits_for_something(state: State) -> None:
    assert bool(said(state)) == (state in WAITING)


@pytest.mark.parametrize("state", [State.READY, State.WAITING])
def test_what_waits_for_admission_is_told_what_holds_it(state: State) -> None:
    assert said(state, held="the risks are not acknowledged yet") == "the risks are not acknowledged yet"
    assert said(state) == "its turn: the next minute's look"


def test_a_retry_is_told_at_once_what_will_hold_it() -> None:
    assert said(State.ACCEPTED, held="every slot is taken") == "its precheck; then: every slot is taken"
    assert said(State.ACCEPTED) == "its precheck"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("retried", [False, True])
def test_the_limits_are_asked_for_before_a_start_only(state: State, retried: bool) -> None:
    expected = {State.READY, State.WAITING, State.SNAPSHOTTED} | ({State.ACCEPTED, State.PRECHECKING} if retried else set())
    assert may_wait_for_limit(replace(migration("m1", state), retried=retried)) == (state in expected)


def test_the_console_driver_says_what_to_press() -> None:
    text = said(State.SNAPSHOTTED, driver="console")
    assert text.startswith("a person: In the ECS console choose i-1, then Operating system migration, from CentOS 7")
    assert "SMC" in said(State.SNAPSHOTTED, driver="smc")


def test_a_limit_is_what_a_job_waits_for() -> None:
    assert said(State.SNAPSHOTTED, held="the maintenance window is closed", driver="console") == "the maintenance window is closed"


def test_a_job_is_named_with_its_progress() -> None:
    assert said(State.MIGRATING, handle=DriverData(job_id="j-1"), progress=40) == "job j-1, 40 %"
    assert said(State.MIGRATING) == "the job, 0 %"
