"""The HTTP API as one person uses it: their token goes with every call, and the API decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from console.http import Send
from console.problem import Problem
from console.signature import Credentials, authorization

Json = dict[str, Any]
VERSION = "/v1"
PER_PAGE = 100
"""Rows of a page of a list, if all pages are read."""


@dataclass
class PersonApi:
    """The API at ``url``. ``token`` verifies the person's name; without one ``person`` is the name that is claimed."""

    url: str
    role: Credentials
    send: Send
    now: Callable[[], float]
    token: str = field(default="", repr=False)
    person: str = ""
    language: str = ""
    """The reader's language. The API answers in it; empty: in English."""
    held: str = ""
    """Why everything is held, as the last answer said; empty if nothing is."""

    def get(self, path: str, **query: Any) -> Any:
        """A question; parameters that are empty are left out."""
        return self._call("GET", path, {name: str(value) for name, value in query.items() if value not in ("", None)}, None, 0)

    def post(self, path: str, body: Json | None = None, *, seen: int = 0) -> Any:
        """An act; ``seen`` is the version that the person saw."""
        return self._call("POST", path, {}, body, seen)

    def pages(self, path: str, items: str, most: int, **query: Any) -> Iterator[Json]:
        """Up to ``most`` pages of a list, each with its items and the token of the next."""
        token = str(query.pop("nextToken", ""))
        for _ in range(most):
            page: Json = self.get(path, **query, limit=PER_PAGE, nextToken=token)
            yield {"items": page[items], "nextToken": page["nextToken"]}
            token = page["nextToken"]
            if not token:
                return

    def _call(self, method: str, path: str, query: Mapping[str, str], body: Json | None, seen: int) -> Any:
        url = self.url + VERSION + path
        headers = self._headers(method, urlsplit(url).path, query) | ({"if-match": f'"{seen}"'} if seen else {})
        try:
            answer = self.send(
                method, f"{url}?{urlencode(query)}" if query else url, headers, b"" if body is None else json.dumps(body).encode()
            )
        except OSError as error:
            remedy = "Nothing is known of what the call did: look before you repeat it. Check REPLANK_API_URL and the network."
            raise Problem("Api.Unreachable", f"The API does not answer: {error}.", remedy, status=502) from error
        self.held = _hold(answer.headers)
        found = _parsed(answer.body)
        if answer.status >= 400 or found is None:
            raise _refusal(answer.status, found)
        return found

    def _headers(self, method: str, path: str, query: Mapping[str, str]) -> dict[str, str]:
        signed = {"x-acs-date": datetime.fromtimestamp(self.now(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if self.role.token:
            signed["x-acs-security-token"] = self.role.token
        more = {"content-type": "application/json", "accept": "application/json"}
        if self.language:
            more["accept-language"] = self.language
        who = {"x-replank-token": self.token} if self.token else {}
        if self.person and not self.token:
            who = {"x-replank-operator": quote(self.person, safe=" @")}
        return {**signed, **more, **who, "authorization": authorization(method, path, query, signed, self.role)}


def _hold(headers: Mapping[str, str]) -> str:
    try:
        return str(json.loads(headers.get("x-replank-hold", '""')))
    except ValueError:
        return headers["x-replank-hold"]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _refusal(status: int, answer: Any) -> Problem:
    """The API's own code, sentence and remedy."""
    given = answer if isinstance(answer, dict) else {}
    code = str(given.get("Code") or f"Http.{status}")
    message = str(given.get("Message") or f"The API answered {status}, and not as the API does.")
    remedy = str(given.get("Recommend") or "Check REPLANK_API_URL, and look at the log of replank-api.")
    return Problem(code, message, remedy, status=status if status >= 400 else 502, request_id=str(given.get("RequestId", "")))
