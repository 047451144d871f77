"""Runs a fixed set of seeds and the mutants, and checks that a seed gives the same run twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.figures import Figures, show
from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.simulation import prepared, run_seed

SEEDS = range(0, 4)
TWICE = (3, 7)
"""Seeds that run twice and must give the same run. In the last one, two instances have the same address."""
REGRESSIONS = Path(__file__).with_name("regressions") / "seeds.txt"
ROOT = Path(__file__).resolve().parents[2]
FIRST_OF_EACH = list({mutant.found: mutant for mutant in reversed(MUTANTS)}.values())[::-1]
"""The first mutant of each invariant; ``python -m tests.simulation.mutants`` hunts all of them."""


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with prepared():
        yield


def _regressions() -> list[int]:
    """Seeds that once broke an invariant: the number at the beginning of each line."""
    lines = REGRESSIONS.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def test_a_fixed_set_of_seeds_breaks_no_invariant() -> None:
    figures = Figures()
    for seed in SEEDS:
        figures.add(run_seed(seed))
    assert not figures.broken, show(figures, 0)
    assert figures.migrations > 30
    assert sum(figures.injected.values()) > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", _regressions())
def test_a_seed_that_once_broke_an_invariant(seed: int) -> None:
    assert [str(each) for each in run_seed(seed).violations] == []


@pytest.mark.parametrize("mutant", FIRST_OF_EACH, ids=lambda mutant: mutant.name)
def test_the_checker_finds_its_mutant(mutant: Mutant) -> None:
    assert hunt(mutant) is not None, f"not found within {mutant.seeds} seeds"


@pytest.fixture(scope="module")
def digests() -> list[str]:
    return [run_seed(seed).digest for seed in TWICE]


def test_two_runs_of_a_seed_are_the_same_line_by_line(digests: list[str]) -> None:
    assert [run_seed(seed).digest for seed in TWICE] == digests


def test_a_seed_is_the_same_run_in_another_process(digests: list[str]) -> None:
    code = (
        "from tests.simulation.simulation import prepared, run_seed\n"
        f"with prepared():\n    print(*(run_seed(seed).digest for seed in {TWICE}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1234", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == digests
