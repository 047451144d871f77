"""Answers in XML, for older clients that request them (Format=XML, which is also the default of the older signature)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def document(root: str, body: Mapping[str, Any]) -> bytes:
    """The body as XML with one root element. A list becomes repeated elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, body)}'.encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    if isinstance(value, Mapping):
        inner = "".join(_element(key, each) for key, each in value.items())
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = "" if value is None else escape(_ILLEGAL.sub("\ufffd", str(value)))
    return f"<{name}>{inner}</{name}>"
