"""policy: checks a policy file offline, and prints the schema."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The policy of a batch as a YAML or JSON file; works offline.", no_args_is_help=True)
    group.command("check")(check)
    group.command("schema")(schema)
    app.add_typer(group, name="policy")


def check(file: Annotated[Path, typer.Argument(help="YAML or JSON file with one policy.")], as_json: AsJson = False) -> None:
    """Check a policy file: each problem with its line, column and field. Exit status 1 if there is any."""
    from cli.policy_file import look_at  # YAML takes a while to load

    flaws = look_at(file).flaws
    if as_json:
        output.show_json({"valid": not flaws, "problems": [asdict(each) for each in flaws]})
    else:
        for each in flaws:
            print(f"{file}:{each.line}:{each.column}: {each.field}: {each.message}")
        if not flaws:
            print(f"{file} is a valid policy.")
    if flaws:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of a policy (the same as docs/policy.schema.json), for editors and pipelines."""
    from cli.policy_file import SCHEMA

    output.show_json(SCHEMA)
