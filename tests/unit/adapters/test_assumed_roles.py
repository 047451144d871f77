"""Roles of member accounts: when credentials are requested, cached and dropped, and what a refusal means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from Tea.exceptions import TeaException

from shared.adapters import redact
from shared.adapters.assumed_roles import MOST_SESSIONS, MemberAccounts
from shared.adapters.sdk import Account, Clients, Credentials
from shared.adapters.sdk_call import call_service
from shared.domain.accounts import MemberAccount
from shared.domain.errors import AccountUnusable, Permanent, Transient
from shared.domain.retry import CLOUD_CALL
from shared.ports.ports import AccountPorts
from tests.support.fakes import NOON, FakeClock

A = "1000000000000001"
MEMBER = MemberAccount(A, f"acs:ram::{A}:role/replank-member", "word-1")


def refused(code: str, message: str = "no.", status: int = 403) -> TeaException:
    return TeaException({"code": code, "message": message, "data": {"Message": message, "statusCode": status}})


class Sts:
    """STS: returns numbered credentials that last 15 minutes, or raises."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[dict[str, str]] = []
        self.error: Exception | None = None

    def call_api(self, params: Any, request: Any, runtime: Any) -> dict[str, Any]:
        self.asked.append({"Action": params.action, **request.query})
        if self.error is not None:
            raise self.error
        number = len(self.asked)
        ends = (self.clock.now() + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
        given = {"AccessKeyId": f"STS.k{number}", "AccessKeySecret": f"secret-{number}", "SecurityToken": f"token-{number}"}
        return {"body": {"Credentials": {**given, "Expiration": ends}}}


class TwoAccounts:
    """Member accounts whose clients are handed out unchanged."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sts = Sts(self.clock)
        home = Clients(
            Account("cn-hangzhou", "9", Credentials("k", "home-secret"), "replank"), retry=replace(CLOUD_CALL, pause_s=0)
        )
        home._made["sts"] = self.sts
        self.accounts = MemberAccounts({A: MEMBER}, home, self.clock, lambda clients: AccountPorts(clients, clients))  # type: ignore[arg-type]

    def clients(self, session: str = "replank-m1") -> Any:
        return self.accounts.account_ports(A, session).compute

    def key(self, session: str = "replank-m1") -> str:
        return str(self.clients(session).assumed.get_credential().access_key_id)


@pytest.fixture
def world() -> TwoAccounts:
    return TwoAccounts()


def test_the_call_says_who_for_and_for_how_short(world: TwoAccounts) -> None:
    world.key()
    assert world.sts.asked == [
        {
            "Action": "AssumeRole",
            "RoleArn": MEMBER.role_arn,
            "RoleSessionName": "replank-m1",
            "DurationSeconds": "900",
            "ExternalId": "word-1",
        }
    ]


def test_credentials_are_kept_per_session_until_five_minutes_before_their_end(world: TwoAccounts) -> None:
    assert [world.key(), world.key("replank-watch"), world.key()] == ["STS.k1", "STS.k2", "STS.k1"]
    world.clock.pass_time(minutes=9, seconds=59)
    assert world.key() == "STS.k1"
    world.clock.pass_time(seconds=2)
    assert [world.key(), world.key()] == ["STS.k3", "STS.k3"]


def test_no_more_sessions_are_kept_than_a_function_can_bear(world: TwoAccounts) -> None:
    for number in range(MOST_SESSIONS + 5):
        world.key(f"replank-m{number}")
    assert len(world.accounts._clouds) == MOST_SESSIONS
    assert world.key(f"replank-m{MOST_SESSIONS + 4}") == f"STS.k{MOST_SESSIONS + 5}"


class Service:
    """An operation that refuses its first calls."""

    def __init__(self, clients: Any, *errors: Exception) -> None:
        self.clients, self.errors, self.keys = clients, list(errors), list[str]()

    def __call__(self, runtime: Any) -> Any:
        self.keys.append(self.clients.assumed.get_credential().access_key_id)
        if self.errors:
            raise self.errors.pop(0)
        return type("Answer", (), {"body": "done"})()


@pytest.mark.parametrize("code", ["InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound", "SecurityTokenExpired"])
def test_spent_credentials_are_renewed_once(world: TwoAccounts, code: str) -> None:
    service = Service(world.clients(), refused(code, status=400))
    assert call_service(service.clients, service) == "done"
    assert service.keys == ["STS.k1", "STS.k2"]


def test_credentials_that_are_refused_again_are_the_accounts_trouble(world: TwoAccounts) -> None:
    service = Service(world.clients(), *[refused("InvalidSecurityToken.Expired", status=400)] * 9)
    with pytest.raises(AccountUnusable) as caught:
        call_service(service.clients, service)
    assert caught.value.code == "Account.RoleRefused"
    assert len(service.keys) <= 3


@pytest.mark.parametrize("code", ["NoPermission", "Forbidden.RAM", "Forbidden"])
def test_a_permission_that_is_missing_there_waits_and_here_does_not(world: TwoAccounts, code: str) -> None:
    service = Service(world.clients(), refused(code))
    with pytest.raises(AccountUnusable) as caught:
        call_service(service.clients, service)
    assert (caught.value.code, caught.value.account_id) == ("Account.NoPermission", A)
    home: Any = world.accounts._home

    def at_home(runtime: Any) -> Any:
        raise refused(code)

    with pytest.raises(Permanent):
        call_service(home, at_home)


def test_what_is_about_the_call_stays_about_the_call(world: TwoAccounts) -> None:
    service = Service(world.clients(), refused("QuotaExceed.Snapshot"))
    with pytest.raises(Permanent):
        call_service(service.clients, service)


@pytest.mark.parametrize("code", ["EntityNotExist.Role", "NoPermission"])
def test_a_role_that_cannot_be_assumed_is_asked_for_once_for_all_its_sessions(world: TwoAccounts, code: str) -> None:
    world.sts.error = refused(code)
    for session in ("replank-m1", "replank-m2", "replank-watch"):
        with pytest.raises(AccountUnusable) as caught:
            world.key(session)
        assert code in caught.value.message
    assert len(world.sts.asked) == 1
    world.sts.error = None
    world.clock.pass_time(seconds=31)
    assert world.key() == "STS.k2"


def test_sts_that_does_not_answer_is_no_refusal(world: TwoAccounts) -> None:
    world.sts.error = refused("ServiceUnavailable", status=503)
    with pytest.raises(Transient) as caught:
        world.key()
    assert not isinstance(caught.value, AccountUnusable)


def test_nothing_shows_the_credentials(world: TwoAccounts) -> None:
    held = world.clients().assumed.get_credential()
    assert "secret-1" not in repr(held) + str(held)
    assert "token-1" not in repr(held)
    assert redact.hide_secrets("secret-1 and token-1 in a line") == "*** and *** in a line"
    assert held.ends_at == datetime(2026, 11, 23, 12, 15, tzinfo=timezone.utc) == NOON + timedelta(minutes=15)
    for minutes in range(10, 60, 10):
        world.clock.pass_time(minutes=minutes)
        world.key()
    assert redact.hide_secrets("secret-1") == "secret-1", "what has ended is not remembered for ever"


def test_an_account_that_the_settings_do_not_name_says_so(world: TwoAccounts) -> None:
    with pytest.raises(AccountUnusable) as caught:
        world.accounts.account_ports("2" * 16, "replank-watch")
    assert caught.value.code == "Account.NotConfigured"
