"""Lists, objects and pairs as rows of fields: nothing typed is lost, and what is wrong is said beside its field."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from console.forms import document_of, faults_of, fields_of, typed_values, values_of, with_row
from console.problem import Problem
from console.shapes import MOST_SHOWN
from console.texts import LANGUAGES, messages
from shared.runtime import schema
from shared.runtime.requests import BATCH, POLICY
from tests.support.forms import fields_of_form
from tests.unit.console.test_console import ApiTable, ask
from tests.unit.console.test_plan_pages import OPENAPI

NIGHT = {"start": "22:00", "end": "04:00", "zone": "Asia/Shanghai", "days": [0, 1, 2, 3, 4]}
SALE = {"from": "2026-12-24", "to": "2026-12-26T18:00", "reason": "sale 大促"}
WITH_OFFSET = {"from": "2026-12-24T18:00Z", "to": "2026-12-25"}
RULE = {"instances": ["i-1ab", "i-2ab"], "tag": "app=web", "pre": "drain a, b", "preTimeoutSec": 60, "files": ["/etc/a"]}
FULL: dict[str, Any] = {
    "windows": [NIGHT, {"start": "01:00", "lengthMin": 90}],
    "blackouts": [SALE, WITH_OFFSET],
    "commands": [RULE],
    "overrides": {"Disk.Full": "grown, 之后", "Guest.Old": "known"},
}
ROWS = tuple(FULL)
ONES: dict[str, Any] = {"window": NIGHT, "group": {"tag": "app"}}
ASKED: dict[str, Any] = {"properties": {name: BATCH["properties"][name] for name in ("exclude", "destinations")}}
ASKED_FULL: dict[str, Any] = {
    "exclude": {"instanceIds": ["i-1ab", "i-2ab"], "tags": ["app=db", "keep"], "names": ["db-*"]},
    "destinations": {"i-1ab": "alinux-3", "i-2ab": "Rocky Linux 9"},
}


def sent(body: str) -> dict[str, list[str]]:
    """What a browser sends of the page's form."""
    return {name: [text] for name, text in fields_of_form(body, "/console/plan").items()}


def page(api: ApiTable, form: dict[str, list[str]] | None = None, **more: str) -> str:
    if form is None:
        return ask(api, "GET", "/console/plan")[1]
    given = {**{name: texts[0] for name, texts in form.items()}, **more}
    text = "&".join(
        f"{quote(name)}={quote(value)}" for name, value in given.items() if name not in ("form", "step") or name in more
    )
    return ask(api, "POST", "/console/plan", form=f"form=FORM&{text}")[1]


def api_like(policy: dict[str, Any], **asked: Any) -> ApiTable:
    batch = {"batchId": "b1", "dryRun": True, "selection": {}, "policy": policy, **asked}
    return ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, batch), "POST /plans": (201, {"batchId": "b7"})})


def test_what_the_rows_show_is_what_they_send() -> None:
    api = api_like(FULL)
    form = sent(ask(api, "GET", "/console/plan?like=b1")[1])
    made = document_of(POLICY, typed_values(form, POLICY, "policy."))
    schema.check_value(made, POLICY, "policy")
    assert {name: made[name] for name in ROWS} == FULL


def test_what_the_fields_of_one_object_show_is_what_they_send() -> None:
    api = api_like(ONES, selection={"exclude": {**ASKED_FULL["exclude"], "vpcIds": []}}, destinations=ASKED_FULL["destinations"])
    form = sent(ask(api, "GET", "/console/plan?like=b1")[1])
    assert not [name for name in form if name in ("policy.window", "policy.group", "exclude", "destinations")], "no JSON is left"
    made = document_of(POLICY, typed_values(form, POLICY, "policy."))
    schema.check_value(made, POLICY, "policy")
    assert {name: made[name] for name in ONES} == ONES
    asked = document_of(ASKED, typed_values(form, ASKED))
    for name in ASKED_FULL:
        schema.check_value(asked[name], BATCH["properties"][name], name)
    assert asked == ASKED_FULL


def test_an_object_in_which_nothing_was_typed_is_none() -> None:
    form = sent(page(api_like({})))
    assert {"policy.window.0.start", "policy.group.0.tag", "exclude.0.names"} <= set(form)
    assert set(document_of(POLICY, typed_values(form, POLICY, "policy."))) & {"window", "group"} == set()
    assert document_of(ASKED, typed_values(form, ASKED)) == {}


def test_a_form_of_pairs_grows_and_goes_back_and_forth_with_what_was_typed() -> None:
    api = api_like({})
    form = sent(page(api, sent(page(api)), row="add destinations"))
    form |= {"destinations.0.key": ["i-1ab"], "destinations.0.value": ["<b>alinux</b> 3"]}
    form = sent(page(api, form, row="add policy.overrides"))
    form = sent(page(api, form, row="add destinations"))
    form |= {"destinations.1.key": ["i-1ab"], "destinations.1.value": ["alinux-3"], "policy.overrides.0.key": ["known"]}
    body = page(api, form, step="plan")
    for id, words in (
        ("destinations.0.value", "Write a release, such as alinux-3."),
        ("destinations.1.key", "already stands in a row above"),
        ("policy.overrides.0.key", "Write the code as the finding shows it"),
        ("policy.overrides.0.value", "Fill this in."),
    ):
        assert words in body.partition(f'id="e-{id}"')[2][:200], id
    assert {name: texts for name, texts in sent(body).items() if name in form and texts != form[name]} == {}
    form = sent(page(api, sent(body), row="drop destinations.0"))
    assert (form["destinations.0.value"], "destinations.1.key" in form) == (["alinux-3"], False)
    assert [each[0] for each in api.sent if each[0] == "POST"] == [], "nothing was asked of the API but its schema"


def test_what_is_wrong_in_one_object_is_said_beside_its_field() -> None:
    api = api_like({})
    form = sent(page(api)) | {"policy.window.0.end": ["04:00"], "exclude.0.instanceIds": ["i-1ab, web"], "exclude.0.vpcIds": ["v"]}
    form["policy.group.0.tag"] = ["a" * 129]
    body = page(api, form, step="plan")
    for id, words in (
        ("policy.window.0.start", "Fill this in."),
        ("exclude.0.instanceIds", "Write instance ids, such as i-bp1a2b3c."),
        ("exclude.0.vpcIds", "Write ids of VPCs"),
        ("policy.group.0.tag", "Write the key of a tag"),
    ):
        assert words in body.partition(f'id="e-{id}"')[2][:200], id
    assert {name: texts for name, texts in sent(body).items() if name in form and texts != form[name]} == {}


@pytest.mark.parametrize(
    ("message", "id"),
    [
        ("policy.window.zone: must be an IANA time zone.", "policy.window.0.zone"),
        ("policy.group.tag 'x' is not the key of a tag.", "policy.group.0.tag"),
        ("policy.overrides.Disk.Full: must have 1 to 500 characters.", "policy.overrides"),
    ],
)
def test_a_refusal_that_names_a_part_of_an_object_stands_beside_it(message: str, id: str) -> None:
    api = api_like({})
    api.answers["POST /plans"] = (400, {"Code": "Policy.Invalid", "Message": message, "Recommend": "r"})
    body = page(api, sent(page(api)) | {"policy.group.0.tag": ["x"]}, step="plan")
    assert message[:30] in unescape(body.partition(f'id="e-{id}"')[2][:200])


def test_pairs_that_are_too_many_for_a_page_stay_json() -> None:
    many = {f"i-{number}": "alinux-3" for number in range(MOST_SHOWN + 1)}
    (_, field) = fields_of(ASKED, values_of(ASKED, {"destinations": many}))
    assert (field.kind, document_of(ASKED, {"destinations": field.value})) == ("json", {"destinations": many})
    many.popitem()
    values = values_of(ASKED, {"destinations": many})
    (_, field) = fields_of(ASKED, values)
    assert (field.kind, len(field.rows)) == ("rows", MOST_SHOWN)
    assert with_row(ASKED, values, "add destinations") == values


@pytest.mark.parametrize("button", ["add policy.group", "drop policy.window.0", "drop policy.overrides.7"])
def test_one_object_has_no_rows_to_add(button: str) -> None:
    values = {"group": '{"tag": "app"}', "overrides": "[]"}
    assert document_of(POLICY, with_row(POLICY, values, button, "policy.")) == {"group": {"tag": "app"}}


def test_what_the_api_fills_in_is_no_change() -> None:
    stored = {"start": "22:00", "end": "04:00", "zone": "", "days": [*range(7)], "lengthMin": 0, "utcOffsetMin": 0, "cutoffMin": 60}
    assert json.loads(values_of(POLICY, {"windows": [stored]})["windows"]) == [{"start": "22:00", "end": "04:00", "cutoffMin": 60}]


def test_a_row_is_added_and_removed_without_a_script_and_all_else_stays() -> None:
    api = api_like({})
    form = sent(page(api))
    form["policy.maxMoving"], form["names"] = ["7"], ["web-*"]
    for number in (1, 2):
        form = sent(page(api, form, row="add policy.windows"))
        form[f"policy.windows.{number - 1}.start"] = [f"0{number}:00"]
        form[f"policy.windows.{number - 1}.lengthMin"] = ["ninety"]
    form = sent(page(api, form, row="drop policy.windows.0"))
    assert (form["policy.windows.0.start"], form["policy.windows.0.lengthMin"]) == (["02:00"], ["ninety"])
    assert "policy.windows.1.start" not in form
    assert (form["policy.maxMoving"], form["names"]) == (["7"], ["web-*"])
    assert [each[0] for each in api.sent if each[0] == "POST"] == [], "nothing was asked of the API but its schema"


def test_a_row_in_which_nothing_was_typed_is_none() -> None:
    api = api_like({})
    form = sent(page(api, sent(page(api)), row="add policy.blackouts"))
    assert "policy.blackouts.0.from" in form
    assert "blackouts" not in document_of(POLICY, typed_values(form, POLICY, "policy."))


@pytest.mark.parametrize(
    ("row", "cell", "kind"),
    [
        ({"end": "04:00"}, "start", "needed"),
        ({"start": "25:00"}, "start", "form"),
        ({"start": "22:00", "lengthMin": "ninety"}, "lengthMin", "number"),
        ({"start": "22:00", "lengthMin": 9999}, "lengthMin", "range"),
        ({"start": "22:00", "days": []}, "days", "days"),
    ],
)
def test_what_is_wrong_is_found_by_row_and_field(row: dict[str, Any], cell: str, kind: str) -> None:
    values = {"windows": json.dumps([NIGHT, row])}
    assert {name: each.kind for name, each in faults_of(POLICY, values).items()} == {f"windows.1.{cell}": kind}
    with pytest.raises(Problem, match=rf"windows 2 \({cell}\)"):
        document_of(POLICY, values)


def test_what_is_wrong_is_said_beside_its_field_in_the_readers_language() -> None:
    api = api_like({})
    form = sent(page(api, sent(page(api)), row="add policy.windows"))
    form["policy.windows.0.lengthMin"] = ["<b>9</b>"]
    body = page(api, form, step="plan")
    assert re.search(r'value="&lt;b&gt;9&lt;/b&gt;"[^>]*aria-invalid="true" aria-describedby="e-policy.windows.0.lengthMin"', body)
    assert "Write a whole number." in body.partition('id="e-policy.windows.0.lengthMin"')[2][:200]
    assert "Fill this in." in body.partition('id="e-policy.windows.0.start"')[2][:200]


def test_a_refusal_of_the_api_stands_beside_the_field_that_it_names() -> None:
    api = api_like({})
    api.answers["POST /plans"] = (
        400,
        {"Code": "Policy.Invalid", "Message": "policy.windows[0].zone 'X' is unknown.", "Recommend": "r"},
    )
    form = sent(page(api, sent(page(api)), row="add policy.windows"))
    form |= {"policy.windows.0.start": ["22:00"], "policy.windows.0.end": ["23:00"], "policy.windows.0.zone": ["X"]}
    body = page(api, form, step="plan")
    assert "is unknown" in body.partition('id="e-policy.windows.0.zone"')[2][:200]
    assert sent(body)["policy.windows.0.zone"] == ["X"]


@pytest.mark.parametrize(
    "button", ["add policy.driver", "add policy.nothing", "drop policy.windows.9", "drop policy.windows.x", "x", ""]
)
def test_a_button_that_nobody_offered_changes_nothing(button: str) -> None:
    values = {"windows": json.dumps([NIGHT])}
    assert with_row(POLICY, values, button, "policy.") == values


def test_enter_in_a_field_asks_for_the_plan() -> None:
    body = page(api_like({}))
    buttons = re.findall(r"<button[^>]*>", body.partition('action="/console/plan"')[2])
    assert 'value="plan"' in buttons[0]


def test_fields_stand_in_the_order_in_which_one_thinks_of_them() -> None:
    rows = {each.name: [cell.name for cell in each.rows[0]] for each in fields_of(POLICY, dict.fromkeys(ROWS, "[{}]")) if each.rows}
    assert rows["windows"][:4] == ["start", "end", "lengthMin", "days"]
    assert rows["blackouts"] == ["from", "to", "reason", "cutoffMin"]


SHOWN = {"properties": {**POLICY["properties"], **ASKED["properties"]}}


def test_every_field_of_a_row_has_its_words() -> None:
    words = messages("form")
    fields = [each for each in fields_of(SHOWN, {}) if each.shape]
    filled = fields_of(SHOWN, {each.name: "" if each.shape == "one" else "[{}]" for each in fields})
    cells = [(each, cell.name) for each in filled if each.shape for cell in each.rows[0]]
    assert {"start", "from", "pre", "key", "vpcIds"} <= {cell for _, cell in cells}
    named = [(each.name, cell, (f"cell.{each.name}.{cell}", f"cell.{cell}", f"name.{cell}")) for each, cell in cells]
    assert [(name, cell) for name, cell, keys in named if not any(set(words.get(key, ())) == set(LANGUAGES) for key in keys)] == []
    several = [each.name for each in fields if each.shape != "one"]
    assert [each for each in several for kind in ("row", "add", "none") if f"{kind}.{each}" not in words] == []


def test_a_field_of_a_row_that_must_have_a_form_says_which() -> None:
    words = messages("form")
    plain = {"number", "flag", "days"}
    filled = fields_of(SHOWN, {each.name: "" if each.shape == "one" else "[{}]" for each in fields_of(SHOWN, {}) if each.shape})
    cells = [(each.name, cell.name) for each in filled if each.shape for cell in each.rows[0] if cell.kind not in plain]
    keys = [(f"fault.form.{name}.{cell}", f"fault.form.{cell}") for name, cell in cells]
    assert [pair for pair in keys if not any(key in words for key in pair)] == []
