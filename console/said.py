"""What the console itself says of a problem, in the reader's language. The API's own words come in that language already. Pure."""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path

from console.problem import Problem

CHINESE = Path(__file__).with_name("chinese.json")
"""The Chinese of each sentence. A changing part is ``{}`` in English, and ``{1}``, ``{2}`` in Chinese."""
_LONGEST = 2000
_PLACE = re.compile(r"\{([1-9])\}")


def in_language(problem: Problem, language: str) -> Problem:
    """The problem in the language; a sentence without a translation stays as it is."""
    if language != "zh":
        return problem
    message, remedy = translated(problem.message), translated(problem.remedy)
    return Problem(problem.code, message, remedy, status=problem.status, request_id=problem.request_id)


def translated(text: str) -> str:
    """The Chinese translation of a sentence of the console; the English text if there is no translation."""
    known = sentences()
    if text in known or len(text) > _LONGEST:
        return known.get(text, text)
    for english, chinese in known.items():
        found = _pattern(english).fullmatch(text) if "{}" in english else None
        if found is not None:
            return _filled(chinese, [translated(each) for each in found.groups()])
    return text


@cache
def _pattern(english: str) -> re.Pattern[str]:
    """The pattern of an English sentence, with one group for each changing part."""
    return re.compile("(.*?)".join(map(re.escape, english.split("{}"))), re.DOTALL)


def _filled(chinese: str, parts: list[str]) -> str:
    return _PLACE.sub(lambda place: parts[int(place[1]) - 1], chinese)


@lru_cache(maxsize=1)
def sentences() -> dict[str, str]:
    """The Chinese of each sentence by its English, those with the longest words first."""
    found: dict[str, str] = json.loads(CHINESE.read_text(encoding="utf-8"))
    return dict(sorted(found.items(), key=lambda each: -len(each[0])))
