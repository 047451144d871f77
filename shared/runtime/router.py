"""Finds the API operation for a method and a path.

The router is only a table and a short function. A web framework would slow down the start of the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Protocol
from urllib.parse import unquote

from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.record import dataclass
from shared.domain.roles import AccessRules
from shared.ports.ports import Ports


class PriceSettings(Protocol):
    """The settings from which the API computes the cost of snapshots."""

    @property
    def snapshot_price(self) -> float: ...

    @property
    def currency(self) -> str: ...


@dataclass(frozen=True)
class ApiCall:
    """A request to the API as an operation receives it, with checked parameters and a checked body."""

    ports: Ports
    prices: PriceSettings
    """The settings in force. Almost all operations use only the prices."""
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    caller: Caller
    access: AccessRules = field(default_factory=AccessRules)
    account: str = ""
    """The id of the deployment's own account."""
    sign_in: tuple[str, str] = ("", "")
    """The issuer of the OpenID Connect provider, and the client id to use there.

    The issuer and the client id are empty if there is no provider.
    """
    seen: int = 0
    """The version of the act's target that the operator saw; 0 on routes that do not require If-Match."""
    accept: str = ""


@dataclass(frozen=True)
class Reply:
    """The answer of an operation. ``view`` is sent as JSON, or unchanged if it is a string."""

    view: object
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """One operation of the API, with everything that the OpenAPI document says about the operation."""

    method: str
    path: str
    name: str
    summary: str
    call: Callable[[ApiCall], Reply]
    answer: str
    """The class of the answer, as ``module.Class`` in shared/stages/api. Only the OpenAPI document imports all these classes."""
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    act: bool = False
    """Whether the operation is an act of an operator. An act requires a token, or the header with the operator's name."""
    personal: bool = False
    """Whether the answer depends on the caller.

    An operation whose answer depends on the caller requires the caller's name or token, although the operation changes nothing.
    """
    on_version: bool = False
    """Whether the header If-Match is required. If-Match holds the version of the target that the operator saw."""
    created: bool = False
    """Whether the operation may also answer with status 201."""
    csv: bool = False
    """Whether the operation can also answer with text/csv."""
    html: bool = False
    """Whether the operation can also answer with text/html."""
    refusals: tuple[int, ...] = ()
    """The error statuses of this operation, in addition to the statuses that every operation may return."""

    @property
    def path_parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def matching_route(routes: tuple[Route, ...], method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and the parameters in the request's path. Raises Refused (Route.NotFound, Method.NotAllowed)."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    matching = [(route, found) for route in routes if (found := _path_parameters(route.path, parts)) is not None]
    if not matching:
        raise Refused("Route.NotFound", "The API has no such path.", "GET /openapi.json lists all paths.", status=404)
    for route, found in matching:
        if route.method == method:
            return route, found
    methods = {route.method for route, _ in matching}
    raise MethodNotAllowed(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


class MethodNotAllowed(Refused):
    """Raised if the API has routes with the request's path, but no route with the request's method."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(
            "Method.NotAllowed", f"Only {', '.join(allowed)} is allowed at this path.", "Use another method.", status=405
        )
        self.allowed = allowed


def _path_parameters(pattern: str, parts: list[str]) -> dict[str, str] | None:
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
