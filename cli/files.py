"""Reads JSON files in the encodings that people and tools use: UTF-8, UTF-16, UTF-32 or GBK."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks with their encodings. UTF-32 comes before UTF-16, because their little-endian marks begin alike."""
_CHINESE = "gb18030"
_BITS_MISREAD = re.compile("(?:64|32)\N{GREEK SMALL LETTER LAMDA}")
"""Matches text in which GBK was wrongly decoded as UTF-8: the Chinese words for "64 bit" then become 64 and a lambda."""


def read_json(file: Path) -> Any:
    """The parsed content of a JSON file; raises OSError if it cannot be read, ValueError if it is not JSON.

    Several documents in one file are returned as a list, because ``aliyun ... >> fleet.json`` appends one for each page.
    """
    try:
        return _parsed_documents(decoded_text(file.read_bytes()))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parsed_documents(text: str) -> Any:
    found, at, reader = [], 0, json.JSONDecoder()
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = reader.raw_decode(text, at)
        found.append(document)
        if not text[at:].strip():
            return found[0] if len(found) == 1 else found
        if not isinstance(document, dict):
            raise ValueError(f"Extra data behind character {at}")


def decoded_text(content: bytes) -> str:
    """The text in ``content``, in the encoding that fits; raises ValueError if none of the known encodings fits."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    if content[:4].count(0) >= 1:  # UTF-16 or UTF-32 without a mark: JSON begins with two ASCII characters
        return content.decode(json.detect_encoding(content))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(_CHINESE)
    return content.decode(_CHINESE) if _BITS_MISREAD.search(text) else text
