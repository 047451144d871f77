"""What ``bench.durable_step`` times: a step of four calls, and one of three, whose receiver removes its outbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.stepping import stepper
from shared.domain import events
from tests.support.ports import bench

FOUR = ["GetRow", "UpdateRow", "putEvents", "UpdateRow"]


@pytest.mark.parametrize(("type", "calls"), [(events.STEP_DUE, FOUR), (events.INSTANCE_RESTARTED, FOUR[:3])])
def test_a_step_takes_the_calls_that_the_page_names(type: str, calls: list[str]) -> None:
    with bench("validate") as one:
        step: Callable[[int], None] = stepper(one.ports, type)
        step(0)  # the first step has received no event of a step before it
        assert one.calls(lambda: step(1)) == calls
        assert one.calls(lambda: step(2)) == calls
