"""Cookies that only this deployment can have made, and the token that shows that a form is ours.

Nothing is kept in the function: the cookie holds the person's own token, signed so that nobody can put another's together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any

Json = dict[str, Any]
SESSION, SIGN_IN, LANGUAGE, DONE = "replank_session", "replank_sign_in", "replank_language", "replank_done"
LONGEST_S = 8 * 3600
"""A session ends with the person's token, and after this time at the latest."""
DONE_S = 60
"""Seconds in which the page that follows an act says what was done."""
LARGEST = 3800
"""Browsers drop a cookie of more than 4,096 bytes."""


@dataclass(frozen=True)
class Session:
    """Who is signed in: by ``token``, or (on a cloud of this machine) under a claimed ``name``."""

    name: str
    until: int
    nonce: str
    token: str = ""


def sealed(value: Json, key: bytes, purpose: str) -> str:
    """The value with its signature; one made for another purpose does not open."""
    text = base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"{text}.{_signature(text, key, purpose)}"


def opened(text: str, key: bytes, purpose: str) -> Json:
    """The value; empty if the signature is wrong."""
    body, _, signature = text.partition(".")
    if not body or not hmac.compare_digest(signature.encode(), _signature(body, key, purpose).encode()):
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def session_of(cookies: dict[str, str], key: bytes, now: float) -> Session | None:
    """The session of a request; None without one, or if it is over."""
    found = opened(cookies.get(SESSION, ""), key, SESSION)
    try:
        session = Session(**found)
    except TypeError:
        return None
    return session if session.until > now else None


def text_of(session: Session, key: bytes) -> str:
    """The session as its cookie holds it."""
    return sealed(asdict(session), key, SESSION)


def form_token(session: Session, key: bytes) -> str:
    """What every form of this session carries."""
    return _signature(f"{session.nonce}.{session.name}", key, "form")


def done_mark(session: Session, page: str, act: str, key: bytes, now: float) -> str:
    """What an act leaves for the page that follows, so that it says once what was done."""
    return sealed({"act": act, "page": page, "nonce": session.nonce, "until": int(now + DONE_S)}, key, DONE)


def is_marked(mark: str, session: Session, page: str, act: str, key: bytes, now: float) -> bool:
    """Whether this session has just done this act, and this page is the one that follows."""
    found = opened(mark, key, DONE)
    asked = {"act": act, "page": page, "nonce": session.nonce}
    return {**found, "until": 0} == {**asked, "until": 0} and float(found["until"]) > now


def is_ours(given: str, session: Session, key: bytes) -> bool:
    """Whether a form is one that this session was shown."""
    return hmac.compare_digest(given.encode(), form_token(session, key).encode())


def _signature(text: str, key: bytes, purpose: str) -> str:
    return hmac.new(key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()
