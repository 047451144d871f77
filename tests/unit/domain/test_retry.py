"""How often calls are repeated, by the table of policies. The bounds of each place must not change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import retry
from shared.domain.retry import API_BUSY, CLOUD_CALL, RetryHint, RetryPolicy, repeat_call

BOUNDS: dict[str, tuple[int, tuple[float, ...]]] = {
    "CLOUD_CALL": (4, (0.2, 0.4, 0.8)),
    "CHECK_CALL": (3, (0.5, 1.0)),
    "API_BUSY": (4, (0, 0, 0)),
    "LOST_RACE": (5, (0, 0, 0, 0)),
    "LOCK_RACE": (3, (0, 0)),
    "AUDIT_RACE": (9, (0,) * 8),
}
"""By policy: the number of calls including the first, and the delays between them."""
SLOWEST_S = 5.0
"""The longest delay that the settings allow (REPLANK_RETRY_PAUSE_MS), in seconds."""


class Unlucky(Exception):
    """An error that another call may not get."""


class Hopeless(Exception):
    """An error that every call gets."""


def worth(error: Exception) -> RetryHint | None:
    return RetryHint(*error.args) if isinstance(error, Unlucky) else None


class FailingCalls:
    """Fails with these errors in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.numbers, self.slept = list(errors), list[int](), list[float]()

    def __call__(self, number: int) -> str:
        self.numbers.append(number)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def run(self, policy: RetryPolicy) -> str:
        return repeat_call(policy, self, worth, self.slept.append)


def test_every_policy_is_in_the_table() -> None:
    assert {name for name, value in vars(retry).items() if isinstance(value, RetryPolicy)} == set(BOUNDS)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_policy_keeps_its_bounds(name: str) -> None:
    calls, pauses = BOUNDS[name]
    policy: RetryPolicy = getattr(retry, name)
    assert policy.calls == calls
    assert list(policy.pauses_between_calls()) == pytest.approx(list(pauses))
    always = FailingCalls(*[Unlucky() for _ in range(20)])
    with pytest.raises(Unlucky):
        always.run(policy)
    assert always.numbers == list(range(1, calls + 1))
    assert always.slept == pytest.approx([pause for pause in pauses if pause])


def test_the_first_answer_ends_the_calls() -> None:
    once = FailingCalls(Unlucky())
    assert (once.run(CLOUD_CALL), once.numbers, once.slept) == ("answer", [1, 2], [0.2])


def test_an_error_that_no_call_mends_is_raised_at_once() -> None:
    calls = FailingCalls(Unlucky(), Hopeless())
    with pytest.raises(Hopeless):
        calls.run(CLOUD_CALL)
    assert calls.numbers == [1, 2]


def test_pauses_stay_within_the_budget_whatever_the_settings_say() -> None:
    slow = replace(CLOUD_CALL, pause_s=SLOWEST_S)
    assert slow.pauses_between_calls() == (5.0, 5.0)
    assert [slow.interval_after_failures(failed) for failed in (1, 2, 3)] == [5.0, 5.0, None]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ((1, 2), [1, 2]),
        ((60, 60, 60), [60, 60, 60]),
        ((1, 61), [1]),  # longer than the maximum wait
        ((1, 1, 1, 1), [1, 1, 1]),  # one call more than allowed
        ((0, 0), []),
    ],
)
def test_a_wait_that_the_api_asks_for_is_kept_or_ends_the_calls(asked: tuple[int, ...], waited: list[int]) -> None:
    calls = FailingCalls(*[Unlucky(seconds) for seconds in asked])
    if len(waited) < sum(1 for seconds in asked if seconds):
        with pytest.raises(Unlucky):
            calls.run(API_BUSY)
    else:
        assert calls.run(API_BUSY) == "answer"
    assert calls.slept == waited


def test_waits_together_stay_within_the_budget() -> None:
    calls = FailingCalls(Unlucky(5), Unlucky(5), Unlucky(1))
    with pytest.raises(Unlucky):
        calls.run(RetryPolicy(calls=9, longest_pause_s=5, budget_s=10))
    assert calls.slept == [5, 5]
