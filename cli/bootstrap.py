"""The command bootstrap: creates the event bus, because ROS cannot create one, and on request the kept commands.

A second run of the command changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import output
from cli.kept_commands import KeptCommand, create_missing_commands
from cli.options import AsJson
from cli.sdk_account import OperatorAccount, problem_from_error

WithCommands = Annotated[
    bool,
    typer.Option(
        "--commands", help="Create the commands that REPLANK_COMMANDS=kept needs, in each of REPLANK_REGIONS, instead of the bus."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the command bootstrap to the command line."""
    app.command("bootstrap")(bootstrap_account)


def bootstrap_account(commands: WithCommands = False, as_json: AsJson = False) -> None:
    """Create the event bus if it is missing. After `replank bootstrap`, deploy template.yml with ROS and s.yaml with `s deploy`."""
    account = OperatorAccount.from_environment()
    if commands:  # a member account has no bus, and the key of its operator need not be allowed to create one
        made = _create_commands(account)
        if as_json:
            output.show_json({"commands": [asdict(each) for each in made]})
            return
        for each in made:
            how = "created" if each.created else "existed already"
            why = ", because the one there has another script" if each.changed else ""
            print(f"Command {each.name} in {each.region}: {how}{why}.")
        return
    created = create_bus_if_missing(account)
    if as_json:
        output.show_json({"bus": account.bus, "created": created})
        return
    print(f"Event bus {account.bus}: {'created' if created else 'existed already'}.")


def _create_commands(account: OperatorAccount) -> list[KeptCommand]:
    from Tea.exceptions import TeaException

    try:
        return create_missing_commands(account)
    except TeaException as error:
        raise problem_from_error(error, "ECS") from None


def create_bus_if_missing(account: OperatorAccount) -> bool:
    """Create the event bus. Returns False if the bus existed already. Raises Problem with EventBridge's error code."""
    from alibabacloud_eventbridge import models
    from Tea.exceptions import TeaException

    request = models.CreateEventBusRequest(event_bus_name=account.bus, description="Replank: events of migrations")
    try:
        answer: Any = account.eventbridge_client().create_event_bus(request)
    except TeaException as error:
        if "EventBusExist" in str(error.code) or "already exist" in str(error.message):
            return False
        raise problem_from_error(error, "EventBridge") from None
    code = getattr(answer, "code", "") or ""
    if code and code not in ("Success", "200"):
        if code == "EventBusExist":
            return False
        raise problem_from_error(RuntimeError(f"{code}: {getattr(answer, 'message', '')}"), "EventBridge")
    return True
