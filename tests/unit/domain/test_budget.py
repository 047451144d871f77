"""The failure budget: what it allows, as a count or as a percentage, and by how much it may be exceeded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection
from shared.domain.errors import Refused
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import AdmissionCounts, Start, StartContext, allowed_start_count, why_budget_spent
from shared.domain.policy import Policy, read_policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
ACK = Acknowledgement("ann", NOW, "v", RISKS)


def scene(failed: int, moving: int, policy: Policy, size: int = 100) -> StartContext:
    batch = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(()), policy, acknowledgement=ACK, size=size)
    ids = frozenset(f"m{number}" for number in range(failed))
    return StartContext(batch.terms, AdmissionCounts(ids, frozenset(), moving, moving), NOTHING_HELD, NOW, 1000)


@pytest.mark.parametrize("budget", range(4))
@pytest.mark.parametrize("max_moving", range(1, 6))
def test_at_most_the_budget_and_max_moving_fail_together(budget: int, max_moving: int) -> None:
    """The documented bound in the worst case: every moving migration fails, one after the other. The bound is reached exactly."""
    policy = Policy(failure_budget=budget, max_moving=max_moving)
    failed = moving = 0
    while True:
        moving += allowed_start_count(Start.FIRST_SNAPSHOT, scene(failed, moving, policy))
        if not moving:
            break
        failed, moving = failed + 1, moving - 1
    assert failed == budget + max_moving


@pytest.mark.parametrize(
    ("percent", "size", "allowed"), [(10, 50, 5), (10, 59, 5), (10, 9, 0), (0, 1000, 0), (99, 2, 1), (None, 50, 1)]
)
def test_a_share_is_rounded_down_and_takes_the_place_of_the_count(percent: int | None, size: int, allowed: int) -> None:
    policy = Policy(failure_budget=1, failure_percent=percent)
    assert why_budget_spent(scene(allowed, 0, policy, size)) == ""
    assert f"the budget is {allowed}" in why_budget_spent(scene(allowed + 1, 0, policy, size))


def test_a_batch_that_an_earlier_version_planned_has_no_size_and_allows_nothing_by_share() -> None:
    spent = scene(1, 0, Policy(failure_percent=50))
    assert why_budget_spent(replace(spent, terms=replace(spent.terms, size=0)))


def test_a_share_is_bounded() -> None:
    assert read_policy({"failurePercent": 25}).failure_percent == 25
    for wrong in (100, -1, 2.5):
        with pytest.raises(Refused):
            read_policy({"failurePercent": wrong})
