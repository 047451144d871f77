"""Stores the tokens of a sign-in in the system's keyring.

Without a keyring, the tokens are stored in a file that only its owner can read.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.problem import Problem, bad_input_problem
from cli.signin.provider import OpenIdProvider, unverified_claims

Json = dict[str, Any]
SERVICE = "replank"
RENEWED_BEFORE_EXPIRY_S = 60
"""A token that expires within this number of seconds is renewed before it is used."""


def get_or_renew_api_token(api_url: str) -> str:
    """Return the token for requests to an API: REPLANK_TOKEN, else the token of the last sign-in; empty if neither exists.

    If the token of the last sign-in has expired or is about to expire, the function renews the token and returns the new token.
    """
    given = os.environ.get("REPLANK_TOKEN", "").strip()
    if given:
        return given
    found = read_tokens(api_url)
    if not found:
        return ""
    if float(unverified_claims(found["id_token"]).get("exp", 0)) > _current_time_s() + RENEWED_BEFORE_EXPIRY_S:
        return str(found["id_token"])
    return _renew_token(api_url, found)


def read_tokens(api_url: str) -> Json:
    """The stored tokens for an API; empty if no tokens are stored, or if they cannot be read."""
    ring = _keyring()
    text = ring.get_password(SERVICE, api_url) if ring else json.dumps(_read_tokens_file().get(api_url, {}))
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "id_token" in found else {}


def store_tokens(api_url: str, provider: OpenIdProvider, tokens: Json) -> str:
    """Store the tokens of a sign-in. Returns a phrase that says where the tokens are stored."""
    kept = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        **{name: tokens[name] for name in ("id_token", "refresh_token") if tokens.get(name)},
    }
    ring = _keyring()
    if ring:
        ring.set_password(SERVICE, api_url, json.dumps(kept))
        return "the system's keyring"
    _write_tokens_file({**_read_tokens_file(), api_url: kept})
    return str(tokens_file())


def delete_tokens(api_url: str) -> bool:
    """Delete the stored tokens for an API. Returns False if there were no stored tokens."""
    there = bool(read_tokens(api_url))
    ring = _keyring()
    if ring and there:
        ring.delete_password(SERVICE, api_url)
    rest = _read_tokens_file()
    if rest.pop(api_url, None) is not None:
        _write_tokens_file(rest)
    return there


def tokens_file() -> Path:
    """The path of the file with the tokens: $XDG_CONFIG_HOME/replank/sign-in.json."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "replank" / "sign-in.json"


def _renew_token(api_url: str, found: Json) -> str:
    """Get a new token from the provider, store it and return it.

    Raises Problem (SignIn.Expired) if the provider issues no token, because requests without a token carry an unverified name.
    """
    provider = OpenIdProvider(found.get("issuer", ""), found.get("client_id", ""))
    if found.get("refresh_token"):
        with suppress(Problem):
            tokens = {"refresh_token": found["refresh_token"], **provider.refresh_tokens(found["refresh_token"])}
            if tokens.get("id_token"):
                store_tokens(api_url, provider, tokens)
                return str(tokens["id_token"])
    raise bad_input_problem("SignIn.Expired", "The sign-in has expired.", "Sign in again (`replank login`), or `replank logout`.")


def _keyring() -> Any:
    """The system's keyring; None if no keyring is available, or if REPLANK_KEYRING is 0."""
    if os.environ.get("REPLANK_KEYRING", "1") == "0":
        return None
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        return None
    return keyring if keyring.get_keyring().priority >= 1 else None


def _read_tokens_file() -> Json:
    try:
        found = json.loads(tokens_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_tokens_file(document: Json) -> None:
    """Replace the file with the tokens atomically. Other users can never read the file."""
    where = tokens_file()
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = where.with_name(f".{where.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        fresh.unlink()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
    fresh.replace(where)


def _current_time_s() -> float:
    return time.time()
