"""HTTP: from the event of Function Compute's HTTP trigger (format v1) to its answer, with what every answer must say."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, unquote

from console.problem import Problem

Json = dict[str, Any]
BASE = "/console"
MOST_BODY = 256 * 1024
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class Request:
    """What the browser asked; ``path`` is below ``/console``, and names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies; none if the header is malformed."""
        try:
            return {name: each.value for name, each in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}

    @property
    def host(self) -> str:
        """As the browser named it."""
        return self.headers.get("host", "")

    @property
    def secure(self) -> bool:
        """Whether cookies may ask for TLS: everywhere but on this machine."""
        return self.host.rpartition(":")[0] not in LOOPBACK and self.host not in LOOPBACK

    def field(self, name: str) -> str:
        """A field of the form, trimmed; empty without one."""
        return (self.form.get(name) or [""])[0].strip()


@dataclass(frozen=True)
class Answer:
    """An answer. ``cookie`` is one Set-Cookie line; the platform's answers have room for one."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookie: str = ""


def read(event: Mapping[str, Any]) -> Request:
    """The request; raises Problem (Request.TooLarge, Request.Malformed)."""
    about = event.get("requestContext", {}).get("http", {})
    path = str(event.get("rawPath") or about.get("path") or "/")
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Request(
        str(about.get("method", "GET")).upper(),
        unquote(path.removeprefix(BASE)) or "/",
        {str(name): str(value) for name, value in (event.get("queryParameters") or {}).items()},
        headers,
        _form(event, headers),
    )


def _form(event: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, list[str]]:
    text = str(event.get("body") or "")
    if len(text) > MOST_BODY:
        raise Problem("Request.TooLarge", "The form is too large.", "Select fewer at once.", status=413)
    if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text, validate=True).decode()
        return parse_qs(text, keep_blank_values=True, max_num_fields=5000)
    except ValueError:
        raise Problem("Request.Malformed", "The form cannot be read.", "Reload the page, and try again.") from None


def response(answer: Answer, request: Request | None = None) -> Json:
    """The answer as the platform takes it; an answer that the browser has already becomes a 304."""
    body = answer.body if isinstance(answer.body, bytes) else answer.body.encode("utf-8", "replace")
    headers = {
        "Content-Type": answer.content_type,
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Vary": "Cookie, Accept-Language",
        **answer.headers,
    }
    if answer.cookie:
        headers["Set-Cookie"] = answer.cookie
    if request is not None and request.method in ("GET", "HEAD") and answer.status == 200 and not answer.cookie:
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return {"statusCode": 304, "headers": headers, "isBase64Encoded": False, "body": ""}
    if request is not None and request.method == "HEAD":
        body = b""
    return {"statusCode": answer.status, "headers": headers, "isBase64Encoded": True, "body": base64.b64encode(body).decode()}


def cookie(name: str, value: str, *, request: Request, seconds: int, strict: bool = True) -> str:
    """One Set-Cookie line; 0 seconds remove the cookie."""
    site = "Strict" if strict else "Lax"
    safe = "; Secure" if request.secure else ""
    return f"{name}={value}; Path={BASE}; Max-Age={seconds}; HttpOnly; SameSite={site}{safe}"


def redirect(where: str, *, cookie: str = "", status: int = 303) -> Answer:
    """Send the browser on."""
    return Answer("", status, headers={"Location": where, "Cache-Control": "no-store"}, cookie=cookie)


def inner(path: str) -> str:
    """A path of the console that somebody gave, else the console's first page: nobody is sent elsewhere."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith(f"{BASE}/") and "//" not in path else f"{BASE}/"
