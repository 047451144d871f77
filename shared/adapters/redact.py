"""Keeps secrets out of logs: known values are remembered and typical forms are recognised."""

from __future__ import annotations

import re

_known: set[str] = set()
_HIDDEN = "***"
_FORMS = (
    re.compile(
        r"(?i)((?:access[_ -]?token[_ -]?code|token[_ -]?code|secret|security[_ -]?token|ststoken|password|authorization)"
        r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
    ),
    re.compile(r"()\b(?:LTAI|STS\.)[A-Za-z0-9.]{8,}"),
)
"""Matches a key and its value in JSON, a query or a header, and access key ids."""


def remember(secret: str | None) -> None:
    """Hide the value from now on, wherever it appears; short values are ignored, because they would hide ordinary words."""
    if secret and len(secret) >= 6:
        _known.add(secret)


def forget(secret: str | None) -> None:
    """Stop hiding a value that has expired, so that the list does not grow for ever."""
    _known.discard(secret or "")


def hide(text: str) -> str:
    """The text with every secret hidden."""
    for secret in _known:
        text = text.replace(secret, _HIDDEN)
    for form in _FORMS:
        text = form.sub(rf"\1{_HIDDEN}", text)
    return text
