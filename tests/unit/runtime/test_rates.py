"""The number of requests of one caller is limited, and the caller is told when to try again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.runtime import web
from shared.runtime.rates import MOST_CALLERS, RateLimiter, TooManyRequests, caller_key

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


def refused(rates: RateLimiter, caller: str, now: datetime) -> int:
    """The seconds to wait; 0 if the request is allowed."""
    try:
        rates.count_request(caller, now)
    except TooManyRequests as error:
        return error.wait_s
    return 0


def test_a_minutes_worth_may_come_at_once_and_then_one_at_a_time() -> None:
    rates = RateLimiter(30)
    assert [refused(rates, "a", NOON) for _ in range(31)] == [0] * 30 + [2]
    assert refused(rates, "a", NOON + timedelta(seconds=1)) == 1
    assert refused(rates, "a", NOON + timedelta(seconds=2)) == 0
    assert refused(rates, "a", NOON + timedelta(seconds=2)) == 2


def test_callers_do_not_share() -> None:
    rates = RateLimiter(1)
    assert [refused(rates, caller, NOON) for caller in ("a", "b", "a")] == [0, 0, 60]


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    rates = RateLimiter(2)
    refused(rates, "a", NOON)
    assert refused(rates, "a", NOON - timedelta(hours=1)) == 0
    assert refused(rates, "a", NOON - timedelta(hours=1)) == 30


def test_none_is_no_limit() -> None:
    rates = RateLimiter(0)
    assert not any(refused(rates, "a", NOON) for _ in range(1000))


def test_the_memory_is_bounded() -> None:
    rates = RateLimiter(1)
    for number in range(MOST_CALLERS + 1):
        refused(rates, str(number), NOON)
    assert refused(rates, "0", NOON) == 0, "the oldest was forgotten"
    assert refused(rates, str(MOST_CALLERS), NOON) == 60


def test_the_answer_says_when() -> None:
    answer = web.error_response(TooManyRequests(7), "R1")
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (429, "7")
    assert json.loads(answer["body"])["Code"] == "Request.TooMany"


@pytest.mark.parametrize(
    ("request_", "caller"),
    [
        ({"door": "gateway", "headers": {"X-Replank-App-Id": "1101"}}, "app 1101"),
        ({"door": "gateway", "headers": {}}, "app "),
        ({"door": "trigger", "requestContext": {"http": {"sourceIp": "203.0.113.9"}}}, "address 203.0.113.9"),
        ({"door": "trigger", "headers": {"X-Replank-App-Id": "1101"}, "requestContext": {"http": {}}}, "address "),
    ],
)
def test_who_is_counted(request_: dict[str, Any], caller: str) -> None:
    assert caller_key(request_) == caller
