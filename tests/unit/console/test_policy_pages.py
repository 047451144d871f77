"""The page that changes a policy: a prefilled form, each field before and after, the consequences, and the act at the version
seen.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from console.pages.policy import FieldChange, changes_of
from shared.runtime import schema
from shared.runtime.requests import POLICY, SET_POLICY
from tests.support.forms import fields_of_form
from tests.unit.console.test_console import ApiTable, ask
from tests.unit.console.test_plan_pages import FULL, OPENAPI

GIVEN = {"by": "vera", "trust": "verified", "standing": "counts"}
BATCH: dict[str, Any] = {
    "batchId": "b1",
    "version": 6,
    "state": "open",
    "policy": {**FULL, "failureBudget": 1, "window": None, "automaticRollback": True},
    "acknowledgement": {"operator": "ann"},
    "approvals": [{"about": "batch", "missing": 0, "given": [GIVEN]}],
}


def api_with(batch: dict[str, Any]) -> ApiTable:
    return ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, batch), "POST /batches/b1/policy": (200, batch)})


def fields(body: str) -> dict[str, str]:
    return fields_of_form(body, "/console/batches/b1/policy")


def send(api: ApiTable, given: dict[str, str], **more: str) -> tuple[int, str, Any]:
    text = "&".join(f"{name}={quote(value)}" for name, value in {**given, **more}.items() if name != "form")
    return ask(api, "POST", "/console/batches/b1/policy", form=f"form=FORM&{text}")


def test_the_form_holds_the_policy_and_unchanged_it_changes_nothing() -> None:
    api = api_with(BATCH)
    _, body, _ = ask(api, "GET", "/console/batches/b1/policy")
    _, body, _ = send(api, fields(body), step="review")
    assert ("Nothing changes." in body, 'value="set"' in body) == (True, False)


def test_each_change_is_shown_with_what_follows_before_it_is_set() -> None:
    api = api_with(BATCH)
    _, body, _ = ask(api, "GET", "/console/batches/b1/policy")
    _, body, _ = send(
        api, fields(body), step="review", **{"policy.maxMoving": "7", "policy.waves": "", "policy.failureBudget": "<b>"}
    )
    assert ("Form.Invalid" in body, "&lt;b&gt;" in body, api.sent[-1][0]) == (True, True, "GET")
    _, body, _ = send(api, fields(body), step="review", **{"policy.failureBudget": ""})
    rows = re.findall(r"<code>(\w+)</code></th><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td>", body)
    assert [(name, re.sub("<[^>]+>", "", was), re.sub("<[^>]+>", "", will)) for name, was, will in rows] == [
        ("maxMoving", "3", "7"),
        ("waves", "1, 10%", "nothing"),
    ]
    assert all(each in body for each in ("no longer count", "vera", "Automatic rollback no longer happens"))
    status, _, headers = send(api, fields(body), step="set", why="slower nights")
    assert (status, headers["Location"]) == (303, "/console/batches/b1?done=policy")
    (_, _, sent, raw) = api.sent[-1]
    said = json.loads(raw)
    schema.check_value(said, SET_POLICY, "body")
    policy = {name: each for name, each in said["policy"].items() if name not in CHOSEN}
    kept = {name: each for name, each in FULL.items() if name not in ("waves", *CHOSEN)}
    assert (sent["if-match"], said["why"], policy) == ('"6"', "slower nights", {**kept, "maxMoving": 7, "automaticRollback": True})


CHOSEN = tuple(name for name, each in POLICY["properties"].items() if each.get("enum"))
"""Fields that a form always sends."""


def test_who_was_overtaken_or_refused_finds_the_form_as_they_filled_it_in() -> None:
    api = api_with(BATCH)
    given = fields(ask(api, "GET", "/console/batches/b1/policy")[1])
    api.answers["GET /batches/b1"] = (200, {**BATCH, "policy": {**BATCH["policy"], "maxMoving": 9}})
    status, body, _ = send(api, given, step="review", **{"policy.retentionDays": "9"})
    assert (status, "Policy.Moved" in body, 'name="policy.retentionDays" type="number" value="9"' in body) == (409, True, True)
    _, body, _ = send(api, fields(body), step="review")
    assert all(f"<code>{name}</code></th>" in body for name in ("maxMoving", "retentionDays")), (
        "what the other one set is seen to go"
    )
    api.answers["POST /batches/b1/policy"] = (409, {"Code": "Policy.Fixed", "Message": "no", "Recommend": "r"})
    status, body, _ = send(api, fields(body), step="set", why="because")
    assert (status, "Policy.Fixed" in body, 'value="9"' in body, 'name="why" value="because"' in body) == (409, True, True, True)


def test_what_changes_of_objects_is_told_in_words() -> None:
    api = api_with(BATCH)
    _, body, _ = ask(api, "GET", "/console/batches/b1/policy")
    more = {"policy.windows.0.start": "23:30", "policy.group.0.tag": "<b>app", "policy.gate": "approval"}
    _, body, _ = send(api, fields(body), step="review", **more)
    shown = body.partition("<table")[2].partition("</table>")[0]
    assert not re.search("[{}\\[\\]]|&#34;", shown)
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", shown))
    for each in (
        "− goes opens 22:00; closes 04:00; every day",
        "+ new opens 23:30",
        "Key of the tag: &lt;b&gt;app",
        "approval by a person",
    ):
        assert each in text, text


def test_a_field_left_out_has_its_default() -> None:
    known = {"properties": {"a": {"type": "integer", "default": 5}, "b": {"type": "boolean", "default": False}}}
    assert changes_of(known, {"a": 5, "b": True}, {}) == [FieldChange("b", True, False)]
    assert changes_of(known, {"a": 7}, {}) == [FieldChange("a", "7", "5")]


def test_the_journal_shows_each_field_before_and_after() -> None:
    line = {"version": 7, "at": "2026-01-01T00:00:00Z", "act": "set policy", "by": "ann", "why": ""}
    night = json.dumps([{"start": "22:00", "end": "04:00"}])
    line |= {"before": {"maxMoving": "3", "windows": "[]"}, "after": {"maxMoving": "7", "windows": night}}
    api = api_with({**BATCH, "journal": [line]})
    api.answers["GET /migrations"] = (200, {"migrations": [], "nextToken": ""})
    _, body, _ = ask(api, "GET", "/console/batches/b1")
    assert re.search(r"<code>maxMoving</code>: <bdi>3</bdi> → <bdi>7</bdi>", body)
    assert re.search(r"<code>windows</code>: <span class=\"empty\">None: migrations may start at any time.</span> → ", body)
    assert ("<bdi>opens 22:00</bdi>; <bdi>closes 04:00</bdi>" in body, "{&#34;" in body) == (True, False)
    assert 'href="/console/batches/b1/policy"' in body
