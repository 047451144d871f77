"""Requests to API Gateway, signed as its documentation says. This code is independent of the emulation, and the two must agree."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.support.signing_time import signing_time

Json = dict[str, Any]
_numbers = itertools.count()


@dataclass
class GatewayClient:
    """An app that calls a group of APIs at ``url``."""

    url: str
    key: str
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def signed(self, method: str, path: str, body: bytes = b"", *, minutes_ago: float = 0, **more: str) -> requests.Request:
        """The request with its signature. ``more`` are headers (``_`` for ``-``) that are set before signing."""
        stamp = datetime.fromisoformat(signing_time(minutes_ago=minutes_ago).replace("Z", "+00:00"))
        headers = {
            "accept": "application/json",
            "x-ca-key": self.key,
            "x-ca-nonce": f"nonce-{next(_numbers)}",
            "x-ca-timestamp": str(round(stamp.timestamp() * 1000)),
            **({"content-type": "application/json", "content-md5": _md5(body)} if body else {}),
            **self.headers,
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        named = sorted(name for name in headers if name.startswith("x-ca-"))
        headers["x-ca-signature-headers"] = ",".join(named)
        parts = urlsplit(self.url + path)
        query = sorted(dict(parse_qsl(parts.query, keep_blank_values=True)).items())
        resource = parts.path + ("?" + "&".join(f"{name}={value}" if value else name for name, value in query) if query else "")
        fields = [method, *(headers.get(name, "") for name in ("accept", "content-md5", "content-type", "date"))]
        text = "\n".join([*fields, *(f"{name}:{headers[name]}" for name in named), resource])
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        headers["x-ca-signature"] = base64.b64encode(digest).decode()
        return requests.Request(method, self.url + path, headers=headers, data=body)

    def send(self, method: str, path: str, body: Json | None = None, **more: Any) -> requests.Response:
        """Sign and send a request. Returns the answer."""
        return sent(self.signed(method, path, b"" if body is None else json.dumps(body).encode(), **more))


def sent(request: requests.Request) -> requests.Response:
    """Send a request unchanged. Returns the answer."""
    with requests.Session() as session:
        session.trust_env = False
        return session.send(request.prepare(), timeout=30)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
