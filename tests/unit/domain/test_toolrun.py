"""Which part of a tool's log is stored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.toolrun import MOST_LOG, ToolAnswer, end_of_log, is_answer_fresh

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)


def test_the_end_is_kept_in_whole_lines() -> None:
    lines = [f"line {number}" for number in range(1000)]
    kept = end_of_log("\n".join(lines) + "\n")
    assert kept.endswith("line 998\nline 999")
    assert kept.split("\n")[0] in lines
    assert MOST_LOG - 20 < len(kept) <= MOST_LOG
    assert end_of_log("short\n\n") == "short"
    assert end_of_log("") == ""


def test_a_secret_is_not_kept_and_half_of_one_neither() -> None:
    assert "hunter2" not in end_of_log("curl: https://user:hunter2@mirror/ failed\npassword=hunter2")
    tail = "x" * (MOST_LOG - 3)
    assert "er2" not in end_of_log(f"password=hunter2 {tail}")


@given(st.text())
def test_any_log_is_safe_to_show_and_bounded(text: str) -> None:
    kept = end_of_log(text * 50)
    assert len(kept) <= MOST_LOG
    assert "\x1b" not in kept
    assert "\r" not in kept


@pytest.mark.parametrize(("age_s", "fresh"), [(0, True), (59, True), (60, False), (3600, False)])
def test_an_answer_is_fresh_for_less_than_the_time_given(age_s: int, fresh: bool) -> None:
    answer = ToolAnswer(at=NOW - timedelta(seconds=age_s))
    assert is_answer_fresh(answer, NOW, timedelta(minutes=1)) is fresh


def test_no_answer_and_an_answer_without_a_time_are_not_fresh() -> None:
    assert not is_answer_fresh(None, NOW, timedelta(minutes=1))
    assert not is_answer_fresh(ToolAnswer(), NOW, timedelta(minutes=1))
