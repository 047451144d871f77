"""Member accounts: how the setting is parsed, how an account's trouble escalates, and the names of sessions."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.accounts import (
    MemberAccount,
    account_not_configured_error,
    first_refusal_record,
    parse_member_accounts,
    permission_missing_error,
    role_refused_error,
    session_name,
    stored_account_id,
)
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.chosen import selection_digest, why_not_selected
from shared.domain.errors import MessageFate, Refused
from shared.domain.notice import parse_notice
from shared.domain.policy import Policy
from tests.support.ports import migration

A, B = "1000000000000001", "1000000000000002"
ROLE = f"acs:ram::{A}:role/replank-member"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
TRADING = MemberAccount(A, ROLE, "x-1", "交易")


def test_arns_alone_are_enough() -> None:
    other = f"acs:ram::{B}:role/replank-member"
    found = parse_member_accounts(f" {ROLE}, {other} ,", external_id="agreed-word")
    assert found == {A: MemberAccount(A, ROLE, "agreed-word"), B: MemberAccount(B, other, "agreed-word")}


def test_json_may_say_more() -> None:
    given = {A: {"role": ROLE, "externalId": "x-1", "name": "交易"}, B: f"acs:ram::{B}:role/r"}
    assert parse_member_accounts(json.dumps(given), "y-2") == {A: TRADING, B: MemberAccount(B, f"acs:ram::{B}:role/r", "y-2")}
    assert TRADING.name_with_id == f"交易 ({A})"
    assert MemberAccount(B, "").name_with_id == B


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("acs:ram::1:role/r", "'acs:ram::1:role/r'"),
        (f"{ROLE},{ROLE}", "a second time"),
        ("{", "not JSON"),
        ('{"1": "x"}', "'1'"),
        (json.dumps({A: f"acs:ram::{B}:role/r"}), A),
        (json.dumps({A: {"role": ROLE, "rolle": "x"}}), A),
        (json.dumps({A: 7}), A),
        (json.dumps({A: {"role": ROLE, "externalId": "x y"}}), A),
        (json.dumps({A: {"role": ROLE, "name": "a\x1b[2J"}}), A),
        (f'{{"{A}": "{ROLE}", "{A}": "{ROLE}"}}', A),
    ],
)
def test_a_bad_value_names_its_entry(given: str, said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)) as caught:
        parse_member_accounts(given)
    assert caught.value.code == "Accounts.Invalid"


def test_a_session_has_the_migration_in_its_name_and_only_legal_characters() -> None:
    assert session_name("m0000000000000001") == "replank-m0000000000000001"
    assert len(session_name("m" * 90)) == 64
    assert re.fullmatch(r"[\w.@-]{2,64}", session_name("m 7/ü"), re.ASCII)


def test_an_account_is_named_as_rows_name_it() -> None:
    members = {A: TRADING}
    assert [stored_account_id(each, B, members) for each in ("", B, A)] == ["", "", A]
    with pytest.raises(Refused, match="does not serve") as caught:
        stored_account_id("9" * 16, B, members)
    assert A in caught.value.remedy


def test_a_refusal_is_waited_for_and_says_what_to_restore() -> None:
    for error in (
        role_refused_error(TRADING, "EntityNotExist.Role: gone."),
        permission_missing_error(TRADING, "Forbidden.RAM: no."),
    ):
        assert error.fate is MessageFate.TRANSIENT
        assert ROLE in error.remedy
        assert A in error.remedy
    assert "REPLANK_ACCOUNTS" in account_not_configured_error(B).remedy


def test_the_longer_it_refuses_the_later_it_is_tried_again() -> None:
    trouble = first_refusal_record(role_refused_error(TRADING, "gone."), NOW)
    assert (trouble.since, trouble.until) == (NOW, NOW + timedelta(minutes=1))
    assert trouble.is_account_blocked(NOW)
    assert not trouble.is_account_blocked(NOW + timedelta(minutes=1))
    later = trouble.next_refusal_record(permission_missing_error(TRADING, "no."), NOW + timedelta(hours=3))
    assert (later.since, later.code) == (NOW, "Account.NoPermission")
    assert later.until == NOW + timedelta(hours=3, minutes=30)
    assert "since 2026-11-23 12:00 UTC" in later.why_unusable
    assert "member.yml" in later.why_unusable


def batch(*accounts: str) -> Batch:
    chosen = Selection(("cn-hangzhou",), ("i-test0001",), accounts=accounts)
    return Batch("b0000000000000001", BatchState.OPEN, 1, NOW, "api", "ann", chosen, Policy())


def test_a_batch_without_accounts_means_the_own_one() -> None:
    own, foreign = migration(1), migration(1, account_id=A)
    assert why_not_selected(batch(), own) == ""
    assert A in why_not_selected(batch(), foreign)
    assert why_not_selected(batch(A), foreign) == ""
    assert why_not_selected(batch(A), own)
    assert not why_not_selected(batch("", A), own) + why_not_selected(batch("", A), foreign)


def test_the_digest_of_a_selection_without_accounts_is_that_of_before() -> None:
    """So an acknowledgement that an earlier version recorded stays valid."""
    assert selection_digest(Selection(("cn-hangzhou",), ("i-1",))) == "f3e52cd9b11c873a5979968cbaff4bf9"
    assert len({selection_digest(batch(*each).selection) for each in ((), (A,), ("", A), (B,))}) == 4


def test_a_notice_names_accounts_by_id_or_by_arn() -> None:
    assert parse_notice({"releases": ["CentOS 7"], "accountIds": [A]}).accounts == (A,)
    arns = [f"acs:ecs:cn-hangzhou:{A}:instance/i-a", f"acs:ecs:cn-beijing:{A}:instance/i-b"]
    found = parse_notice({"releases": ["CentOS 7"], "resources": arns})
    assert (found.regions, found.accounts, found.instance_ids) == (("cn-hangzhou", "cn-beijing"), (A,), ("i-a", "i-b"))


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("accountIds", ["12"], "Notice.AccountInvalid"),
        ("resources", ["i-a"], "Notice.ResourceInvalid"),
        ("resources", [f"acs:ecs:*:{A}:instance/*"], "Notice.ResourceInvalid"),
        ("resources", [7], "Notice.ResourceInvalid"),
    ],
)
def test_what_a_notice_misspells_is_refused(field: str, value: object, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_notice({"releases": ["CentOS 7"], field: value})
    assert caught.value.code == code


def test_resources_stand_alone() -> None:
    both = {"releases": ["CentOS 7"], "resources": [f"acs:ecs:cn-hangzhou:{A}:instance/i-a"], "instanceIds": ["i-b"]}
    with pytest.raises(Refused, match="resources"):
        parse_notice(both)


def test_a_second_role_for_free_text_is_of_the_same_account() -> None:
    first, second = (f"acs:ram::1000000000000001:role/{name}" for name in ("replank-member", "replank-member-run-command"))
    given = {"1000000000000001": {"role": first, "runCommandRole": second}}
    found = parse_member_accounts(json.dumps(given), "word")["1000000000000001"]
    assert (found.role_arn, found.run_command_role_arn, found.external_id) == (first, second, "word")
    given["1000000000000001"]["runCommandRole"] = second.replace("0001", "0002")
    with pytest.raises(Refused, match="not the ARN of a role in that account"):
        parse_member_accounts(json.dumps(given))
