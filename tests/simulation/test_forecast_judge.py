"""What the judge of the forecast counts as a promise that was kept."""

from __future__ import annotations

import random

import pytest

from shared.domain.policy import read_policy
from tests.simulation.forecast_judge import JudgedFleet, policy_of


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
    assert [read_policy(each).retention_days for each in drawn] == [1] * 50
    assert {len(each) for each in drawn} > {3}, "waves and windows are among them"
