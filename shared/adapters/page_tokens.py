"""Converts keys to page tokens and back. A page token encodes the key of the next row. Clients do not decode page tokens."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from shared.adapters.store import Key
from shared.domain.errors import Refused

MAX_TOKEN = 4096
"""Maximum length of a token, in characters. A key has at most four columns of at most 1 KB each."""


def page_token(key: Key | None) -> str:
    """The token for the page that begins with this key; empty if there is no next page."""
    if key is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps([list(column) for column in key]).encode()).decode().rstrip("=")


def first_key_of_page(token: str, first: Key) -> Key:
    """The key with which a page begins. The page with the empty token begins with the key ``first``.

    Raises Refused (Token.Invalid) if the token belongs to another listing. If a key column has a fixed value in ``first``, the
    token must contain the same value.
    """
    if not token:
        return first
    key = _key_from_token(token)
    fixed = [(name, value) for name, value in first if not isinstance(value, type)]
    if [name for name, _ in key] != [name for name, _ in first] or key[: len(fixed)] != fixed:
        raise _invalid_page_token_error()
    return key


def _key_from_token(token: str) -> list[tuple[str, Any]]:
    try:
        if len(token) > MAX_TOKEN:
            raise ValueError
        document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        key = [(name, value) for name, value in document]
        if not all(isinstance(name, str) and isinstance(value, str | int) for name, value in key):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _invalid_page_token_error() from None
    return key


def _invalid_page_token_error() -> Refused:
    return Refused("Token.Invalid", "The continuation token is not of this listing.", "Start again without a token.")
