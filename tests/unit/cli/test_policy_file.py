"""replank policy check, replank policy schema, and submit with a policy file and a calendar."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from cli.calendar import read_blackouts
from cli.main import run
from cli.policy_file import SCHEMA, parse_policy_file
from cli.problem import Problem
from shared.domain.policy import parse_policy
from tests.support.api import ApiInMemory
from tests.unit.cli.test_no_effect import api  # noqa: F401 - the fixture

GOOD = """\
# two nights and a freeze
driver: console
zone: Europe/London
maxMoving: 5
windows:
  - {start: 22:00, end: 04:00, days: [0, 1, 2]}
  - start: "20:00"
    lengthMin: 600
blackouts:
  - {from: 2026-12-24, to: 2027-01-03, reason: year end}
"""


def written(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def told(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, int, str]]:
    assert run(["policy", "check", str(written(folder, text)), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is False
    return [(each["line"], each["column"], each["field"]) for each in found["problems"]]


def test_a_good_file_is_valid_and_means_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, GOOD)
    assert run(["policy", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} is a valid policy.\n"
    policy = parse_policy(parse_policy_file(file).document)
    assert [each.start for each in policy.time_limits.windows] == ["22:00", "20:00"], "a time is no number of base 60"
    assert policy.blackouts[0].from_ == datetime(2026, 12, 24, tzinfo=timezone.utc)


def test_json_is_read_as_well(tmp_path: Path) -> None:
    as_yaml, as_json = written(tmp_path, GOOD), tmp_path / "policy.json"
    as_json.write_text(json.dumps(parse_policy_file(as_yaml).document, indent=1), encoding="utf-8")
    assert parse_policy_file(as_json).document == parse_policy_file(as_yaml).document


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("driver: smc\nmaxMoving: 5000\n", (2, 1, "policy.maxMoving")),
        ("driver: smc\nspeed: 3\n", (2, 1, "policy.speed")),
        ("windows:\n  - {start: 22:00, end: 04:00}\n  - {start: 25:00, end: 04:00}\n", (3, 6, "policy.windows[1].start")),
        ("windows:\n  - {end: 04:00}\n", (2, 5, "policy.windows[0]")),
        ("window:\n  start: 22:00\n  end: 22:10\n", (1, 1, "policy.window")),
        ("zone: Mars/North\n", (1, 1, "policy.zone")),
        ("windows:\n  - {start: 22:00, end: 04:00, zone: Mars/North}\n", (2, 32, "policy.windows[0].zone")),
        ("blackouts:\n  - from: 2026-12-24\n    to: 2026-12-20\n", (3, 5, "policy.blackouts[0].to")),
        ("canary: 1\ncanary: 2\n", (2, 1, "policy.canary")),
        ("files:\n  - relative/path\n", (2, 5, "policy.files[0]")),
        ("- a list\n", (1, 1, "policy")),
        ("canary: [1\n", (2, 1, "policy")),
    ],
)
def test_each_problem_has_its_line_column_and_field(
    text: str, where: tuple[int, int, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, text, capsys) == [where]


def test_all_problems_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [line for line, _, _ in told(tmp_path, "maxMoving: 0\ncanary: -1\nwindow: 5\n", capsys)] == [2, 1, 3]


def test_anchors_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "check", str(written(tmp_path, "windows: &a [*a]\n"))]) == 1
    assert "anchors and aliases are not allowed" in capsys.readouterr().out


def test_the_schema_is_printed_and_is_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    from jsonschema import Draft202012Validator

    assert run(["policy", "schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == SCHEMA
    Draft202012Validator.check_schema(printed)
    assert printed["properties"]["maxMoving"]["maximum"] == 1000


def test_submit_names_the_place_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "maxMoving: 5000\n")
    assert run(["submit", "-i", "i-1", "--policy", str(file)]) == 2
    assert f"{file}:1:1: policy.maxMoving" in capsys.readouterr().err


# Calendars ---------------------------------------------------------------------------------------------------------------

CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
SUMMARY:Year end
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20270104
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Pay day
DTSTART;TZID=Europe/London:20261125T180000
DTEND;TZID=Europe/London:20261125T220000
RRULE:FREQ=MONTHLY;COUNT=3
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Lunch
TRANSP:TRANSPARENT
DTSTART:20261201T110000Z
DTEND:20261201T120000Z
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:Called off
STATUS:CANCELLED
DTSTART:20261202T110000Z
DTEND:20261202T120000Z
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:Long past
DTSTART:20200101T110000Z
DTEND:20200101T120000Z
END:VEVENT
END:VCALENDAR
"""
TODAY = date(2026, 11, 23)


def test_events_become_blackouts_and_those_that_touch_are_one(tmp_path: Path) -> None:
    found = read_blackouts(written(tmp_path, CALENDAR, "freeze.ics"), TODAY, "Asia/Shanghai")
    assert found == [
        {"from": "2026-11-25T18:00:00Z", "to": "2026-11-25T22:00:00Z", "reason": "Pay day"},
        {"from": "2026-12-23T16:00:00Z", "to": "2027-01-03T16:00:00Z", "reason": "Year end; Pay day"},
        {"from": "2027-01-25T18:00:00Z", "to": "2027-01-25T22:00:00Z", "reason": "Pay day"},
    ]
    assert len(parse_policy({"blackouts": found}).blackouts) == 3


def test_a_rule_without_an_end_is_read_as_far_as_the_horizon(tmp_path: Path) -> None:
    weekly = CALENDAR.replace("FREQ=MONTHLY;COUNT=3", "FREQ=WEEKLY")
    found = read_blackouts(written(tmp_path, weekly, "freeze.ics"), TODAY, "")
    assert found[-1]["from"][:10] == "2027-12-22"
    with pytest.raises(Problem) as caught:
        read_blackouts(written(tmp_path, CALENDAR.replace("FREQ=MONTHLY;COUNT=3", "FREQ=DAILY"), "freeze.ics"), TODAY, "")
    assert caught.value.code == "Calendar.TooMany"


@pytest.mark.parametrize("text", ["", "no calendar", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "BEGIN:VEVENT\nDTSTART:x\nEND:VEVENT\n"])
def test_what_is_no_calendar_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        read_blackouts(written(tmp_path, text, "freeze.ics"), TODAY, "")
    assert caught.value.code == "File.Unreadable"


def test_submit_puts_the_calendar_beside_the_file(api: ApiInMemory, tmp_path: Path) -> None:  # noqa: F811
    policy = written(tmp_path, "zone: Europe/London\nblackouts: [{from: 2099-01-01, to: 2099-01-02}]\n")
    far = CALENDAR.replace("RRULE:FREQ=MONTHLY;COUNT=3", "RRULE:FREQ=YEARLY").replace("20261125", "20201125")
    assert run(["submit", "-i", "i-1", "--policy", str(policy), "--calendar", str(written(tmp_path, far, "freeze.ics"))]) == 0
    (batch,) = api.fakes.batches.rows.values()
    assert {each.reason for each in batch.policy.blackouts} >= {"", "Pay day"}
