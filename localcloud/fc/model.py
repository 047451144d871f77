"""What a function is, what an invocation asks for and how it ends. Values only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from localcloud.core.access_keys import Key

HANDLED, UNHANDLED = "HandledInvocationError", "UnhandledInvocationError"


@dataclass(frozen=True)
class Trigger:
    """``config`` is the trigger's configuration as s.yaml gives it, checked by the deployment."""

    name: str
    type: str
    config: dict[str, Any] = field(default_factory=dict)
    qualifier: str = "LATEST"


@dataclass(frozen=True)
class AsyncPolicy:
    """How asynchronous invocations are retried, and where the hopeless ones (and the good ones) are reported (ARNs)."""

    max_retries: int = 3
    max_age_s: int = 18_000
    on_failure: str = ""
    on_success: str = ""


@dataclass(frozen=True)
class Function:
    """One function. ``code`` lists the folders put before everything else on ``sys.path``; ``role`` is a RAM role's name.

    If ``package`` is not empty, ``code`` is one zip and ``package`` its digest. Such a function sees nothing but the zip and the
    standard library of its runtime. ``cpu`` is 0 if nobody chose it; ``log`` is the log configuration as s.yaml gives it.
    """

    name: str
    handler: str
    code: tuple[str, ...]
    initializer: str = ""
    runtime: str = "python3.10"
    memory_mb: int = 512
    timeout_s: int = 3
    initializer_timeout_s: int = 3
    role: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    async_policy: AsyncPolicy = field(default_factory=AsyncPolicy)
    description: str = ""
    package: str = ""
    cpu: float = 0.0
    disk_mb: int = 512
    internet: bool = True
    log: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form it is stored in."""
        return asdict(self)

    @staticmethod
    def from_json(doc: dict[str, Any]) -> Function:
        """The opposite of ``as_json``."""
        triggers = tuple(Trigger(**each) for each in doc["triggers"])
        return Function(
            **{**doc, "code": tuple(doc["code"]), "triggers": triggers, "async_policy": AsyncPolicy(**doc["async_policy"])}
        )


@dataclass(frozen=True)
class Invocation:
    """One run of a function. ``now`` is the cloud's time (ISO 8601 with milliseconds), empty where time is real."""

    request_id: str
    payload: bytes
    key: Key | None
    region: str
    account_id: str
    now: str = ""


@dataclass(frozen=True)
class Result:
    """How an invocation ended. ``error`` is empty on success, else HANDLED or UNHANDLED with the error object in ``body``."""

    body: bytes
    error: str = ""
    log: str = ""
    took_ms: float = 0.0


def failure(message: str) -> Result:
    """The result of an invocation that the platform ended (time-out, exit): a message, without a type or a stack."""
    return Result(json.dumps({"errorMessage": message}).encode(), UNHANDLED)
