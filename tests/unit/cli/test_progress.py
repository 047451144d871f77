"""What `replank watch` shows: first what needs a person, then the waves; at 80 columns and on a pipe."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from rich.cells import cell_len

from cli import output, progress
from cli.client import ApiClient
from cli.problem import Problem

FINISH = {"earliest": "2026-11-23T09:00:00Z", "p10": "2026-11-23T10:00:00Z", "p50": "2026-11-23T11:00:00Z", "p90": None}
PLAN: dict[str, Any] = {"outcomes": {"failed": 2}, "waves": [{"number": 2, "finish": FINISH}], "finish": FINISH, "instances": 3}


def wave(number: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "moved": 0, "moving": 0, "waiting": 0, "failed": 0, "waitsFor": "", **more}


BATCH: dict[str, Any] = {
    "batchId": "b1",
    "state": "open",
    "size": 3,
    "acknowledgement": {"operator": "ann"},
    "brake": {"state": "paused at budget", "by": "watch"},
    "approvals": [{"about": "wave 2", "missing": 1, "waitsFor": "0 of 1 persons approved it. To approve it: replank approve b1"}],
    "accountTroubles": [],
    "counts": {},
    "waves": [wave(1, moved=1), wave(2, failed=1, moving=1), wave(3, waiting=4, waitsFor="wave 2 is under way")],
}


def test_what_needs_a_person_comes_first_and_in_order() -> None:
    said = progress.urgent_messages(BATCH, PLAN)
    assert [each.split(":")[0] for each in said] == ["paused at budget by watch", "wave 2", "2 failed"]
    calm = {**BATCH, "brake": None, "approvals": []}
    assert progress.urgent_messages(calm, {**PLAN, "outcomes": {}}) == []


def test_a_pause_at_the_budget_says_which_budget_is_spent() -> None:
    why = "2 migrations of wave 2 failed, the budget of each wave is 1"
    at_wave = {**BATCH, "brake": {**BATCH["brake"], "why": why}}
    assert progress.urgent_messages(at_wave, None)[0] == f"paused at budget by watch ({why}): replank resume b1"
    by_person = {**BATCH, "brake": {"state": "paused", "by": "bob", "why": "lunch"}}
    assert progress.urgent_messages(by_person, None)[0] == "paused by bob: replank resume b1"


def test_each_wave_says_how_it_stands_and_when_it_will_have_finished() -> None:
    first, second, third = progress.wave_lines(BATCH, PLAN)
    assert first == "wave 1 of 3: 1 moved"
    assert second.startswith(
        "wave 2 of 3: 1 failed, 1 moving; finish about 2026-11-23 11:00 UTC (8 of 10 runs: 2026-11-23 10:00 UTC"
    )
    assert third == "wave 3 of 3: 4 waiting; wave 2 is under way"


def test_without_waves_the_whole_has_a_finish() -> None:
    assert progress.wave_lines({**BATCH, "waves": []}, PLAN)[0].startswith("finish about")
    assert progress.wave_lines({**BATCH, "waves": []}, None) == []


@pytest.mark.parametrize(("code", "found"), [("Route.NotFound", None), ("Store.Unavailable", "raised")])
def test_an_older_api_has_no_plan(code: str, found: str | None) -> None:
    class Older(ApiClient):
        def get(self, path: str, **query: Any) -> Any:
            raise Problem(code, "m", "r")

    try:
        assert progress.current_plan(Older("", "", ""), BATCH) is None
        assert found is None
    except Problem:
        assert found == "raised"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_of_80_columns_wraps_chinese_names_and_a_pipe_does_not(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    output.print_line("needs a person: " + "张三和李四 approve the wave, " * 8)
    lines = stream.getvalue().splitlines()
    assert (len(lines) > 1) is terminal
    assert all(cell_len(each) <= 80 for each in lines) is terminal
