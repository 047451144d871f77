"""The errors if an account does not keep a command that a migration needs."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.errors import Refused, Transient


def missing_command_error(account_id: str, region_id: str, name: str) -> Transient:
    """The error of a stage that needs the command now. The stage waits, and goes on once the account keeps the command."""
    return Transient(
        "Command.NotKept",
        f"Account {account_id} keeps no command {name} with Replank's script in {region_id}.",
        f"Run `replank bootstrap --commands` with REPLANK_REGIONS={region_id} and a key of account {account_id}; then retry "
        "what has failed. Or set the stack's FreeCommands to * and REPLANK_COMMANDS to run, and deploy.",
    )


def too_many_commands_error(account_id: str, region_id: str) -> Transient:
    """The error of a stage that cannot list all commands of the account, so that none may be called missing."""
    return Transient(
        "Command.NotKept",
        f"Account {account_id} keeps too many commands for Replank in {region_id} to list them all.",
        f"In {region_id}, delete commands of older versions that no migration needs.",
    )


def missing_command_refusal(account_id: str, region_id: str, names: Sequence[str]) -> Refused:
    """The refusal of a precheck, because the migration would need these commands later."""
    message = f"Account {account_id} lacks {len(names)} kept commands in {region_id}; the first is {names[0]}."
    return Refused("Command.NotKept", message, missing_command_error(account_id, region_id, names[0]).remedy)


def changed_command_refusal(account_id: str, region_id: str, names: Sequence[str]) -> Refused:
    """The error if commands have other scripts than their names say, so that no function invokes them."""
    return Refused(
        "Command.ScriptChanged",
        f"Account {account_id} keeps {len(names)} commands in {region_id} with other scripts than Replank's; the first is "
        f"{names[0]}.",
        f"Find out who changed them, and delete them. Then run `replank bootstrap --commands` with REPLANK_REGIONS={region_id} and "
        f"a key of account {account_id}.",
    )
