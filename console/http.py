"""One HTTP request at a time, with nothing but the standard library; a connection is kept while a page is made."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_S = 25


@dataclass(frozen=True)
class Response:
    """An answer; ``headers`` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[str, str, Mapping[str, str], bytes], Response]
"""``send(method, url, headers, body)``; raises OSError if nothing answers."""


class Connections:
    """The connections of one request to the console, one per host."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Send; only a question is sent again, and only if a kept connection turns out to be closed. Raises OSError."""
        where = urlsplit(url)
        kept = (where.scheme, where.netloc) in self._kept
        try:
            return self._send(method, url, headers, body)
        except (http.client.HTTPException, ConnectionError) as error:
            self.close()
            if kept and method == "GET":
                return self._send(method, url, headers, body)
            raise OSError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close them all."""
        for each in self._kept.values():
            each.close()
        self._kept.clear()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        where = urlsplit(url)
        place = (where.scheme, where.netloc)
        if place not in self._kept:
            made = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
            self._kept[place] = made(where.netloc, timeout=TIMEOUT_S)
        connection = self._kept[place]
        target = where.path + (f"?{where.query}" if where.query else "")
        connection.request(method, target or "/", body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
