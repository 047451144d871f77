"""Plans on the page: the form made from the API's schema, and the lanes of the waves."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from console.forms import document_of, fields_of, values_of
from console.lanes import picture
from console.problem import Problem
from shared.runtime import schema
from shared.runtime.openapi import document
from shared.runtime.requests import BATCH, POLICY
from shared.runtime.routes import ROUTES
from tests.unit.console.test_console import ApiTable, ask

OPENAPI = (200, document(ROUTES, "x-replank-operator", server="."))
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
    schema.check(made, POLICY, "policy")


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
    form = "form=FORM&token=t1&instanceIds=i-1,%20i-2&dryRun=yes&policy.maxMoving=3&policy.driver=smc"
    status, body, _ = ask(api, "POST", "/console/plan", form=form)
    assert json.loads(api.sent[-1][3]) == {
        "clientToken": "t1",
        "instanceIds": ["i-1", "i-2"],
        "dryRun": True,
        "policy": {"driver": "smc", "maxMoving": 3},
    }
    schema.check(json.loads(api.sent[-1][3]), BATCH, "body")
    assert (status, "&lt;b&gt;policy.zone" in body, 'value="i-1, i-2"' in body, 'value="t1"' in body) == (400, True, True, True)
    api.answers["POST /batches"] = (201, {"batchId": "b7"})
    status, _, headers = ask(api, "POST", "/console/plan", form=form)
    assert (status, headers["Location"]) == (303, "/console/batches/b7?done=submission")


def test_a_dry_run_is_submitted_for_real_with_the_same_words() -> None:
    left_out = {"instanceIds": ["i-9"], "tags": []}
    selection = {
        "regionIds": ["cn-hangzhou"],
        "instanceIds": [],
        "releases": ["centos-7"],
        "tags": ["env=prod"],
        "exclude": left_out,
    }
    batch = {"batchId": "b1", "dryRun": True, "selection": selection, "destinations": {"i-1": "alinux-3"}, "policy": FULL}
    api = ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, batch)})
    _, body, _ = ask(api, "GET", "/console/plan?like=b1")
    assert 'name="releases" value="centos-7"' in body
    assert 'name="dryRun" value="yes">' in body, "not checked: the next one is for real"
    assert "10%" in body
    for name, value in (("tags", "env=prod"), ("exclude", "i-9"), ("destinations", "alinux-3")):
        assert re.search(rf'name="{name}"[^>]*>?[^<]*{value}', body), name
    assert len(body.encode()) < 150_000


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
    "madeAt": "2026-01-01T00:00:00Z",
    "waves": [
        {"number": 1, "size": 2, "names": ["a"], "finish": finish(1)},
        {"number": 2, "size": 8, "names": [], "finish": finish(8)},
    ],
    "openings": [{"from": "2026-01-01T01:00:00Z", "to": "2026-01-01T03:00:00Z"}],
}


def test_lanes_follow_one_another_on_one_scale() -> None:
    found = picture(PLAN, {"policy": {"blackouts": [{"from": "2026-01-01T05:00:00Z", "to": "2026-01-01T06:00:00Z"}]}})
    assert found
    first, second = found.lanes
    assert (first.usual.x, first.usual.width, first.spread.x, first.spread.width) == (0, 200, 100, 200)
    assert (second.usual.x, second.usual.x + second.usual.width) == (200, 900)
    assert [(each.x, each.width) for each in found.closed] == [(0, 100), (300, 700)]
    assert [(each.x, each.width) for each in found.blackouts] == [(500, 100)]
    assert (found.now, found.ticks[0][:13], found.ticks[-1][:13]) == (0, "2026-01-01T00", "2026-01-01T10")


def test_what_never_ends_has_no_picture() -> None:
    assert picture({**PLAN, "waves": [{"number": 1, "size": 1, "finish": {}}]}, {}) is None
    assert picture({"madeAt": "soon"}, {}) is None


def test_the_plan_is_shown_with_its_lanes() -> None:
    plan = {**PLAN, "batchId": "b1", "instances": 10, "finish": finish(8), "routes": {"<a> -> b": 10}, "needsAPerson": ["somebody"]}
    api = ApiTable(**{"GET /batches/b1/plan": (200, plan), "GET /batches/b1": (200, {"batchId": "b1", "dryRun": True})})
    status, body, _ = ask(api, "GET", "/console/batches/b1/plan")
    assert (status, body.count("<svg"), "&lt;a&gt; -&gt; b" in body, "like=b1" in body) == (200, 2, True, True)
    assert "wave,size" in ask(api, "GET", "/console/batches/b1/plan?format=csv")[1]
