"""Translates the sentences in the API's answers into Chinese, for clients that ask for Chinese (Accept-Language).

The pipeline writes and stores English. The files in the folder ``chinese`` form a catalogue with the Chinese translation of each
sentence. In the English sentence, ``{}`` marks each changing part; in the Chinese sentence, the marks are ``{1}``, ``{2}`` and so
on. A changing part may itself be a sentence of the catalogue. Text that the catalogue does not have, such as the words of a person
or of a cloud service, stays unchanged.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.runtime.sentences import Catalogue

FOLDER = Path(__file__).with_name("chinese")
CHINESE = "zh"
ENGLISH = "en"
FIELDS = frozenset(
    {
        "Message",
        "Recommend",
        "after",
        "before",
        "cause",
        "command",
        "detail",
        "driverWhy",
        "heldBack",
        "kind",
        "limits",
        "message",
        "needsAPerson",
        "notKnown",
        "reason",
        "remedy",
        "seen",
        "smcRollback",
        "text",
        "title",
        "waitsFor",
        "what",
        "where",
        "why",
    }
)
"""The names of the fields in the API's answers that hold sentences to translate."""


def catalogue_entries() -> dict[str, dict[str, str]]:
    """Maps the name of each catalogue file to the file's content. Each file maps English sentences to their Chinese translations.

    The file ``words`` contains words and phrases from which the code builds sentences. A single word from the file ``words`` is
    translated only inside a sentence.
    """
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The Chinese catalogue. The catalogue's files are read only once, at the first translation."""
    found = catalogue_entries()
    words = found.pop("words")
    phrases = {english: chinese for english, chinese in words.items() if " " in english}
    return Catalogue({**phrases, **{english: each for part in found.values() for english, each in part.items()}}, words)


@lru_cache(maxsize=4096)
def chinese_text(text: str) -> str:
    """The Chinese translation of an English text; the English text if the catalogue has no translation."""
    return catalogue().translate(text)


def preferred_language(accepted: str) -> str:
    """The language, English or Chinese, that an Accept-Language header prefers; English if the header names neither."""
    best, weight = ENGLISH, 0.0
    for each in accepted.lower().split(",")[:20]:
        tag, _, parameters = each.strip().partition(";")
        language = tag.strip().partition("-")[0]
        found = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", parameters)
        liked = float(found[1]) if found else 0.0 if parameters else 1.0
        if language in (CHINESE, ENGLISH) and liked > weight:
            best, weight = language, liked
    return best


def translated_answer(answer: Any, language: str) -> Any:
    """An answer of the API with its sentences translated into the given language. The answer consists of plain JSON values."""
    return _translated_value(answer) if language == CHINESE else answer


def _translated_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_translated_value(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _translated_field(name, each, value) for name, each in value.items()}


def _translated_field(name: str, value: Any, around: dict[str, Any]) -> Any:
    if name in ("policy", "selection") or (name == "reason" and "held" in around):
        return value  # a person's own words: a console that sends them back must not change them
    # Beside ``by`` stands who gave the reason, in words of their own.
    if name in FIELDS and not (name == "why" and "by" in around):
        if isinstance(value, str):
            return chinese_text(value)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return [chinese_text(each) for each in value]
    return _translated_value(value)
