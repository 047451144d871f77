"""Every text that the API may show has its Chinese, and the Chinese has the same parts."""

from __future__ import annotations

import re

from shared.domain.findings import Finding
from shared.domain.migration import State
from shared.domain.prechecks import RULES
from shared.runtime.translation import catalogue_entries
from tests.support.shown_texts import shown_texts
from tools.pages import errors

PARTS = catalogue_entries()
WORDS = PARTS.pop("words")
CHINESE = {english: chinese for part in PARTS.values() for english, chinese in part.items()}
PROBE = "Look at the command's output in the ECS console (Cloud Assistant, execution results), then retry."
"""What the page of errors says of the probes; the code has another sentence."""
LETTER = re.compile(r"[\u4e00-\u9fff]")


def test_no_text_lacks_its_chinese() -> None:
    assert {text: file for text, file in shown_texts().items() if text not in CHINESE} == {}, "add it to shared/runtime/chinese"


def test_no_chinese_is_left_of_a_text_that_is_gone() -> None:
    assert sorted(set(CHINESE) - set(shown_texts())) == []


def test_no_text_stands_twice() -> None:
    assert sum(map(len, PARTS.values())) == len(CHINESE)


def test_the_chinese_has_every_part_of_the_sentence() -> None:
    parts = {english: set(re.findall(r"\{(\d)\}", chinese)) for english, chinese in (CHINESE | WORDS).items()}
    assert [each for each, found in parts.items() if found != {str(n + 1) for n in range(each.count("{}"))}] == []


def test_a_sentence_in_chinese_is_chinese() -> None:
    """Commands and names stay as they are; a sentence that begins with a capital and ends with a full stop does not."""
    sentences = {english: chinese for english, chinese in CHINESE.items() if re.match(r"[A-Z{].* .*[.]$", english)}
    assert [english for english, chinese in sentences.items() if not LETTER.search(chinese)] == []


def test_every_rule_and_every_error_speaks_chinese() -> None:
    texts = {text for rule in RULES for text in (rule.title, rule.why, rule.remedy, rule.asks) if text}
    assert texts - set(CHINESE) == set()
    assert {"title", "seen", "why", "remedy"} <= set(Finding.__dataclass_fields__)
    whole = {each.remedy for each in errors.found() if each.remedy and "{" not in each.remedy and "..." not in each.remedy}
    assert whole - set(CHINESE) - {PROBE} == set()


def test_every_state_has_its_word() -> None:
    assert {state.value for state in State} - set(WORDS) == set()
