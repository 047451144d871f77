"""The command audit: shows who did what through the API, and which requests the API refused."""

from __future__ import annotations

import csv
import sys
from itertools import islice
from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import bad_input_problem
from shared.domain.text import spreadsheet_cell

COLUMNS = (
    *("at", "who", "trust", "issuer", "subject", "door", "act", "target", "before", "after"),
    *("status", "code", "message", "request", "requestId", "entry"),
)


def add_commands(app: typer.Typer) -> None:
    """Add the command audit to the command line."""
    app.command("audit")(show_audit_lines)


def show_audit_lines(  # noqa: PLR0913 - one parameter per option
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, UTC (2026-11-28). Default: six days ago.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, UTC. Default: today.")] = "",
    who: Annotated[str, typer.Option(help="Only acts of the person with this name.")] = "",
    act: Annotated[str, typer.Option(help="Only this kind of act, such as acknowledgeBatch.")] = "",
    target: Annotated[str, typer.Option(help="Only acts on this migration or batch.")] = "",
    refused: Annotated[bool, typer.Option("--refused", help="Only acts that were refused or failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum lines, newest first.")] = 200,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show acts and refused requests, newest first.

    Each line shows the time, the person, how the name was verified, the act, its target and its outcome.
    """
    if as_csv and as_json:
        raise bad_input_problem("Option.Conflict", "--csv and --json cannot be used together.", "Leave one of them out.")
    query = {"from": first, "to": last, "who": who, "act": act, "target": target, "refused": "true" if refused else ""}
    lines = list(islice(ApiClient.from_environment().all_items("/audit", "lines", **query), limit))
    if as_json:
        output.show_json({"lines": lines})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([spreadsheet_cell(line[name]) for name in COLUMNS] for line in lines)
    elif not lines:
        print("Nobody acted in these days.")
    else:
        output.print_table(("at", "who", "trust", "act", "target", "outcome"), map(_audit_row, lines))


def _audit_row(line: dict[str, Any]) -> tuple[Any, ...]:
    outcome = line["code"] or line["after"] or line["status"] or "not recorded"
    return output.time_in_words(line["at"]), line["who"], line["trust"], line["act"], line["target"], outcome
