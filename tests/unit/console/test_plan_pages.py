"""The pages for plans: the form is made from the API's schema, and the waves are drawn as lanes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from console.forms import document_of, fields_of, values_of
from console.lanes import picture
from console.problem import Problem
from shared.runtime import schema
from shared.runtime.openapi import openapi_document
from shared.runtime.requests import BATCH, POLICY
from shared.runtime.requests import PLAN as PLAN_BODY
from shared.runtime.routes import ROUTES
from tests.unit.console.test_console import ApiTable, ask

OPENAPI = (200, openapi_document(ROUTES, "x-replank-operator", server="."))
FULL = {
    "driver": "console",
    "maxMoving": 3,
    "waves": ["1", "10%"],
    "allowListed": True,
    "check": "systemctl is-active app",
    "windows": [{"start": "22:00", "end": "04:00", "zone": "Asia/Shanghai"}],
    "overrides": {"Disk.Full": "grown after the check"},
}


def test_what_the_form_shows_of_a_policy_is_what_it_submits() -> None:
    shown = values_of(POLICY, {**FULL, "failureBudget": 1, "window": None, "group": None, "unknown": 1})
    assert "failureBudget" not in shown
    made = document_of(POLICY, shown)
    assert made == FULL
    schema.check_value(made, POLICY, "policy")


def test_every_field_of_the_policy_is_in_the_form() -> None:
    fields = fields_of(POLICY, {"maxMoving": "7"})
    assert [each.name for each in fields] == list(POLICY["properties"])
    assert all(each.words for each in fields)
    (moving,) = (each for each in fields if each.name == "maxMoving")
    assert (moving.kind, moving.value, moving.default, moving.least, moving.most) == ("number", "7", "5", 1, 1000)


@pytest.mark.parametrize(("field", "text"), [("maxMoving", "many"), ("maxMoving", "1" * 10), ("windows", "[{")])
def test_what_is_no_value_is_named(field: str, text: str) -> None:
    with pytest.raises(Problem, match=f"Form.Invalid: {field}"):
        document_of(POLICY, {field: text})


def test_a_submission_carries_a_token_and_comes_back_as_it_was_filled_in() -> None:
    refused = (400, {"Code": "Policy.Invalid", "Message": "<b>policy.zone</b> is unknown.", "Recommend": "r"})
    api = ApiTable(**{"GET /openapi.json": OPENAPI, "POST /batches": refused})
    form = "form=FORM&token=t1&instanceIds=i-1,%20i-2&step=submit&policy.maxMoving=3&policy.driver=smc"
    status, body, _ = ask(api, "POST", "/console/plan", form=form)
    sent = json.loads(api.sent[-1][3])
    schema.check_value(sent, BATCH, "body")
    assert sent.pop("clientToken").startswith("t1-")
    assert sent == {"instanceIds": ["i-1", "i-2"], "policy": {"driver": "smc", "maxMoving": 3}}
    assert (status, "&lt;b&gt;policy.zone" in body, 'value="i-1, i-2"' in body, 'value="t1"' in body) == (400, True, True, True)
    api.answers["POST /batches"] = (201, {"batchId": "b7"})
    status, _, headers = ask(api, "POST", "/console/plan", form=form)
    assert (status, headers["Location"]) == (303, "/console/batches/b7?done=submission")


def test_the_form_speaks_the_readers_language_and_keeps_the_names_of_the_api() -> None:
    more = {"properties": {**POLICY["properties"], "newField": {"type": "integer", "description": "Of a newer API."}}}
    newer = json.loads(json.dumps(OPENAPI[1]))
    newer["paths"]["/v1/batches"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["policy"] = more
    api = ApiTable(**{"GET /openapi.json": (200, newer)})
    _, body, _ = ask(api, "GET", "/console/plan", Accept_Language="zh-CN")
    for each in (
        "同时迁移上限 <code>maxMoving</code>",
        "本批次中同时迁移的实例数上限。",
        '<option value="approval">由人批准</option>',
    ):
        assert each in body
    assert ("Of a newer API." in body, "Maximum instances of the batch" in body) == (True, False)


def test_the_form_asks_for_a_plan_unless_it_is_told_otherwise() -> None:
    api = ApiTable(**{"GET /openapi.json": OPENAPI, "POST /plans": (201, {"batchId": "b7"})})
    form = "form=FORM&token=t1&instanceIds=i-1"
    status, _, headers = ask(api, "POST", "/console/plan", form=form)
    assert (status, headers["Location"]) == (303, "/console/batches/b7/plan")
    schema.check_value(json.loads(api.sent[-1][3]), PLAN_BODY, "body")
    for again, is_same in ((form, True), (f"{form}&policy.maxMoving=3", False)):
        first = json.loads(api.sent[-1][3])["clientToken"]
        ask(api, "POST", "/console/plan", form=again)
        assert (json.loads(api.sent[-1][3])["clientToken"] == first) == is_same, "what was changed is another plan"
    _, body, _ = ask(api, "GET", "/console/plan")
    assert body.index('name="step" value="plan"') < body.index('name="step" value="submit"'), "Enter presses the first button"


SELECTION = {
    "regionIds": ["cn-hangzhou"],
    "instanceIds": [],
    "releases": ["centos-7"],
    "tags": ["env=prod"],
    "exclude": {"instanceIds": ["i-9"], "tags": []},
}
DRY: dict[str, Any] = {
    "batchId": "b1",
    "dryRun": True,
    "selection": SELECTION,
    "destinations": {"i-1": "alinux-3"},
    "policy": {**FULL, "window": None},
}


def test_a_plan_is_changed_in_the_form_that_made_it() -> None:
    api = ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, DRY)})
    _, body, _ = ask(api, "GET", "/console/plan?like=b1")
    assert 'name="releases" value="centos-7"' in body
    assert "10%" in body
    for name, value in (("tags", "env=prod"), ("exclude.0.instanceIds", "i-9"), ("destinations.0.value", "alinux-3")):
        assert re.search(rf'name="{name}"[^>]*>?[^<]*{value}', body), name
    assert len(body.encode()) < 150_000


def test_a_plan_is_submitted_once_with_its_own_words_and_only_as_it_was_seen() -> None:
    plan = (200, {**PLAN, "batchId": "b1", "state": "closed", "instances": 10, "finish": finish(8)})
    api = ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, DRY), "GET /batches/b1/plan": plan})
    api.answers["POST /batches"] = (201, {"batchId": "b8"})
    _, body, _ = ask(api, "GET", "/console/batches/b1/plan")
    seen = re.search(r'action="/console/batches/b1/submission".*?name="seen" value="(\w+)"', body, re.DOTALL)
    assert seen
    form, tokens = f"form=FORM&seen={seen[1]}", set[str]()
    for _ in range(2):
        status, _, headers = ask(api, "POST", "/console/batches/b1/submission", form=form)
        assert (status, headers["Location"]) == (303, "/console/batches/b8?done=submission")
        sent = json.loads(api.sent[-1][3])
        schema.check_value(sent, BATCH, "body")
        tokens.add(sent.pop("clientToken"))
    wanted = {**{name: each for name, each in SELECTION.items() if each}, "exclude": {"instanceIds": ["i-9"]}}
    assert sent == {**wanted, "destinations": {"i-1": "alinux-3"}, "policy": FULL}
    assert len(tokens) == 1
    api.answers["GET /batches/b1"] = (200, {**DRY, "policy": {**FULL, "maxMoving": 4}})
    status, body, _ = ask(api, "POST", "/console/batches/b1/submission", form=form)
    assert (status, "Plan.Moved" in body, api.sent[-1][0]) == (409, True, "GET")
    api.answers["GET /batches/b1"] = (200, {**DRY, "dryRun": False})
    assert "Plan.Submitted" in ask(api, "POST", "/console/batches/b1/submission", form=form)[1]


def test_a_plan_that_is_being_made_is_looked_at_again_and_not_submitted() -> None:
    api = ApiTable(
        **{"GET /batches/b1": (200, DRY), "GET /batches/b1/plan": (200, {"batchId": "b1", "state": "planning", "routes": {}})}
    )
    _, body, _ = ask(api, "GET", "/console/batches/b1/plan")
    assert ('data-live="yes"' in body, "b1/submission" in body) == (True, False)
    half = {**PLAN, "batchId": "b1", "state": "open", "instances": 10, "unassessed": 3, "finish": finish(8)}
    api.answers["GET /batches/b1/plan"] = (200, half)
    _, body, _ = ask(api, "GET", "/console/batches/b1/plan")
    assert ('data-live="yes"' in body, body.count("not prechecked yet: 3")) == (True, 2)
    api.answers["GET /batches/b1/plan"] = (200, {**half, "unassessed": 0})
    assert 'data-live=""' in ask(api, "GET", "/console/batches/b1/plan")[1]


def test_what_the_form_cannot_hold_is_not_submitted_in_part() -> None:
    for more in ({"moonPhase": "full"}, {"instanceIds": [f"i-{number}" for number in range(1001)]}):
        batch = {"batchId": "b1", "dryRun": True, "selection": more, "policy": {}}
        api = ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, batch)})
        status, body, _ = ask(api, "GET", "/console/plan?like=b1")
        assert (status, "Plan.NotAlike" in body) == (400, True)


def finish(hour: int) -> dict[str, Any]:
    return {
        "earliest": None,
        "p10": f"2026-01-01T{hour:02}:00:00Z",
        "p50": f"2026-01-01T{hour + 1:02}:00:00Z",
        "p90": f"2026-01-01T{hour + 2:02}:00:00Z",
    }


PLAN = {
    "routes": {},
    "madeAt": "2026-01-01T00:00:00Z",
    "waves": [
        {"number": 1, "size": 2, "names": ["a"], "finish": finish(1)},
        {"number": 2, "size": 8, "names": [], "finish": finish(8)},
    ],
    "openings": [{"from": "2026-01-01T01:00:00Z", "to": "2026-01-01T03:00:00Z"}],
}


@pytest.mark.parametrize(
    ("budget", "failed", "words"),
    [
        (2, 1, ('max="3"', 'high="2"', 'value="1"', "1 failed. The batch pauses above 2.")),
        (3, 4, ('max="4"', 'value="4"', "4 failed. The batch pauses above 3.", "spent")),
        (0, 0, ('max="1"', 'value="0"', "0 failed. The batch pauses above 0.")),
    ],
)
def test_the_failure_budget_is_a_gauge_with_its_words(budget: int, failed: int, words: tuple[str, ...]) -> None:
    standing = {"batchId": "b1", "version": 1, "state": "open", "failed": failed, "failureBudget": budget}
    api = ApiTable(**{"GET /batches/b1": (200, standing), "GET /migrations": (200, {"migrations": [], "nextToken": ""})})
    _, body, _ = ask(api, "GET", "/console/batches/b1")
    gauge = body[body.index("<meter") : body.index("</dd>", body.index("<meter"))]
    assert [each for each in words if each not in gauge] == []


def test_the_forecast_comes_after_the_page_and_stands_beside_reality() -> None:
    wave = {"number": 1, "moved": 2, "moving": 1, "waiting": 0, "failed": 0}
    standing = {"batchId": "b1", "version": 1, "state": "open", "size": 10, "waves": [wave], "acknowledgement": {}}
    plan = {**PLAN, "batchId": "b1", "finish": finish(8), "planned": finish(5), "outcomes": {"migrated": 2}}
    api = ApiTable(**{"GET /batches/b1": (200, standing), "GET /migrations": (200, {"migrations": [], "nextToken": ""})})
    api.answers["GET /batches/b1/plan"] = (200, plan)
    _, body, _ = ask(api, "GET", "/console/batches/b1")
    assert 'data-part="/console/batches/b1/forecast"><p><a href="/console/batches/b1/plan"' in body
    assert [each for each in api.sent if each[1].endswith("/plan")] == [], "the API runs the schedule ahead for it"
    status, body, _ = ask(api, "GET", "/console/batches/b1/forecast")
    assert (status, body.count("<svg"), "moved: 2" in body, "<html" in body) == (200, 2, True, False)
    assert ("Later than planned, by 3 hours" in body, "nine tenths" in body) == (True, True)
    api.answers["GET /batches/b1/plan"] = (200, {**plan, "finishedAt": "2026-01-01T06:40:00Z"})
    _, body, _ = ask(api, "GET", "/console/batches/b1/forecast")
    assert ("Later than planned, by 40 minutes" in body, "nine tenths" in body) == (True, False)
    api.answers["GET /batches/b1/plan"] = (200, {**plan, "finishedAt": "2026-01-01T05:30:00Z"})
    assert "Not later than planned" in ask(api, "GET", "/console/batches/b1/forecast")[1]
    api.answers["GET /batches/b1/plan"] = (
        200,
        {**plan, "finish": {}, "waves": [], "needsAPerson": ["a <person> starts"], "notKnown": ["when"]},
    )
    assert "<li>a &lt;person&gt; starts</li><li>when</li>" in ask(api, "GET", "/console/batches/b1/forecast")[1], "it says why"


def test_lanes_follow_one_another_on_one_scale() -> None:
    found = picture(PLAN, {"policy": {"blackouts": [{"from": "2026-01-01T05:00:00Z", "to": "2026-01-01T06:00:00Z"}]}})
    assert found
    first, second = found.lanes
    assert (first.usual.x, first.usual.width, first.spread.x, first.spread.width) == (0, 200, 100, 200)
    assert (second.usual.x, second.usual.x + second.usual.width) == (200, 900)
    assert [(each.x, each.width) for each in found.closed] == [(0, 100), (300, 700)]
    assert [(each.x, each.width) for each in found.blackouts] == [(500, 100)]
    assert (found.now, found.ticks[0][:13], found.ticks[-1][:13]) == (0, "2026-01-01T00", "2026-01-01T10")


def test_a_wave_that_has_ended_has_no_forecast_and_the_next_begins_now() -> None:
    waves = [{"number": 1, "moved": 1, "moving": 0, "waiting": 0, "failed": 0}, {"number": 2, "moving": 0, "waiting": 9}]
    ago = {"acknowledgement": {"at": "2025-12-31T14:00:00Z"}, "waves": waves}
    found = picture(PLAN, ago)
    assert found
    first, second = found.lanes
    assert (first.has_ended, second.has_ended, second.usual.x, found.now) == (True, False, 500, 500)
    api = ApiTable(**{"GET /batches/b1/plan": (200, {**PLAN, "batchId": "b1"}), "GET /batches/b1": (200, {"batchId": "b1", **ago})})
    _, body, _ = ask(api, "GET", "/console/batches/b1/forecast")
    lanes = body.partition('class="lanes when"')[2].split("<tr>")[2:]
    assert [("has ended" in each, 'class="usual"' in each) for each in lanes] == [(True, False), (False, True)]


def test_what_never_ends_has_no_picture() -> None:
    assert picture({**PLAN, "waves": [{"number": 1, "size": 1, "finish": {}}]}, {}) is None
    assert picture({"madeAt": "soon"}, {}) is None


def test_the_plan_is_shown_with_its_lanes() -> None:
    plan = {**PLAN, "batchId": "b1", "instances": 10, "finish": finish(8), "routes": {"<a> -> b": 10}, "needsAPerson": ["somebody"]}
    api = ApiTable(**{"GET /batches/b1/plan": (200, plan), "GET /batches/b1": (200, {"batchId": "b1", "dryRun": True})})
    status, body, _ = ask(api, "GET", "/console/batches/b1/plan")
    assert (status, body.count("<svg"), "&lt;a&gt; → b" in body, "like=b1" in body) == (200, 2, True, True)
    assert "wave,size" in ask(api, "GET", "/console/batches/b1/plan?format=csv")[1]
