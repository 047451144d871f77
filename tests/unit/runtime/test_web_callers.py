"""The API's callers: claimed and verified names, roles, and the audit of every act and refusal."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest

from shared.domain.audit import AuditEntry
from shared.domain.caller import Caller, Trust
from shared.domain.errors import Refused, Transient
from shared.domain.migration import State
from shared.domain.roles import AccessRules, Grant, Role
from shared.runtime import web
from tests.support.api import ApiInMemory, ApiSettings, migration

ZHANG = Caller("张三", Trust.VERIFIED, "https://id.test", "1001", {"groups": ("leads",)})


class OneToken:
    """Knows one token."""

    def verify_token(self, token: str) -> Caller:
        if token != "good.to.ken":
            raise Refused("Token.Invalid", "The token is refused.", "Sign in again.", status=401)
        return ZHANG


@pytest.fixture
def api() -> ApiInMemory:
    found = ApiInMemory()
    found.open_batch(migration("m1", State.MIGRATED))
    return found


def with_provider(api: ApiInMemory, **access: Any) -> ApiInMemory:
    api.fakes.sign_in = OneToken()
    api.shown = ApiSettings(access_rules=AccessRules(provider=True, **access))
    return api


def act(api: ApiInMemory, *, token: str = "", operator: str = "ann", path: str = "/hold", **headers: str) -> tuple[int, Any]:
    request = api.request("POST", path, {"why": "storm"} if path == "/hold" else None, operator=operator)
    request["headers"].update({"X-Replank-Token": token} if token else {}, **headers)
    return api.handled(request)


def lines(api: ApiInMemory) -> list[AuditEntry]:
    return list(api.fakes.audit.rows.values())


@pytest.mark.parametrize("sent", [quote("张三"), "张三", "张三".encode().decode("latin-1")])
def test_a_name_in_any_script_acts_and_is_recorded(api: ApiInMemory, sent: str) -> None:
    status, body = act(api, operator=sent)
    assert (status, body["history"][0]["by"], body["history"][0]["trust"]) == (200, "张三", "claimed")
    assert lines(api)[0].asked.who == "张三"


@pytest.mark.parametrize("sent", ["%FF", "%00", "a%0Ab", "%E2%80%AEann"])
def test_a_name_that_acts_unseen_is_refused(api: ApiInMemory, sent: str) -> None:
    status, body = act(api, operator=sent)
    assert (status, body["Code"]) == (400, "Operator.Invalid")


def test_a_token_makes_the_name_verified(api: ApiInMemory) -> None:
    status, body = act(with_provider(api), token="good.to.ken", operator="mallory")
    assert (status, body["history"][0]["by"], body["history"][0]["trust"]) == (200, "张三", "verified")
    asked = lines(api)[0].asked
    assert (asked.who, asked.trust, asked.issuer, asked.subject) == ("张三", "verified", "https://id.test", "1001")


def test_the_journal_says_how_the_name_is_known(api: ApiInMemory) -> None:
    assert act(api, path="/migrations/m1/confirmation")[0] == 200
    line = api.fakes.migrations.journal("m1")[-1]
    assert (line.by, line.trust, line.door) == ("ann", "claimed", "trigger")


def test_the_journal_says_that_a_request_came_in_the_gateways_shape(api: ApiInMemory) -> None:
    request = {**api.request("POST", "/migrations/m1/confirmation"), "door": "gateway"}
    assert api.handled(request)[0] == 200
    assert api.call("GET", "/migrations/m1/journal")[1]["lines"][-1]["door"] == "gateway"
    assert lines(api)[-1].asked.door == "gateway"


def test_a_bearer_is_a_token_too(api: ApiInMemory) -> None:
    assert act(with_provider(api), Authorization="Bearer good.to.ken")[0] == 200


@pytest.mark.parametrize("token", ["bad.to.ken", "good.to.ken.", "x"])
def test_a_bad_token_is_refused_whatever_name_comes_with_it(api: ApiInMemory, token: str) -> None:
    status, body = act(with_provider(api, trust={"*": Trust.CLAIMED}), token=token)
    assert (status, body["Code"]) == (401, "Token.Invalid")


def test_a_token_without_a_provider_is_refused(api: ApiInMemory) -> None:
    status, body = act(api, token="good.to.ken")
    assert (status, body["Code"]) == (401, "Token.NoProvider")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Jwt-Claims": '{"sub":"1001"}'},
        {"X-Ca-Claims": "1001"},
        {"X-Acs-Caller-Identity": "1001"},
        {"X-Forwarded-User": "张三".encode().decode("latin-1")},
        {"Authorization": "Basic eDp5"},
    ],
)
def test_headers_of_claims_prove_nothing(api: ApiInMemory, headers: dict[str, str]) -> None:
    status, body = act(with_provider(api), **headers)
    assert (status, body["Code"]) == (401, "Caller.NotVerified")


def test_claims_in_the_event_of_a_gateway_prove_nothing(api: ApiInMemory) -> None:
    request = with_provider(api).request("POST", "/hold", {"why": "x"})
    request["requestContext"]["authorizer"] = {"claims": {"sub": "1001", "name": "张三"}}
    status, body = api.handled(request)
    assert (status, body["Code"]) == (401, "Caller.NotVerified")


def test_roles_hold_and_the_refusal_is_audited(api: ApiInMemory) -> None:
    with_provider(api, grants=(Grant(Role.APPROVER, ("groups=leads",)),))
    status, body = act(api, token="good.to.ken", path="/migrations/m1/confirmation")
    assert (status, body["Code"]) == (403, "Role.Missing")
    line = lines(api)[-1]
    assert line.answered is not None
    assert (line.asked.act, line.asked.target, line.answered.status) == ("confirmMigration", "m1", 403)
    assert api.fakes.migrations.rows["m1"].migration.state is State.MIGRATED


def test_a_grant_for_the_batches_of_one_person_asks_whose_batch_it_is(api: ApiInMemory) -> None:
    status, made = api.call("POST", "/batches", {"instanceIds": ["i-a"]}, operator="bob")
    assert status == 201
    api.shown = ApiSettings(access_rules=AccessRules(grants=(Grant(Role.APPROVER, ("ann",), owners=("carl",)),)))
    path = f"/batches/{made['batchId']}/acknowledgement"
    assert api.refused("POST", path, {"risksVersion": "x"}) == (403, "Role.Missing")
    api.shown = ApiSettings(access_rules=AccessRules(grants=(Grant(Role.APPROVER, ("ann",), owners=("bob",)),)))
    assert api.refused("POST", path, {"risksVersion": "x"})[0] == 409


def test_an_act_is_put_off_while_its_batch_cannot_be_read(api: ApiInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: str) -> Any:
        raise Transient("Throttling", "The store is busy.")

    made = api.call("POST", "/batches", {"instanceIds": ["i-a"]}, operator="bob")[1]
    api.shown = ApiSettings(access_rules=AccessRules(grants=(Grant(Role.APPROVER, ("ann",), owners=("bob",)),)))
    monkeypatch.setattr(api.fakes.batches, "load", busy)
    path = f"/batches/{made['batchId']}/acknowledgement"
    assert api.refused("POST", path, {"risksVersion": "x"}) == (503, "Throttling")


def test_an_act_is_audited_with_its_target_before_and_after(api: ApiInMemory) -> None:
    act(api, path="/migrations/m1/confirmation")
    line = lines(api)[-1]
    assert line.answered is not None
    assert line.asked.before.startswith("migrated ")
    assert line.answered.after.startswith("confirmed ")
    assert line.answered.status == 200


def test_the_batch_that_a_submission_made_is_its_target(api: ApiInMemory) -> None:
    body = {"instanceIds": ["i-1"], "policy": {"driver": "console"}}
    made = api.call("POST", "/batches", body)[1]["batchId"]
    api.call("POST", "/batches", {"instanceIds": "nonsense"})
    (refused, submitted) = api.call("GET", "/audit", query={"act": "submitBatch"})[1]["lines"][:2]
    assert (submitted["target"], refused["target"]) == (made, "")
    assert [each["act"] for each in api.call("GET", "/audit", query={"target": made})[1]["lines"]] == ["submitBatch"]


@pytest.mark.parametrize(
    ("act", "state", "after"),
    [
        ("confirmation", State.MIGRATED, "1 confirmed, 1 refused"),
        ("retry", State.FAILED, "1 retried, 1 refused"),
        ("rollback", State.MIGRATED, "1 rollbacks begun, 1 refused"),
        ("cancellation", State.READY, "1 cancelled, 1 refused"),
    ],
)
def test_an_act_on_many_is_audited_with_its_counts(api: ApiInMemory, act: str, state: State, after: str) -> None:
    batch = api.open_batch(migration("one", state))
    named = [{"migrationId": "one", "version": 7}, {"migrationId": "other", "version": 1}]
    assert api.call("POST", f"/batches/{batch}/{act}", {"migrations": named})[0] == 200
    line = api.call("GET", "/audit")[1]["lines"][0]
    assert (line["target"], line["after"]) == (batch, after)


def test_an_act_that_cannot_be_audited_is_not_done(api: ApiInMemory) -> None:
    api.fakes.audit.down = True
    assert act(api, path="/migrations/m1/confirmation")[0] == 503
    assert api.fakes.migrations.rows["m1"].migration.state is State.MIGRATED


def test_what_nobody_expected_is_audited_too(api: ApiInMemory) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    api.fakes.admission.set_or_release_hold = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        act(api)
    answered = lines(api)[-1].answered
    assert answered is not None
    assert (answered.status, answered.code) == (500, "Internal.Bug")


def test_malformed_acts_are_audited(api: ApiInMemory) -> None:
    request = api.request("POST", "/batches")
    request["body"] = "{nonsense"
    assert api.handled(request)[0] == 400
    assert lines(api)[-1].asked.request == '{"bytes":9,"json":false}'


def test_the_audit_is_listed_and_filtered(api: ApiInMemory) -> None:
    act(api)
    act(api, operator="bob", path="/migrations/m1/confirmation")
    act(api, operator="bob", path="/migrations/m1/confirmation")
    whole = api.call("GET", "/audit")[1]["lines"]
    assert [line["who"] for line in whole] == ["bob", "bob", "ann"]
    assert [line["act"] for line in api.call("GET", "/audit", query={"who": "ann"})[1]["lines"]] == ["hold"]
    assert len(api.call("GET", "/audit", query={"target": "m1"})[1]["lines"]) == 2
    refused = api.call("GET", "/audit", query={"refused": "true"})[1]["lines"]
    assert [line["code"] for line in refused] == ["Migration.AlreadyConfirmed"] or not refused
    assert api.call("GET", "/audit", query={"to": "2026-11-20"})[1]["lines"] == []
    assert api.refused("GET", "/audit", query={"from": "2026-11-24", "to": "2026-11-23"}) == (400, "Audit.DayInvalid")
    assert api.refused("GET", "/audit", query={"from": "2026-02-31"}) == (400, "Audit.DayInvalid")


def test_the_audit_comes_as_csv_without_formulas(api: ApiInMemory) -> None:
    act(api, operator="%3D1+1")
    request = api.request("GET", "/audit")
    request["headers"]["Accept"] = "text/csv"
    answer = web.handle_request(request, api.fakes.ports, api.shown, "R1")
    assert answer["headers"]["Content-Type"].startswith("text/csv")
    head, row = csv.reader(io.StringIO(answer["body"]))
    assert row[head.index("who")] == "'=1+1"


def test_me_says_who_the_caller_is_and_what_they_may_do(api: ApiInMemory) -> None:
    with_provider(api, grants=(Grant(Role.OPERATOR, ("sub=1", "张三")),))
    request = api.request("GET", "/me")
    status, body = api.handled(request)
    assert (status, body["trust"], body["roles"], body["may"]) == (200, "claimed", ["viewer"], [])
    request["headers"]["X-Replank-Token"] = "good.to.ken"
    status, body = api.handled(request)
    assert (body["name"], body["trust"], body["roles"]) == ("张三", "verified", ["operator", "viewer"])
    assert "retryMigration" in body["may"]
    assert "acknowledgeBatch" not in body["may"]
    assert api.refused("GET", "/me", operator="") == (401, "Operator.Missing")
