"""What the chain asks of every emulated service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.core.access_keys import Key
from localcloud.core.errors import ApiError
from localcloud.core.http import Later, Request, Response


@dataclass(frozen=True)
class Call:
    """A request understood: which operation, with which parameters, on which resources (ARNs).

    ``action`` is RAM's name for it (``ecs:DescribeInstances``), empty where RAM is not asked (a health check).
    """

    operation: str
    action: str
    resources: tuple[str, ...] = ("*",)
    params: Any = None
    summary: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Service(Protocol):
    """One emulated service, in the order in which the chain uses it."""

    name: str

    def claims(self, request: Request) -> bool:
        """Whether the request is meant for this service (by its headers and path)."""

    def authenticate(self, request: Request) -> Key:
        """Who signed the request; raises ApiError with the service's own code for a bad signature."""

    def parse(self, request: Request) -> Call:
        """The operation and its parameters, checked; raises ApiError."""

    def perform(self, call: Call, caller: Key) -> Response | Later:
        """Carry it out, inside a transaction; raises ApiError (the transaction is then rolled back)."""

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        """The error as this service writes it, signed where it signs its answers."""
