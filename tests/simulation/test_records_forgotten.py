"""Cloud Assistant keeps so few records that answers are gone before anybody reads them: no invariant breaks, nothing is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed

SEEDS = (0, 1, 5)
KEPT = 2
"""Of a fleet of five to nine instances, whose probes run at the same time."""


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
