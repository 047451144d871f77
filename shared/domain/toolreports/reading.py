"""Reads the reports of upgrade tools. Cloud Assistant cuts off long reports, so only the complete values of a report are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.domain.text import plain_line

Json = dict[str, Any]
_BLANK = re.compile(r"[\s,]*")
LONGEST = 600
"""Maximum length, in characters, of one text from a tool."""


def json_object(text: str) -> Json:
    """The JSON object that the text contains; empty if the text is not a complete object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def values_of_list(text: str, name: str) -> Iterator[Any]:
    """The complete values of the list ``name`` in a report that may be cut off."""
    at = _content_start(text, name, "[")
    reader = json.JSONDecoder()
    try:
        while at:
            value, at = reader.raw_decode(text, _position_after_whitespace(text, at))
            yield value
    except (ValueError, IndexError, RecursionError):
        return  # the end of the list, or of the part that arrived


def items_of_object(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """The keys and complete values of the object ``name`` in a report that may be cut off."""
    at = _content_start(text, name, "{")
    reader = json.JSONDecoder()
    try:
        while at:
            key, at = reader.raw_decode(text, _position_after_whitespace(text, at))
            value, at = reader.raw_decode(
                text, _position_after_whitespace(text, _position_after_whitespace(text, at) + 1)
            )  # after the colon
            yield str(key), value
    except (ValueError, IndexError, RecursionError):
        return


def _content_start(text: str, name: str, bracket: str) -> int:
    """The position after the opening bracket of the list or object ``name``; 0 if the report lacks the name."""
    found = re.search(rf'"{re.escape(name)}"\s*:\s*{re.escape(bracket)}', text)
    return found.end() if found else 0


def value_as_line(value: object) -> str:
    """A value of a report as one line of text, safe to show, with at most LONGEST characters."""
    text = " ".join(plain_line(str(value)).split()) if isinstance(value, (str, int, float)) else ""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _position_after_whitespace(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
