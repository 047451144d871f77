"""Values of a policy in words: no JSON in the review of a change, and none in a batch's journal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.in_words import CHOICES, MOST_SHOWN, PAIRS, Row, Words, change_in_words, journal_in_words
from console.texts import texts
from shared.runtime.requests import BATCH, POLICY

EN, ZH = texts("policy-review", "en"), texts("policy-review", "zh")
NIGHT = {"start": "22:00", "end": "04:00", "zone": "Asia/Shanghai"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("maxMoving", 7, "7"),
        ("waves", ["1", "10%"], "1, 10%"),
        ("waves", [], ""),
        ("window", None, ""),
        ("automaticRollback", True, "yes"),
        ("automaticRollback", False, "no"),
        ("gate", "approval", "approval by a person"),
        ("driver", "a newer one", "a newer one"),
        ("check", "hold", "hold"),
    ],
)
def test_a_plain_value_is_told_as_the_form_shows_it(name: str, value: Any, said: str) -> None:
    assert change_in_words(name, value, None, EN)[0] == Words(said)


def test_what_is_one_of_few_words_is_told_in_the_readers_language_and_a_persons_own_word_is_not() -> None:
    chosen = tuple(name for name, each in POLICY["properties"].items() if each.get("enum"))
    assert sorted(CHOICES) == sorted(chosen)
    assert change_in_words("approvalExpiry", "hold", "cancel", ZH) == (Words("等待"), Words("取消尚未开始的"))
    assert change_in_words("check", "hold", "", ZH) == (Words("hold"), Words())


def test_rows_tell_each_field_and_what_goes_and_what_is_new() -> None:
    later = {**NIGHT, "start": "23:00", "days": [0, 4], "cutoffMin": 30}
    was, will = change_in_words("windows", [NIGHT], [NIGHT, later], EN)
    same = Row(("opens 22:00", "closes 04:00", "every day", "zone Asia/Shanghai"))
    clauses = ("opens 23:00", "closes 04:00", "Mon, Fri", "zone Asia/Shanghai", "no start in the last 30 minutes")
    assert (was, will) == (Words(rows=(same,)), Words(rows=(Row(clauses, "new"), same)))
    was, will = change_in_words("blackouts", [{"from": "2026-12-24", "to": "2026-12-26", "reason": "大促"}], None, ZH)
    assert (was.rows, will) == ((Row(("从 2026-12-24", "到 2026-12-26", "原因：大促"), "gone"),), Words())


@pytest.mark.parametrize(
    ("name", "value", "clauses"),
    [
        ("group", {"tag": "app"}, ("Key of the tag: app",)),
        ("overrides", {"Disk.Full": "grown since"}, ("Disk.Full: grown since",)),
        ("commands", [{"tag": "a=b", "files": ["/a", "/b"], "postTimeoutSec": 5}], None),
        ("newField", [{"is": True, "not": False}], ("is: yes",)),
    ],
)
def test_objects_of_every_kind_are_told_without_json(name: str, value: Any, clauses: tuple[str, ...] | None) -> None:
    said = change_in_words(name, None, value, EN)[1].rows
    assert not any(set('{}"[]') & set(each) for row in said for each in row.clauses)
    assert len(said) == 1
    assert clauses is None or said[0].clauses == clauses


def test_every_field_that_gives_a_text_for_names_is_known() -> None:
    fields = {**BATCH["properties"], **POLICY["properties"]}
    assert sorted(PAIRS) == sorted(name for name, each in fields.items() if each.get("additionalProperties"))


def test_of_many_rows_those_that_differ_come_first_and_the_rest_is_counted() -> None:
    rows = [{"tag": f"n={number}", "post": "true"} for number in range(MOST_SHOWN + 5)]
    was, will = change_in_words("commands", rows, rows[:-1], EN)
    assert (len(was.rows), was.more, was.rows[0].change, was.rows[0].clauses[0]) == (
        MOST_SHOWN,
        5,
        "gone",
        f"Tag, as key=value: n={MOST_SHOWN + 4}",
    )
    assert (len(will.rows), will.more, {each.change for each in will.rows}) == (MOST_SHOWN, 4, {"same"})


def test_the_journals_texts_are_told_the_same_way_and_one_that_was_cut_stays() -> None:
    assert journal_in_words("gate", '"automatic"', '"approval"', ZH) == (Words("自动"), Words("由人批准"))
    assert journal_in_words("windows", "[]", json.dumps([NIGHT]), EN) == change_in_words("windows", [], [NIGHT], EN)
    kept = [{"start": "22:00", "cutoff_min": 30}], {"Disk.is_full": "grown"}
    said = Row(("opens 22:00", "every day", "no start in the last 30 minutes"), "new")
    assert journal_in_words("windows", "[]", json.dumps(kept[0]), EN)[1].rows == (said,)
    assert journal_in_words("overrides", "{}", json.dumps(kept[1]), EN)[1].rows == (Row(("Disk.is_full: grown",), "new"),)
    assert journal_in_words("windows", '[{"start": "22', "[]", EN) == (Words('[{"start": "22'), Words("[]"))
