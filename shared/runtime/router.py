"""Routes: finds the operation for a method and a path.

It is a table and a dozen lines, because a framework would cost start-up time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.roles import Access
from shared.ports.ports import Ports


class Prices(Protocol):
    """The settings that the API shows."""

    @property
    def snapshot_price(self) -> float: ...

    @property
    def currency(self) -> str: ...


@dataclass(frozen=True)
class Call:
    """One checked request, in the form that an operation receives."""

    ports: Ports
    prices: Prices
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    caller: Caller
    access: Access = field(default_factory=Access)
    account: str = ""
    """The id of the deployment's own account."""
    sign_in: tuple[str, str] = ("", "")
    """Issuer and client id of the provider."""
    seen: int = 0
    """The version that the operator saw of the act's target; only on routes that require it."""
    accept: str = ""


@dataclass(frozen=True)
class Reply:
    """The answer of an operation: a view (JSON), or text of another type."""

    view: object
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """One operation of the API, with everything that its documentation needs."""

    method: str
    path: str
    name: str
    summary: str
    call: Callable[[Call], Reply]
    answer: type | None
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    act: bool = False
    """An act of an operator: the header with the operator's name is required."""
    personal: bool = False
    """The answer is about the caller, so a name or a token is required although nothing changes."""
    on_version: bool = False
    """An act on what the operator saw: the header If-Match with its version is required."""
    created: bool = False
    """May also answer 201."""
    csv: bool = False
    """Also answers text/csv."""
    html: bool = False
    """Also answers text/html."""
    refusals: tuple[int, ...] = ()
    """Statuses of its refusals other than 400, 401, 403, 413, 500 and 503."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the path's parameters."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def find(routes: tuple[Route, ...], method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and its path parameters; raises Refused (Route.NotFound, Method.NotAllowed)."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    matching = [(route, found) for route in routes if (found := _match(route.path, parts)) is not None]
    if not matching:
        raise Refused("Route.NotFound", "There is nothing at this path.", "GET /openapi.json lists what there is.", status=404)
    for route, found in matching:
        if route.method == method:
            return route, found
    methods = {route.method for route, _ in matching}
    raise MethodNotAllowed(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


class MethodNotAllowed(Refused):
    """The path exists, but not with this method."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("Method.NotAllowed", f"Only {', '.join(allowed)} is possible here.", "Use another method.", status=405)
        self.allowed = allowed


def _match(pattern: str, parts: list[str]) -> dict[str, str] | None:
    wanted = pattern.strip("/").split("/")
    if len(wanted) != len(parts):
        return None
    found = {}
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith("{"):
            found[want[1:-1]] = part
        elif want != part:
            return None
    return found
