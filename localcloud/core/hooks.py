"""The hooks by which the services of one account use each other. Each service registers what it offers.

A hook is None if the account has no such service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from localcloud.core.http import Request
from localcloud.core.service import Call

Json = dict[str, Any]
Offer = TypeVar("Offer")


class PutEvent(Protocol):
    """EventBridge: put a checked event on the bus that the event names. Returns the trace id."""

    def __call__(self, event: Json, /) -> str: ...


class InvokeFunction(Protocol):
    """Function Compute: accept an asynchronous invocation. Returns its request id."""

    def __call__(self, name: str, payload: bytes, info: Json) -> str: ...


class Answered(Protocol):
    """The result of a synchronous invocation. ``error`` is empty on success."""

    @property
    def body(self) -> bytes: ...
    @property
    def error(self) -> str: ...


class CallFunction(Protocol):
    """Function Compute: run a function and wait for it. Returns None if the function takes longer than ``patience_s``."""

    def __call__(self, name: str, payload: bytes, source: str, patience_s: float) -> Answered | None: ...


class LoadFleet(Protocol):
    """ECS: add the instances of a document. Returns how many."""

    def __call__(self, document: Json) -> int: ...


class SmcImport(Protocol):
    """SMC: the client in a guest imports its instance with a token. Returns the source's id."""

    def __call__(self, instance_id: str, token_id: str, code: str) -> str: ...


class PlanDelivery(Protocol):
    """For tests: when the copies of an event reach a rule's target, in ms from now. An empty list means that the event is lost."""

    def __call__(self, event: Json, rule: str, target: str, /) -> Iterable[int]: ...


class CheckCall(Protocol):
    """Checks a call. Raises ApiError if the service must not carry out the call."""

    def __call__(self, service: str, call: Call, /) -> None: ...


class Administer(Protocol):
    """Handles one request of a service's administration. Returns status and body."""

    def __call__(self, request: Request) -> tuple[int, Any]: ...


class SmcOnEcs(Protocol):
    """What SMC may do to instances, without the checks that other callers must pass. Every ``id`` is an instance's."""

    def setting(self, name: str, default: Any) -> Any: ...
    def exists(self, id: str) -> bool: ...
    def source(self, id: str) -> Json: ...
    def ready(self, id: str) -> str: ...
    def booting(self, id: str) -> bool: ...
    def silent(self, id: str) -> bool: ...
    def set_busy(self, id: str, reason: str, *, failed: bool = False) -> None: ...
    def takes_drill(self, id: str) -> bool: ...
    def snapshot_states(self, ids: list[str]) -> set[str]: ...
    def attach_transit(self, id: str) -> str: ...
    def drop_transit(self, disk_id: str) -> None: ...
    def restart(self, id: str, agent_after_ms: int) -> None: ...
    def replace_system(self, id: str, target: str) -> None: ...
    def snapshot_disks(self, id: str, prefix: str) -> list[str]: ...
    def put_back(self, id: str, snapshots: list[str]) -> bool: ...


@dataclass
class Hooks:
    """All hooks of one account."""

    strict: bool = True
    """Whether unknown parameters are refused."""
    emit_event: Callable[[Json], None] | None = None
    """EventBridge: publish an event of a cloud service on the default bus."""
    put_event: PutEvent | None = None
    invoke_function: InvokeFunction | None = None
    call_function: CallFunction | None = None
    ecs: SmcOnEcs | None = None
    load_fleet: LoadFleet | None = None
    smc_import: SmcImport | None = None
    resource_tags: Callable[[str], dict[str, str]] | None = None
    """ECS: the tags of the disk with this ARN, which policies may name in conditions; empty for every other ARN."""
    plan_delivery: PlanDelivery | None = None
    check_call: CheckCall | None = None
    inventory_parts: list[Callable[[], Json]] = field(default_factory=list)
    """Functions of other services whose results are added to the inventory that the administration shows."""
    admin: dict[str, Administer] = field(default_factory=dict)
    """The handlers by the last part of the path ``/_localcloud/NAME``."""


def offered(hook: Offer | None) -> Offer:
    """The hook itself. Raises LookupError if the account has no such service."""
    if hook is None:
        raise LookupError("This account has no such service.")
    return hook
