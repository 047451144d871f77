"""Reports of tools, as far as they arrived: a long one is cut by Cloud Assistant, and what is whole of it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.domain.text import plain

Json = dict[str, Any]
_BLANK = re.compile(r"[\s,]*")
LONGEST = 600
"""Characters of one text of a tool that are shown."""


def document(text: str) -> Json:
    """The JSON object; an empty one if the text is no whole object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def items(text: str, name: str) -> Iterator[Any]:
    """The whole values of the list ``name`` in a report that may be cut off."""
    at = _begin(text, name, "[")
    reader = json.JSONDecoder()
    try:
        while at:
            value, at = reader.raw_decode(text, _skip(text, at))
            yield value
    except (ValueError, IndexError, RecursionError):
        return  # the end of the list, or of what arrived


def pairs(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """The same for an object: its keys and whole values."""
    at = _begin(text, name, "{")
    reader = json.JSONDecoder()
    try:
        while at:
            key, at = reader.raw_decode(text, _skip(text, at))
            value, at = reader.raw_decode(text, _skip(text, _skip(text, at) + 1))  # behind the colon
            yield str(key), value
    except (ValueError, IndexError, RecursionError):
        return


def _begin(text: str, name: str, bracket: str) -> int:
    """The place behind the bracket of a list or an object; 0 if the report has no such name."""
    found = re.search(rf'"{re.escape(name)}"\s*:\s*{re.escape(bracket)}', text)
    return found.end() if found else 0


def said(value: object) -> str:
    """A text of the tool on one line, safe to show and not too long."""
    text = " ".join(plain(str(value)).split()) if isinstance(value, (str, int, float)) else ""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
