"""The words of the house: CONTRIBUTING.md says how we write, and this keeps what a machine can keep of it."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT, files, name_of
from tools import prose

PLACES = ("shared/", "functions/", "cli/", "localcloud/", "tools/", "bench/", "docs/", "README.md", "CONTRIBUTING.md", "Makefile")
RECORDS = frozenset({"shared/probes/linux.sh", "CONTRIBUTING.md"})
"""Exceptions: a script whose bytes are counted, and the page that shows the bad examples."""
WORDS: dict[str, str] = {
    r"\banew\b": "again",
    r"\bis none\b": "does not exist, is missing, or: empty without one",
    r"\b[Ss]o many\b": "maximum, or: a number of",
    r"\bat most so\b": "maximum",
    r"\bwhat is owed\b": "what is in the outbox",
    r"\bin the look of\b": "shaped like",
    r"\b[Gg]iv(?:e|es|ing) (?:the |an? )?(?:instance|slot|lock)s? (?:free|back)\b": "release",
    r"\bset free\b": "release",
    r"\bNone where\b": "None if",
    r"\bthe own (?:one|account)\b": "the deployment's own",
    r"\b(?:Once more|The same again) changes nothing\b": "A repeated call changes nothing",
}
"""A pattern that nobody writes, and what to write for it."""
LONG_SENTENCES = 0
"""Sentences of docstrings that are longer than MOST_WORDS. This number only falls."""
TEXTS = [
    path
    for path in files()
    if name_of(path).startswith(PLACES) and name_of(path) not in RECORDS and path.suffix in (".py", ".md", ".json", "")
]


@pytest.mark.parametrize("pattern", WORDS)
def test_the_common_word_is_used(pattern: str) -> None:
    found = [
        f"{name_of(path)}:{number}: write `{WORDS[pattern]}`"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_the_word_list_would_catch_its_words() -> None:
    bad = (
        "decide anew",
        "if there is none",
        "So many steps",
        "at most so often",
        "what is owed",
        "give the slot back",
        "None where it is",
    )
    assert [text for text in bad if not any(re.search(pattern, text) for pattern in WORDS)] == []


def test_long_sentences_grow_no_more() -> None:
    long = prose.too_long(prose.sentences())
    assert len(long) <= LONG_SENTENCES, [f"{place}: {text[:60]}" for place, text in long[:20]]


def test_the_records_exist() -> None:
    assert [name for name in RECORDS if not (ROOT / name).exists()] == []
