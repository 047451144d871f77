"""The commands snapshots and sweep: list the snapshots with their cost, and delete those whose retention is over."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import option_without_effect_problem

Json = dict[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add the commands snapshots and sweep to the command line."""
    app.command("snapshots")(list_snapshots)
    app.command("sweep")(sweep_snapshots)


def kept_snapshots(api: ApiClient) -> tuple[list[Json], str]:
    """Every snapshot that is kept for a migration, and the currency of the costs."""
    currency = api.get("/snapshots", limit=1)["currency"]
    return list(api.all_items("/snapshots", "snapshots")), currency


def list_snapshots(as_json: AsJson = False) -> None:
    """List the snapshots that are kept for migrations, with their cost per month."""
    found, currency = kept_snapshots(ApiClient.from_environment())
    own = [each for each in found if not each["kept"]]
    size, cost = sum(each["sizeGib"] for each in own), round(sum(each["costPerMonth"] for each in own), 2)
    if as_json:
        output.show_json({"snapshots": found, "sizeGib": size, "costPerMonth": cost, "currency": currency})
        return
    _print_snapshots(found)
    print(f"\n{len(own)} snapshots, {size} GiB, {cost} {currency} per month")


def _print_snapshots(found: list[Json]) -> None:
    rows = [
        (
            each["snapshotId"],
            each["instanceId"],
            each["diskId"],
            each["owner"],
            each["state"],
            each["sizeGib"],
            _sweep_time_in_words(each),
        )
        for each in found
    ]
    output.print_table(("snapshot", "instance", "disk", "owner", "state", "#GiB", "swept from"), rows)


def _sweep_time_in_words(snapshot: Json) -> str:
    if snapshot["kept"]:
        return f"not ours, kept: {snapshot['kept']}"
    return output.time_in_words(snapshot["sweepAt"]) or "kept: not confirmed"


def sweep_snapshots(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what a sweep would delete now.")] = False,
    at: Annotated[str, typer.Option(help="With --dry-run: the time of the sweep (ISO 8601); default: now.")] = "",
    as_json: AsJson = False,
) -> None:
    """Delete the snapshots of confirmed migrations whose retention is over, without waiting for the daily timer."""
    if at and not dry_run:
        raise option_without_effect_problem(
            "--at", "without --dry-run: a sweep always uses the current time", "Add --dry-run for a preview."
        )
    if not dry_run:
        from cli.invoke import invoke_function

        event = {"triggerTime": _iso_time(datetime.now(timezone.utc)), "triggerName": "by-hand", "payload": "sweep"}
        answer = invoke_function("sweep", json.dumps(event).encode())
        if as_json:
            output.show_json(answer)
        elif answer["result"] == {"result": "waiting"}:
            print("The sweep reached its time limit, and some snapshots are left. Run it again, or wait for the daily sweep.")
        else:
            print("The sweep has run; `replank snapshots` shows what is left.")
        return
    now = at or _iso_time(datetime.now(timezone.utc))
    found, _ = kept_snapshots(ApiClient.from_environment())
    due = [each for each in found if each["sweepAt"] and not each["kept"] and _parse_time(each["sweepAt"]) <= _parse_time(now)]
    if as_json:
        output.show_json({"at": now, "snapshots": due})
        return
    _print_snapshots(due)
    print(f"\n{len(due)} of {len(found)} snapshots would be deleted")


def _iso_time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _parse_time(text: str) -> datetime:
    from cli.problem import bad_input_problem

    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise bad_input_problem(
            "Option.Invalid", f"{text!r} is not an ISO 8601 time.", "Write it like 2026-12-01T04:00:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
