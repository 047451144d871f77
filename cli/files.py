"""Reads JSON files in the encodings that people and tools use: UTF-8, UTF-16, UTF-32 or GBK."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, each with its encoding.

UTF-32 comes before UTF-16, because their little-endian marks begin with the same bytes.
"""
_CHINESE = "gb18030"
_BITS_MISREAD = re.compile("(?:64|32)\N{GREEK SMALL LETTER LAMDA}")
"""Matches GBK text that was wrongly decoded as UTF-8. The Chinese character for "bit" then becomes a lambda."""


def read_json_file(file: Path) -> Any:
    """The parsed content of a JSON file. Raises OSError if the file cannot be read, and ValueError if the content is not JSON.

    If the file holds several documents, a list of the documents is returned. For example, ``aliyun ... >> fleet.json`` appends one
    document for each page.
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
    """The text in ``content``, decoded with the encoding that fits. Raises ValueError if none of the known encodings fits."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    # UTF-16 or UTF-32 without a mark: JSON begins with two ASCII characters, so some of the first bytes are 0
    if content[:4].count(0) >= 1:
        return content.decode(json.detect_encoding(content))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(_CHINESE)
    return content.decode(_CHINESE) if _BITS_MISREAD.search(text) else text
