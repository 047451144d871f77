"""The signature of requests to API Gateway (classic): HmacSHA256 with an app's secret, and the string to sign.

Source: alibabacloud.com/help, "Request signatures" of API Gateway. The string has the method, Accept, Content-MD5, Content-Type and
Date, one per line, empty or not. Then come the headers that X-Ca-Signature-Headers names, then the path with the sorted parameters
of query and form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

from localcloud.core.http import Request

FORM = "application/x-www-form-urlencoded"
_PLAIN = ("accept", "content-md5", "content-type", "date")
_NEVER = {*_PLAIN, "x-ca-signature", "x-ca-signature-headers"}


def signature(secret: str, text: str) -> str:
    """The signature of a string to sign."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def content_md5(body: bytes) -> str:
    """The value of Content-MD5 for a body."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def string_to_sign(request: Request) -> str:
    """The string that the caller must have signed."""
    headers = request.headers
    lines = [request.method, *(headers.get(name, "") for name in _PLAIN)]
    named = [each.strip() for each in headers.get("x-ca-signature-headers", "").split(",") if each.strip()]
    lines += [f"{name}:{headers.get(name.lower(), '')}" for name in sorted(named) if name.lower() not in _NEVER]
    return "\n".join([*lines, _resource(request)])


def _resource(request: Request) -> str:
    """Path and parameters. If a name is given twice, its first value counts. An empty value is written as the name alone."""
    given = list(request.query)
    if request.headers.get("content-type", "").lower().startswith(FORM):
        given += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    first: dict[str, str] = {}
    for name, value in given:
        first.setdefault(name, value)
    listed = "&".join(f"{name}={value}" if value else name for name, value in sorted(first.items()))
    return f"{request.path}?{listed}" if listed else request.path
