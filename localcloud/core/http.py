"""Requests and responses as plain values, so that the cloud works with a socket or without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    ``target`` is the target in the request line as sent (path and query, still encoded). The names in ``headers`` are in lower
    case.
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
        """The decoded names and values of the query, in the order sent. Empty values are kept."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass
class Response:
    """One HTTP answer; the server adds Content-Length and Date."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold_s: float = 0.0
    """A fault: the seconds that the server waits before it sends the answer. A simulation without a socket does not wait."""

    def held(self, hold_s: float) -> Response:
        return replace(self, hold_s=hold_s)


@dataclass(frozen=True)
class Later:
    """An answer that depends on a running function. ``wait`` blocks until the function ends; the caller must not hold the cloud's
    lock.
    """

    wait: Callable[[], Response]

    def held(self, hold_s: float) -> Later:
        return Later(lambda: self.wait().held(hold_s))
