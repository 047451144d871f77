"""Translates the sentences in the API's answers to Chinese, for readers who ask for it (Accept-Language).

The pipeline writes and stores English. The folder ``chinese`` has the Chinese of each sentence. A sentence with changing parts has
``{}`` for each part in English, and ``{1}``, ``{2}`` in Chinese. A part may be a sentence of the catalogue itself. What the
catalogue does not have, such as the words of a person or of a cloud service, stays as it is.
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
"""The fields of the API's answers that hold sentences."""


def entries() -> dict[str, dict[str, str]]:
    """The Chinese of each sentence by its English, in parts: one for each room of the code.

    The part ``words`` has the words and phrases from which the code makes sentences. A word of this part that stands alone is
    not translated.
    """
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The Chinese catalogue. It is read when somebody asks for Chinese first."""
    found = entries()
    words = found.pop("words")
    phrases = {english: chinese for english, chinese in words.items() if " " in english}
    return Catalogue({**phrases, **{english: each for part in found.values() for english, each in part.items()}}, words)


@lru_cache(maxsize=4096)
def chinese(text: str) -> str:
    """The Chinese of a text of the pipeline; the text itself if the catalogue lacks it."""
    return catalogue().translate(text)


def preferred_language(accepted: str) -> str:
    """The language of an Accept-Language header that we have and the reader likes best; English without one."""
    best, weight = ENGLISH, 0.0
    for each in accepted.lower().split(",")[:20]:
        tag, _, parameters = each.strip().partition(";")
        language = tag.strip().partition("-")[0]
        found = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", parameters)
        liked = float(found[1]) if found else 0.0 if parameters else 1.0
        if language in (CHINESE, ENGLISH) and liked > weight:
            best, weight = language, liked
    return best


def in_language(answer: Any, language: str) -> Any:
    """An answer of the API, as plain JSON values, with its sentences in the language."""
    return _translated(answer) if language == CHINESE else answer


def _translated(value: Any) -> Any:
    if isinstance(value, list):
        return [_translated(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _translated_field(name, each, value) for name, each in value.items()}


def _translated_field(name: str, value: Any, around: dict[str, Any]) -> Any:
    # Beside ``by`` stands who gave the reason, in words of their own.
    if name in FIELDS and not (name == "why" and "by" in around):
        if isinstance(value, str):
            return chinese(value)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return [chinese(each) for each in value]
    return _translated(value)
