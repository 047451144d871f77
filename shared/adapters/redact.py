"""Keeps secrets out of logs. Known secrets are hidden, and so is any text that looks like a secret."""

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
"""Patterns of text that is probably secret: named values in JSON, queries and headers, and access key ids."""


def add_secret(secret: str | None) -> None:
    """Hide this secret in all later logs and messages. Short secrets are ignored, because they may be parts of ordinary words."""
    if secret and len(secret) >= 6:
        _known.add(secret)


def remove_secret(secret: str | None) -> None:
    """Stop hiding a secret that has expired. If expired secrets stayed, the set of hidden secrets would grow without limit."""
    _known.discard(secret or "")


def hide_secrets(text: str) -> str:
    """The text with ``***`` in place of every secret."""
    for secret in _known:
        text = text.replace(secret, _HIDDEN)
    for form in _FORMS:
        text = form.sub(rf"\1{_HIDDEN}", text)
    return text
