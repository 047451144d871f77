"""Member accounts in the API: named, refused, listed, filtered; who may act in which account, and what the audit records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import MemberAccount, UnusableAccount
from shared.domain.migration import Failure, State
from shared.domain.roles import AccessRules, Grant, Role
from tests.support.api import ApiInMemory, ApiSettings, migration
from tests.support.fakes import NOON

A, B, OURS = "1000000000000001", "1000000000000002", "1000000000000009"


class Served:
    """Two member accounts. The API assumes no role."""

    def __init__(self) -> None:
        names = {A: "交易", B: ""}
        self.members = {
            each: MemberAccount(each, f"acs:ram::{each}:role/replank-member", name=name) for each, name in names.items()
        }


@pytest.fixture
def api() -> ApiInMemory:
    found = ApiInMemory()
    found.fakes.accounts, found.fakes.account_id = Served(), OURS
    found.shown = ApiSettings(account_id=OURS)
    return found


def submitted(api: ApiInMemory, *accounts: str) -> tuple[int, Any]:
    given = {"accountIds": list(accounts)} if accounts else {}
    return api.call("POST", "/batches", {"instanceIds": ["i-test0001"], **given})


def test_a_batch_names_its_accounts(api: ApiInMemory) -> None:
    for accounts, stored, shown in (((), (), [OURS]), ((OURS,), (), [OURS]), ((A, OURS, A), (A, ""), [A, OURS])):
        status, body = submitted(api, *accounts)
        assert (status, body["selection"]["accountIds"]) == (201, shown)
        assert api.fakes.batches.rows[body["batchId"]].selection.accounts == stored


def test_an_account_that_is_not_served_is_refused_with_those_that_are(api: ApiInMemory) -> None:
    status, body = submitted(api, "1000000000000007")
    assert (status, body["Code"]) == (400, "Account.NotFound")
    assert all(each in body["Recommend"] for each in (A, B, OURS))


def stand(api: ApiInMemory) -> None:
    api.open_batch(
        migration("m1", State.READY), replace(migration("m2", State.READY), account_id=A), replace(migration("m3"), account_id=B)
    )
    batch = next(iter(api.fakes.batches.rows.values()))
    selection = replace(batch.selection, accounts=("", A, B))
    api.fakes.batches.rows[batch.batch_id] = replace(batch, selection=selection)


def test_migrations_show_their_account_and_are_filtered_by_it(api: ApiInMemory) -> None:
    stand(api)
    _, body = api.call("GET", "/migrations")
    assert {each["migrationId"]: each["accountId"] for each in body["migrations"]} == {"m1": OURS, "m2": A, "m3": B}
    for account, expected in ((A, ["m2"]), (OURS, ["m1"]), ("1000000000000007", [])):
        _, body = api.call("GET", "/migrations", query={"accountId": account, "limit": "1"})
        assert [each["migrationId"] for each in body["migrations"]] == expected
    assert api.call("GET", "/migrations", query={"accountId": "7"})[0] == 400


def test_migrations_are_found_by_code_text_and_group_on_every_page(api: ApiInMemory) -> None:
    timed_out = Failure("migrate", "Job.TimedOut", "It took too long.", "Retry it.")
    rows = [replace(migration(f"m{number}", State.FAILED), instance_name=f"web-{number}") for number in range(1, 8)]
    rows[4] = replace(rows[4], failure=timed_out, group="app=支付", account_id=A)
    api.open_batch(*rows)
    for query, expected in (
        ({"code": "job.timed"}, ["m5"]),
        ({"text": "WEB-5"}, ["m5"]),
        ({"text": A[2:]}, ["m5"]),
        ({"group": "app=支付"}, ["m5"]),
        ({"group": "app"}, []),
        ({"code": "Job.TimedOut", "text": "web-6"}, []),
        ({"text": "web", "state": "failed"}, [f"m{number}" for number in range(1, 8)]),
    ):
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(9):
            _, body = api.call("GET", "/migrations", query={**query, **token, "limit": "2"})
            found += [each["migrationId"] for each in body["migrations"]]
            token = {"nextToken": body["nextToken"]}
            if not body["nextToken"]:
                break
        assert sorted(found) == expected, query
    assert api.call("GET", "/migrations", query={"code": "<b>"})[0] == 400


def test_an_account_that_refuses_is_shown_with_cause_and_remedy(api: ApiInMemory) -> None:
    stand(api)
    batch_id = next(iter(api.fakes.batches.rows))
    trouble = UnusableAccount(A, "Account.RoleRefused", "Role r is gone.", "Restore it.", NOON, NOON + timedelta(minutes=1))
    api.fakes.admission.write_account_refusal(trouble)
    _, body = api.call("GET", f"/batches/{batch_id}")
    assert [(each["accountId"], each["code"], each["remedy"]) for each in body["accountTroubles"]] == [
        (A, "Account.RoleRefused", "Restore it.")
    ]
    assert "Restore it." in api.call("GET", "/migrations/m2")[1]["waitsFor"]
    assert "Restore it." not in api.call("GET", "/migrations/m1")[1]["waitsFor"]
    _, body = api.call("GET", "/accounts")
    assert [(each["accountId"], each["name"], each["trouble"] and each["trouble"]["code"]) for each in body["accounts"]] == [
        (OURS, "", None),
        (A, "交易", "Account.RoleRefused"),
        (B, "", None),
    ]


def test_a_grant_for_an_account_covers_its_migrations_and_no_others(api: ApiInMemory) -> None:
    stand(api)
    grants = (Grant(Role.OPERATOR, ("ann",), accounts=(A,)),)
    api.shown = replace(api.shown, access_rules=AccessRules(grants=grants))
    assert api.call("POST", "/migrations/m2/cancellation")[0] == 200
    for refused in ("m1", "m3"):
        assert api.call("POST", f"/migrations/{refused}/cancellation")[1]["Code"] == "Role.Missing"
    assert submitted(api, A)[0] == 201
    for accounts in ((), (OURS,), (A, B), (A, OURS)):
        assert submitted(api, *accounts)[1]["Code"] == "Role.Missing", accounts


def test_the_audit_names_the_accounts_of_an_act(api: ApiInMemory) -> None:
    stand(api)
    api.call("POST", "/migrations/m2/cancellation")
    api.call("POST", "/migrations/m1/cancellation")
    submitted(api, A, OURS)
    assert [line.asked.accounts for line in api.fakes.audit.rows.values()] == [A, "", A]
    _, body = api.call("GET", "/audit")
    assert [each["accounts"] for each in body["lines"]] == [A, "", A]
