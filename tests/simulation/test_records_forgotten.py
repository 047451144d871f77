"""Cloud Assistant keeps so few records that answers are deleted before anybody reads them. No invariant breaks, and nothing
hangs.

One leftover is allowed. If a message is delivered twice at the same moment, both functions may import the instance into SMC. Only
the record of its command names the second source server, and nobody finds it if the record is gone. In an account this takes 10,000
commands within the minutes before the clean-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed

SEEDS = (0, 1, 5)
LEFT_SOURCE = re.compile(r"source s-\w+ of i-\w+ is left behind$")
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
    assert [each for each in map(str, report.violations) if not LEFT_SOURCE.search(each)] == []
