"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import states
from cli.problem import bad_input_problem

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="Id of a batch, as `replank submit` or `replank status` shows it.")]
MIGRATION_HELP = "Id of a migration. Or id of an instance that has only one migration to which the command can apply."
MigrationId = Annotated[str, typer.Argument(metavar="MIGRATION", help=MIGRATION_HELP)]


def require_known_state(state: str) -> None:
    """Raise Problem (Option.Invalid) unless migrations have a state of this name."""
    if state not in states.ALL:
        raise bad_input_problem(
            "Option.Invalid", f"{state!r} is not a state of a migration.", f"The states are {', '.join(states.ALL)}."
        )


def description(schema: dict[str, Any], field: str) -> str:
    """What the API's schema of a request says about a field, as the help of the option that sends it."""
    return str(schema["properties"][field]["description"])
