"""What a person is told that a migration waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.catalog import CATALOG
from shared.domain.migration import Handle, State
from shared.domain.policy import Policy, Window
from shared.domain.waiting import waits_for
from tests.support.api import NOON, migration

WAITING = frozenset(State) - {State.COMPLETED, State.CANCELLED, State.ROLLED_BACK}


def said(state: State, *, closed: str = "", policy: Policy | None = None, **more: object) -> str:
    made = replace(migration("m1", state), **more)  # type: ignore[arg-type]
    batch = Batch("b1", BatchState.OPEN, 2, NOON, "api", "ann", Selection(("cn-hangzhou",)), policy or Policy())
    return waits_for(made, batch.terms, closed, now=NOON, catalog=CATALOG)


@pytest.mark.parametrize("state", sorted(State, key=lambda state: state.value))
def test_whatever_goes_on_waits_for_something(state: State) -> None:
    assert bool(said(state)) == (state in WAITING)


def test_a_ready_one_is_told_why_its_batch_admits_nothing() -> None:
    assert said(State.READY, closed="the risks are not acknowledged yet") == "the risks are not acknowledged yet"
    assert said(State.READY) == "its turn: the next minute's look"


def test_the_console_driver_says_what_to_press() -> None:
    text = said(State.SNAPSHOTTED, driver="console")
    assert text.startswith("a person: In the ECS console choose i-1, then Operating system migration, from CentOS 7")
    assert "SMC" in said(State.SNAPSHOTTED, driver="smc")


def test_a_closed_window_is_what_a_first_attempt_waits_for() -> None:
    opens = NOON + timedelta(hours=2)
    window = Window(start=f"{opens:%H:%M}", end=f"{opens + timedelta(hours=3):%H:%M}")
    assert said(State.SNAPSHOTTED, policy=Policy(window=window)) == "the maintenance window to open"
    assert "SMC" in said(State.SNAPSHOTTED, policy=Policy(window=window), attempt=2)


def test_a_job_is_named_with_its_progress() -> None:
    assert said(State.MIGRATING, handle=Handle(job_id="j-1"), progress=40) == "job j-1, 40 %"
    assert said(State.MIGRATING) == "the job, 0 %"
