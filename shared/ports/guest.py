"""The inside of an instance, through Cloud Assistant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: ``status`` as Cloud Assistant says it (Success, Failed, Timeout ...); ``dropped`` bytes were cut."""

    status: str
    exit_code: int
    output: bytes
    dropped: int = 0
    problem: str = ""
    ended: bool = True
    """False for a command in ``outputs`` that still runs and has no output yet."""
    begun_at: datetime | None = None


@dataclass(frozen=True)
class Agent:
    """Cloud Assistant on one instance; ``alive`` means a heartbeat in the last two minutes."""

    alive: bool
    heartbeat_at: datetime | None


class Guest(Protocol):
    """Raises Transient for throttling and time-outs, Permanent for missing permissions, Refused for the rest."""

    def run(self, region_id: str, instance_id: str, *, os_type: str, script: str, token: str, timeout_s: int) -> str:
        """Start a script (shell or PowerShell) as root; returns the invocation id. The same token returns the same invocation."""

    def result(self, region_id: str, instance_id: str, invocation_id: str) -> CommandResult | None:
        """The result of a command; None while it runs."""

    def outputs(self, region_id: str, instance_id: str, since: datetime) -> list[CommandResult]:
        """Every command begun on the instance since that time, oldest first; some may still run."""

    def agents(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, Agent]:
        """The agents by instance id; at most 50 ids."""
