"""The number of requests of one caller is limited, and the caller is told when to try again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain.caller import Caller, Trust
from shared.domain.errors import Refused, Transient
from shared.runtime import web
from shared.runtime.rates import (
    MOST_CALLERS,
    PROVIDER_REST,
    TOKEN_KNOWN,
    CallerRateLimiter,
    RateLimiter,
    TooManyRequests,
    caller_key,
)
from tests.support.fakes import Fakes

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


CONSOLE = "203.0.113.7"


class Persons:
    """Tokens of persons; each check is recorded. A token that is no name is refused."""

    def __init__(self) -> None:
        self.checked, self.silent = list[str](), False

    def verify_token(self, token: str) -> Caller:
        self.checked.append(token)
        if self.silent:
            raise Transient("Provider.Unreachable", "It does not answer.")
        name, _, _ = token.partition(".")
        if not name.isalpha():
            raise Refused("Token.Invalid", "The token is refused.", "Sign in again.", status=401)
        return Caller(name, Trust.VERIFIED, "https://id.test", f"sub-{name}")


class Counted:
    """A limit of so many requests a minute, and what comes from the console's address."""

    def __init__(self, per_minute: int) -> None:
        self.rates, self.fakes, self.persons = CallerRateLimiter(per_minute), Fakes(), Persons()
        self.fakes.sign_in = self.persons

    def allowed(self, token: str = "", door: str = "trigger", **headers: str) -> bool:
        sent = {**({"X-Replank-Token": token} if token else {}), **{name.replace("_", "-"): each for name, each in headers.items()}}
        request = {"door": door, "headers": sent, "requestContext": {"http": {"sourceIp": CONSOLE}}}
        try:
            self.rates.count_request(request, self.fakes.ports)
        except TooManyRequests:
            return False
        return True


def test_persons_at_one_address_do_not_share_and_one_person_has_one_limit() -> None:
    counted = Counted(4)
    assert [counted.allowed("ann.1") for _ in range(5)] == [True] * 4 + [False]
    assert not counted.allowed("ann.2"), "another token of the same person"
    assert [counted.allowed("bob.1") for _ in range(4)] == [True] * 4
    assert counted.persons.checked == ["ann.1", "ann.2", "bob.1"], "each token is checked once"


def test_who_has_no_token_counts_by_address_and_takes_nothing_from_persons() -> None:
    counted = Counted(2)
    assert [counted.allowed() for _ in range(3)] == [True, True, False]
    assert counted.allowed("ann.1")


def test_what_a_header_only_claims_changes_nothing() -> None:
    counted = Counted(2)
    claims = [
        {"X_Forwarded_For": "198.51.100.1"},
        {"X_Replank_Operator": "ann"},
        {"X_Replank_App_Id": "1101"},
        {"X_Real_Ip": "198.51.100.2"},
    ]
    assert [counted.allowed(**each) for each in claims] == [True, True, False, False]


def test_a_refused_token_counts_by_address_and_is_checked_once() -> None:
    counted = Counted(3)
    assert [counted.allowed("1.forged") for _ in range(4)] == [True] * 3 + [False]
    assert counted.persons.checked == ["1.forged"]


def test_checks_of_ever_new_tokens_are_limited() -> None:
    counted = Counted(3)
    assert [counted.allowed(f"{number}.forged") for number in range(5)] == [True] * 3 + [False] * 2
    assert len(counted.persons.checked) == 3


def test_a_token_is_checked_again_after_a_while() -> None:
    counted = Counted(100)
    for _ in range(2):
        counted.allowed("ann.1")
        counted.fakes.clock.at += TOKEN_KNOWN
    assert counted.persons.checked == ["ann.1"] * 2


def test_nobody_waits_for_a_provider_that_did_not_answer_a_moment_ago() -> None:
    counted = Counted(3)
    counted.allowed("ann.1")
    counted.persons.silent = True
    counted.fakes.clock.at += TOKEN_KNOWN
    assert [counted.allowed(each) for each in ("ann.1", "ann.1", "bob.1", "bob.1", "bob.1", "bob.1")] == [True] * 5 + [False]
    assert counted.persons.checked == ["ann.1", "ann.1"], "a known person stays known, and others count by address"
    counted.persons.silent = False
    counted.fakes.clock.at += PROVIDER_REST
    assert [counted.allowed("bob.1") for _ in range(3)] == [True] * 3
    assert counted.persons.checked[-1] == "bob.1"


def test_the_gateways_app_counts_whatever_token_it_sends() -> None:
    counted = Counted(1)
    assert [counted.allowed(each, door="gateway", X_Replank_App_Id="7") for each in ("ann.1", "bob.1")] == [True, False]
    assert counted.persons.checked == []


def test_without_a_provider_or_a_limit_no_token_is_looked_at() -> None:
    counted = Counted(0)
    assert all(counted.allowed("ann.1") for _ in range(9))
    assert counted.persons.checked == []
    counted = Counted(1)
    counted.fakes.sign_in = None
    assert [counted.allowed(each) for each in ("ann.1", "bob.1")] == [True, False]


def test_the_memory_of_tokens_is_bounded() -> None:
    counted = Counted(2 * MOST_CALLERS)
    letters = "abcdefghij"
    for number in range(MOST_CALLERS + 1):
        counted.allowed("".join(letters[int(each)] for each in str(number)) + ".1")
    checks = len(counted.persons.checked)
    assert counted.allowed("a.1")
    assert len(counted.persons.checked) == checks + 1, "the oldest was forgotten"
