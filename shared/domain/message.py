"""The input and the result of a stage, as plain values."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from shared.domain.record import dataclass


@dataclass(frozen=True)
class Message:
    """One event, timer or notice that a function receives. The field ``type`` is the CloudEvents type. For a timer, ``type`` is
    ``timer`` and ``data`` holds the timer's payload.
    """

    type: str
    event_id: str
    source: str
    data: dict[str, Any]
    at: datetime | None = None
    region_id: str = ""
    account_id: str = ""
    """The account that the event names; empty if the event names no account."""
    request_id: str = ""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a stage's work on one message. The field ``result`` is done, stale, waiting or refused; if a person asks a
    function to check something, it is JSON with what was found. The log line of the invocation contains ``facts``.
    """

    result: str
    facts: dict[str, Any] = field(default_factory=dict)
