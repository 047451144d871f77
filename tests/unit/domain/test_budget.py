"""The failure budget: what it allows, as a count or as a percentage, and by how much it may be exceeded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection, Waves
from shared.domain.errors import Refused
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import (
    AdmissionCounts,
    StartContext,
    StartKind,
    allowed_start_count,
    can_wave_budget_be_spent,
    failure_counts_by_wave,
    first_wave_over_budget,
    why_budget_spent,
)
from shared.domain.policy import Policy, parse_policy
from shared.domain.window import NEVER

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
ACK = Acknowledgement("ann", NOW, "v", RISKS)


def scene(failed: int, moving: int, policy: Policy, size: int = 100) -> StartContext:
    batch = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(()), policy, acknowledgement=ACK, size=size)
    ids = frozenset(f"m{number}" for number in range(failed))
    return StartContext(batch.summary, AdmissionCounts(ids, frozenset(), moving, moving), NOTHING_HELD, NOW, 1000)


@pytest.mark.parametrize("budget", range(4))
@pytest.mark.parametrize("max_moving", range(1, 6))
def test_at_most_the_budget_and_max_moving_fail_together(budget: int, max_moving: int) -> None:
    """The documented bound in the worst case: every moving migration fails, one after the other. The bound is reached exactly."""
    policy = Policy(failure_budget=budget, max_moving=max_moving)
    failed = moving = 0
    while True:
        moving += allowed_start_count(StartKind.FIRST_SNAPSHOT, scene(failed, moving, policy))
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
    assert why_budget_spent(replace(spent, summary=replace(spent.summary, size=0)))


def test_a_share_is_bounded() -> None:
    assert parse_policy({"failurePercent": 25}).failure_percent == 25
    for wrong in (100, -1, 2.5):
        with pytest.raises(Refused):
            parse_policy({"failurePercent": wrong})


@pytest.mark.parametrize(
    ("by_wave", "spent"),
    [({0: 1}, ""), ({0: 1, 1: 1}, ""), ({1: 2}, "2 migrations of wave 2 failed, the budget of each wave is 1"), ({}, "")],
)
def test_a_wave_has_a_budget_of_its_own(by_wave: dict[int, int], spent: str) -> None:
    found = scene(2, 0, Policy(failure_budget=5, wave_failure_budget=1, waves=("2",)))
    assert why_budget_spent(replace(found, standing=replace(found.standing, failed_by_wave=by_wave))) == spent


def test_the_budget_of_the_batch_comes_before_the_budget_of_a_wave() -> None:
    found = scene(2, 0, Policy(failure_budget=1, wave_failure_budget=0, waves=("9",)))
    why = why_budget_spent(replace(found, standing=replace(found.standing, failed_by_wave={0: 2})))
    assert why.endswith("the budget is 1")


@pytest.mark.parametrize(
    ("by_wave", "failed", "first"), [({0: 2, 1: 3}, 5, (0, 2)), ({1: 2}, 2, (1, 2)), ({0: 1}, 1, None), ({0: 2}, 6, None)]
)
def test_the_first_wave_over_its_budget_is_known_unless_the_batch_is_over_its_own(
    by_wave: dict[int, int], failed: int, first: tuple[int, int] | None
) -> None:
    found = scene(failed, 0, Policy(failure_budget=5, wave_failure_budget=1, waves=("9",)))
    assert first_wave_over_budget(replace(found, standing=replace(found.standing, failed_by_wave=by_wave))) == first


def test_failures_are_counted_in_the_wave_that_the_instance_belongs_to() -> None:
    cut = Waves([("m0", "m1"), ("m2",)])
    assert failure_counts_by_wave(["m0", "m2", "m1"], cut) == {0: 2, 1: 1}
    assert failure_counts_by_wave(["m0", "late"], cut) == {0: 1, 1: 1}, "in no wave: moves with the last one"


@pytest.mark.parametrize(("failed", "counted"), [(1, False), (2, True)])
def test_failures_are_counted_by_wave_only_if_a_budget_can_be_spent(failed: int, counted: bool) -> None:
    summary = scene(failed, 0, Policy(failure_budget=5, wave_failure_budget=1, waves=("2",))).summary
    assert can_wave_budget_be_spent(summary, failed) is counted
    assert not can_wave_budget_be_spent(replace(summary, policy=Policy()), failed)


def test_a_budget_of_waves_is_read_and_bounded() -> None:
    assert parse_policy({"waveFailureBudget": 0}).wave_failure_budget == 0
    for wrong in (-1, 1001, 2.5):
        with pytest.raises(Refused):
            parse_policy({"waveFailureBudget": wrong})


def test_older_versions_start_nothing_in_a_batch_with_a_budget_of_waves() -> None:
    assert parse_policy({"waveFailureBudget": 0, "waves": ["2"]}).window == NEVER
