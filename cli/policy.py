"""The commands policy set, policy check and policy schema: set a batch's policy, check a file offline, print the schema."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.options import AsJson, BatchId, description
from shared.runtime import requests


def add_commands(app: typer.Typer) -> None:
    """Add the commands policy set, policy check and policy schema to the command line."""
    group = typer.Typer(help="The policy of a batch as a YAML or JSON file.", no_args_is_help=True)
    group.command("set")(set_policy)
    group.command("check")(check_policy)
    group.command("schema")(print_policy_schema)
    app.add_typer(group, name="policy")


def set_policy(
    batch: BatchId,
    file: Annotated[
        Path, typer.Argument(help="YAML or JSON file with the whole policy. A field that is left out gets its default.")
    ],
    why: Annotated[str, typer.Option(help=description(requests.SET_POLICY, "why"))] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replace the policy of a batch. Persons who have already approved the batch must approve it again."""
    from cli.client import ApiClient
    from cli.policy_file import read_policy_file

    wanted, api = read_policy_file(file), ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    if not yes:
        typer.confirm(f"Replace the policy of batch {batch} by the policy in {file}?", abort=True, err=True)
    body: dict[str, Any] = {"policy": wanted, **({"why": why} if why else {})}
    answer = api.post(f"/batches/{batch}/policy", body, seen=found["version"])
    if as_json:
        output.show_json(answer)
        return
    if answer["version"] == found["version"]:
        print(f"Batch {batch} has this policy already.")
        return
    print(f"Batch {batch} has a new policy.")
    for line in api.get(f"/batches/{batch}")["journal"]:
        if line["version"] == answer["version"]:
            for name, value in line["before"].items():
                print(f"  {name}: {value} to {line['after'][name]}")
    if found["acknowledgement"] and wanted.get("automaticRollback"):
        print("Its automatic rollback is now off, because the acknowledgement was for the old policy.")
    if any(each["missing"] for each in answer["approvals"]):
        print(f"Persons have to approve it again: replank approvals {batch}")


def check_policy(file: Annotated[Path, typer.Argument(help="YAML or JSON file with one policy.")], as_json: AsJson = False) -> None:
    """Check a policy file, and print each problem with its line, column and field. The exit status is 1 if there is a problem."""
    from cli.policy_file import parse_policy_file  # YAML loads slowly

    flaws = parse_policy_file(file).flaws
    if as_json:
        output.show_json({"valid": not flaws, "problems": [asdict(each) for each in flaws]})
    else:
        for each in flaws:
            print(f"{file}:{each.line}:{each.column}: {each.field}: {each.message}")
        if not flaws:
            print(f"{file} is a valid policy.")
    if flaws:
        raise typer.Exit(1)


def print_policy_schema() -> None:
    """Print the JSON Schema of a policy, for editors and build pipelines.

    The printed schema is the same as docs/policy.schema.json.
    """
    from cli.policy_file import SCHEMA

    output.show_json(SCHEMA)
