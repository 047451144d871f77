"""Secrets stay out of logs: known values are remembered, typical forms are recognised."""

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
"""Key and value as JSON, a query or a header writes them; access key ids."""


def remember(secret: str | None) -> None:
    """From now on the value is hidden wherever it appears (short values would hide ordinary words and are not taken)."""
    if secret and len(secret) >= 6:
        _known.add(secret)


def forget(secret: str | None) -> None:
    """The value has ended: of the short-lived ones a long-lived process would remember ever more."""
    _known.discard(secret or "")


def hide(text: str) -> str:
    """The text without secrets."""
    for secret in _known:
        text = text.replace(secret, _HIDDEN)
    for form in _FORMS:
        text = form.sub(rf"\1{_HIDDEN}", text)
    return text
