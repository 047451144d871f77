"""The port for Cloud Assistant, which runs commands inside an instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.events import PLAIN_COMMAND
from shared.domain.kept_commands import KeptCall
from shared.domain.record import dataclass


@dataclass(frozen=True)
class CommandResult:
    """The result of a command. The field ``status`` is Cloud Assistant's word, such as Success.

    The field ``dropped`` contains the number of bytes by which Cloud Assistant shortened the output.
    """

    status: str
    exit_code: int
    output: bytes
    dropped: int = 0
    problem: str = ""
    ended: bool = True
    """Whether the command has ended. A command that still runs has no output yet.

    Only the method ``command_results`` returns commands that still run.
    """
    begun_at: datetime | None = None


@dataclass(frozen=True)
class Agent:
    """The Cloud Assistant agent of an instance. The agent is alive if it sent a heartbeat in the last two minutes."""

    alive: bool
    heartbeat_at: datetime | None


@dataclass(frozen=True)
class UnusableCommands:
    """The names of kept commands that cannot be invoked: those that the account lacks, and those with a changed script only."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]


class Guest(Protocol):
    """The operations of Cloud Assistant that the pipeline needs.

    Every method raises Transient for throttling and time-outs, Permanent for missing permissions, and Refused for all other errors.
    """

    def launch_script(  # noqa: PLR0913 - the parameters of RunCommand
        self,
        region_id: str,
        instance_id: str,
        *,
        os_type: str,
        script: str,
        token: str,
        timeout_s: int,
        name: str = PLAIN_COMMAND,
        kept: Callable[[], KeptCall] | None = None,
    ) -> str:
        """Start a shell script as root, or a PowerShell script. Returns the invocation id. A repeated call with the same token
        returns the same id.

        The event at the command's end contains the name of the command, which ``events.guest_command_name`` makes. A repeated call
        must name the command in the same way.

        If the deployment uses kept commands and ``kept`` is given, the kept command is invoked in place of the script. It has a
        name of its own. Raises Transient (Command.NotKept) if the account does not keep the command, or only with another script
        than its name says.
        """

    @property
    def keeps_commands(self) -> bool:
        """Whether the deployment invokes commands that the account keeps, where it can."""

    def commands_not_kept(self, region_id: str, names: Callable[[], Sequence[str]]) -> tuple[str, ...]:
        """Those of the named commands that the account does not keep in the region. Empty, without a call, if the deployment runs
        every script with RunCommand.
        """

    def unusable_commands(self, region_id: str, names: Sequence[str]) -> UnusableCommands:
        """Those of the named commands that cannot be invoked in the region now. Lists the account's commands again.

        Only for a deployment that keeps commands.
        """

    def check_run_command_role(self) -> bool:
        """Assume the separate role for RunCommand again. Returns whether the deployment has such a role in the account.

        Raises Permanent (Command.RoleRefused) if the role cannot be assumed.
        """

    def command_result(self, region_id: str, instance_id: str, invocation_id: str) -> CommandResult | None:
        """The result of the command with this invocation id; None while the command runs."""

    def command_results(self, region_id: str, instance_id: str, since: datetime) -> list[CommandResult]:
        """The results of all commands that began on the instance at or after the given time, oldest first.

        Commands that still run are included.
        """

    def agents_by_instance_id(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, Agent]:
        """Maps each of these instance ids to the instance's Cloud Assistant agent. Takes at most 50 ids."""
