"""The port of Cloud Assistant, which runs commands inside an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.events import PLAIN_COMMAND


@dataclass(frozen=True)
class CommandResult:
    """The result of a command. ``status`` is Cloud Assistant's, such as Success; ``dropped`` is the number of bytes that Cloud
    Assistant cut off the output.
    """

    status: str
    exit_code: int
    output: bytes
    dropped: int = 0
    problem: str = ""
    ended: bool = True
    """Whether the command has ended. Only ``command_results`` returns commands that still run. These commands have no output yet.
    """
    begun_at: datetime | None = None


@dataclass(frozen=True)
class Agent:
    """The Cloud Assistant agent of an instance. ``alive`` is true if the agent sent a heartbeat in the last two minutes."""

    alive: bool
    heartbeat_at: datetime | None


class Guest(Protocol):
    """The operations of Cloud Assistant.

    Every method raises Transient for throttling and time-outs, Permanent for missing permissions, Refused for all other errors.
    """

    def start_script(  # noqa: PLR0913 - the parameters of RunCommand
        self, region_id: str, instance_id: str, *, os_type: str, script: str, token: str, timeout_s: int, name: str = PLAIN_COMMAND
    ) -> str:
        """Start a shell or PowerShell script as root. Returns the invocation id; the same token returns the same id.

        The event of the command's end carries the command's ``name`` (``events.guest_command_name``). A repeated call must have the
        same name.
        """

    def command_result(self, region_id: str, instance_id: str, invocation_id: str) -> CommandResult | None:
        """The result of an invocation; None while its command runs."""

    def command_results(self, region_id: str, instance_id: str, since: datetime) -> list[CommandResult]:
        """The results of all commands begun on the instance since that time, oldest first. Includes commands that still run."""

    def agents(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, Agent]:
        """The agents by instance id. Takes at most 50 ids."""
