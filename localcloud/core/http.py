"""Requests and responses as plain values, so that a socket is only one way to bring them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    ``target`` is the request line's target as sent (path and query, still encoded); ``headers`` have lower-case names.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as sent, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's decoded names and values, in the order sent; empty values are kept."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass
class Response:
    """One HTTP answer; the server adds Content-Length and Date."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold_s: float = 0.0
    """A fault: the server holds the answer back so long. Without a socket nobody waits."""

    def held(self, hold_s: float) -> Response:
        return replace(self, hold_s=hold_s)


@dataclass(frozen=True)
class Later:
    """An answer that depends on a running function: ``wait`` blocks for it, and is called without the cloud's lock."""

    wait: Callable[[], Response]

    def held(self, hold_s: float) -> Later:
        return Later(lambda: self.wait().held(hold_s))
