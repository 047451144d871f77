"""Windows, blackouts and commands as rows of fields: nothing typed is lost, and what is wrong is said beside its field."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from console.forms import document_of, faults_of, fields_of, typed_values, values_of, with_row
from console.problem import Problem
from console.texts import LANGUAGES, messages
from shared.runtime import schema
from shared.runtime.requests import POLICY
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
}
ROWS = tuple(FULL)


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


def api_like(policy: dict[str, Any]) -> ApiTable:
    batch = {"batchId": "b1", "dryRun": True, "selection": {}, "policy": policy}
    return ApiTable(**{"GET /openapi.json": OPENAPI, "GET /batches/b1": (200, batch), "POST /plans": (201, {"batchId": "b7"})})


def test_what_the_rows_show_is_what_they_send() -> None:
    api = api_like(FULL)
    form = sent(ask(api, "GET", "/console/plan?like=b1")[1])
    made = document_of(POLICY, typed_values(form, POLICY, "policy."))
    schema.check_value(made, POLICY, "policy")
    assert {name: made[name] for name in ROWS} == FULL


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


def test_every_field_of_a_row_has_its_words() -> None:
    words = messages("form")
    cells = {cell.name for each in fields_of(POLICY, dict.fromkeys(ROWS, "[{}]")) for row in each.rows for cell in row}
    assert {"start", "from", "pre"} <= cells
    assert [each for each in cells if set(words.get(f"cell.{each}", ())) != set(LANGUAGES)] == []
    assert [each for each in ROWS for kind in ("row", "add") if f"{kind}.{each}" not in words] == []
