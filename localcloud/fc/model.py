"""Values that describe a function, an invocation and its result. Values only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from localcloud.core.access_keys import Key

HANDLED, UNHANDLED = "HandledInvocationError", "UnhandledInvocationError"


@dataclass(frozen=True)
class Trigger:
    """A trigger. ``config`` is its configuration from s.yaml, which the deployment has checked."""

    name: str
    type: str
    config: dict[str, Any] = field(default_factory=dict)
    qualifier: str = "LATEST"


@dataclass(frozen=True)
class AsyncPolicy:
    """How asynchronous invocations are retried, and the destinations (ARNs) that are told of failed and of successful ones."""

    max_retries: int = 3
    max_age_s: int = 18_000
    on_failure: str = ""
    on_success: str = ""


@dataclass(frozen=True)
class Function:
    """One function. The folders in ``code`` come first on ``sys.path``. ``role`` is a RAM role's name.

    If ``package`` is not empty, ``code`` is one zip and ``package`` is its digest. Such a function sees only the zip and the
    standard library of its runtime. ``cpu`` is 0 if the deployment does not set it. ``log`` is the log configuration from s.yaml.
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
        """The function as JSON, for storage."""
        return asdict(self)

    @staticmethod
    def from_json(doc: dict[str, Any]) -> Function:
        """The function that ``as_json`` made this JSON from."""
        triggers = tuple(Trigger(**each) for each in doc["triggers"])
        return Function(
            **{**doc, "code": tuple(doc["code"]), "triggers": triggers, "async_policy": AsyncPolicy(**doc["async_policy"])}
        )


@dataclass(frozen=True)
class Invocation:
    """One run of a function. ``now`` is the cloud's time (ISO 8601 with milliseconds); it is empty if the clock is real."""

    request_id: str
    payload: bytes
    key: Key | None
    region: str
    account_id: str
    now: str = ""


@dataclass(frozen=True)
class Result:
    """The result of an invocation. ``error`` is empty on success. Otherwise it is HANDLED or UNHANDLED, and ``body`` is the error
    object.
    """

    body: bytes
    error: str = ""
    log: str = ""
    took_ms: float = 0.0


def failure(message: str) -> Result:
    """The result of an invocation that the platform ended (time-out, exit). It has a message, but no type and no stack."""
    return Result(json.dumps({"errorMessage": message}).encode(), UNHANDLED)
