"""Which promises the judge of the forecast counts as kept."""

from __future__ import annotations

import random
from pathlib import Path
from unittest import mock

import pytest

from shared.domain.policy import parse_policy
from tests.simulation import forecast_judge
from tests.simulation.forecast_judge import JudgedFleet, is_honest, judge, main, policy_of


@pytest.mark.parametrize(
    ("low", "high", "finished", "inside"),
    [
        ("10", "12", "11", True),
        ("10", "12", "13", False),
        ("10", "12", "09", False),
        ("10", "", "11", False),
        ("10", "12", "", False),
    ],
)
def test_a_finish_is_inside_only_between_both_ends(low: str, high: str, finished: str, inside: bool) -> None:
    assert JudgedFleet(1, {}, low, high, finished).inside is inside


def test_every_policy_that_is_drawn_can_be_submitted() -> None:
    drawn = [policy_of(random.Random(seed)) for seed in range(50)]
    assert [parse_policy(each).retention_days for each in drawn] == [1] * 50
    assert {len(each) for each in drawn} > {3}, "waves and windows are among them"


@pytest.mark.parametrize(("inside", "honest"), [(6, False), (7, True), (9, True), (10, False)])
def test_a_range_of_eighty_percent_may_be_neither_too_narrow_nor_too_wide(inside: int, honest: bool) -> None:
    fleets = [JudgedFleet(seed, {}, "10", "12", "11" if seed < inside else "13") for seed in range(10)]
    assert is_honest(fleets) is honest


def test_an_interrupted_judge_goes_on_where_it_stopped(tmp_path: Path) -> None:
    tally, asked = tmp_path / "tally", []

    def quick(seed: int) -> JudgedFleet:
        asked.append(seed)
        return JudgedFleet(seed, {"maxMoving": 8}, "10", "12", "11" if seed % 5 else "13")

    with mock.patch.object(forecast_judge, "judge", quick):
        main(["--fleets", "3", "--seed", "1", "--tally", str(tally)])
        tally.write_text(tally.read_text()[:-20])
        assert main(["--fleets", "5", "--seed", "1", "--tally", str(tally)]) == 0
        assert main(["--fleets", "5", "--seed", "1", "--tally", str(tally)]) == 0
    assert asked == [1, 2, 3, 3, 4, 5]


@pytest.mark.long
def test_what_really_happens_lies_inside_the_promised_range() -> None:
    """Ten fleets are few, so the bounds are wide. The full judge is a command (docs/testing.md)."""
    assert 5 <= sum(judge(seed).inside for seed in range(1, 11)) <= 10
