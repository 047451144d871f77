"""The interface that the request chain needs of every emulated service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.core.access_keys import Key
from localcloud.core.errors import ApiError
from localcloud.core.http import Later, Request, Response


@dataclass(frozen=True)
class Call:
    """A parsed request: the operation, its parameters, and the resources (ARNs).

    ``action`` is RAM's name of the operation (``ecs:DescribeInstances``). It is empty if RAM does not check the call (a health
    check).
    """

    operation: str
    action: str
    resources: tuple[str, ...] = ("*",)
    params: Any = None
    summary: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Service(Protocol):
    """One emulated service. The methods are in the order in which the chain calls them."""

    name: str

    def claims(self, request: Request) -> bool:
        """Whether the request is meant for this service, by its headers and path."""

    def authenticate(self, request: Request) -> Key:
        """The principal that signed the request. Raises ApiError with the service's own code if the signature is invalid."""

    def parse(self, request: Request) -> Call:
        """The operation and its parameters, validated. Raises ApiError."""

    def perform(self, call: Call, caller: Key) -> Response | Later:
        """Carry out the call inside a transaction. Raises ApiError; the transaction is then rolled back."""

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        """The error in this service's wire format, signed if the service signs its answers."""
