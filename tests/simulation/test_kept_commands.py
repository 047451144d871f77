"""Fleets whose functions invoke kept commands, under the same faults and the same judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed

SEEDS = (0, 1, 3, *(pytest.param(seed, marks=pytest.mark.long) for seed in (5, 8, 13)))


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with prepared():
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_kept_commands_break_nothing(seed: int) -> None:
    report = run_seed(seed, scenario=replace(draw(seed), keeps_commands=True))
    assert [str(each) for each in report.violations] == []
