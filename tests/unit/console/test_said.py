"""What the console says of a problem stands in Chinese on a Chinese page, and every sentence of its code has its Chinese."""

from __future__ import annotations

import re

import pytest

from console.problem import Problem
from console.said import in_language, sentences, translated
from tests.support.repository import source_files
from tests.support.shown_texts import texts_of
from tests.unit.console.test_console import HOSTILE, ApiTable, ask

SENTENCE = re.compile(r"[A-Z{].* .*[.]$")
OTHER = frozenset[str]()


def test_every_sentence_of_the_console_has_its_chinese_with_the_same_parts() -> None:
    texts = {text for path in source_files("console") for text in texts_of(path) if SENTENCE.match(text)}
    assert texts - OTHER - set(sentences()) == set(), "add it to console/chinese.json"
    parts = {english: set(re.findall(r"\{(\d)\}", chinese)) for english, chinese in sentences().items()}
    assert [each for each, found in parts.items() if found != {str(n + 1) for n in range(each.count("{}"))}] == []


def test_no_chinese_is_left_of_a_sentence_that_is_gone() -> None:
    texts = {text for path in source_files("console") for text in texts_of(path)}
    assert set(sentences()) - texts == set()


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("There is no such page.", "没有此页面。"),
        ("At most 50 rows can be selected.", "最多可以选择 50 行。"),
        ("Signing in failed: the answer comes from another issuer.", "登录失败：响应来自其他颁发者。"),
        ("没有批次 b1。", "没有批次 b1。"),
        (HOSTILE, HOSTILE),
    ],
)
def test_a_sentence_is_told_in_chinese_with_its_parts(english: str, chinese: str) -> None:
    assert translated(english) == chinese


def test_a_problem_keeps_all_but_its_words() -> None:
    told = Problem("Page.NotFound", "There is no such page.", "Begin at the overview.", status=404, request_id="R1")
    found = in_language(told, "zh")
    assert (found.code, found.status, found.request_id, found.remedy) == ("Page.NotFound", 404, "R1", "请从总览开始。")
    assert in_language(told, "en") is told


def test_a_page_tells_a_problem_in_the_readers_language() -> None:
    _, body, _ = ask(ApiTable(), "GET", "/console/nowhere", Accept_Language="zh-CN")
    assert ("没有此页面。" in body, "There is no such page." in body) == (True, False)
