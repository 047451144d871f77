"""Cloud Assistant keeps so few records that answers are deleted before anybody reads them. No invariant breaks, and nothing
hangs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed

SEEDS = (0, 1, pytest.param(5, marks=pytest.mark.long))
KEPT = 2
"""Far fewer than the probes that run at once in a fleet of five to nine instances."""


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with prepared():
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_answers_that_are_gone_break_nothing(seed: int) -> None:
    drawn = draw(seed)
    fleet = {**drawn.fleet, "faults": {**drawn.fleet["faults"], "command_records": KEPT}}
    report = run_seed(seed, scenario=replace(drawn, fleet=fleet))
    assert [str(each) for each in report.violations] == []
