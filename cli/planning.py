"""plan: shows the plan of a batch, before the acknowledgement and beside the real outcome."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.client import Api
from cli.options import AsJson, BatchId

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    batch: BatchId,
    seed: Annotated[str, typer.Option(help="The same word draws the same forecast.")] = "1",
    as_json: AsJson = False,
) -> None:
    """Show what a batch or a dry run (submit --dry-run) will do: routes, findings, waves, finish, cost, and who is needed."""
    found = Api.from_environment().get(f"/batches/{batch}/plan", seed=seed)
    if as_json:
        output.show_json(found)
    else:
        _show(found)


def _show(found: Json) -> None:
    for sentence in found["needsAPerson"]:
        print(f"needs a person: {sentence}")
    over = f", {found['unassessed']} not prechecked yet" if found["unassessed"] else ""
    fields = [
        ("instances", f"{found['instances']} to move{over}"),
        *([("digest", found["digest"])] if found.get("digest") else []),
        *([("left out", f"{found['leftOut']}: replank left-out {found['batchId']}")] if found.get("leftOut") else []),
        *(("route", f"{n} {route}") for route, n in found["routes"].items()),
    ]
    fields += [("finish", finish(found["finish"]))]
    if found["planned"]:
        fields += [("as planned", finish(found["planned"]))]
    if found["finishedAt"]:
        outcomes = ", ".join(f"{number} {state}" for state, number in sorted(found["outcomes"].items()))
        fields += [("really", f"{output.moment(found['finishedAt'])}: {outcomes}")]
    fields += [("snapshots", _snapshots(found)), *(("limit", each) for each in found["limits"])]
    output.fields(fields)
    for wave in found["waves"]:
        more = ", ..." if wave["size"] > len(wave["names"]) else ""
        print(f"wave {wave['number']} of {len(found['waves'])}: {wave['size']} ({', '.join(wave['names'])}{more})")
        print(f"  {finish(wave['finish'])}")
    if found["findings"]:
        rows = [(each["severity"], each["code"], each["instances"], each["title"]) for each in found["findings"]]
        output.table(("severity", "finding", "#instances", "what"), rows)
    print(f"\nThe forecast is made of declared durations, {found['runs']} runs ahead; --json has each with its source.")


def finish(found: Json) -> str:
    """When something will have finished, in words."""
    if not found["p50"]:
        return "not to be foreseen: in most runs it never ends"
    last = output.moment(found["p90"]) if found["p90"] else "later than can be said"
    return f"about {output.moment(found['p50'])} (8 of 10 runs: {output.moment(found['p10'])} to {last})"


def _snapshots(found: Json) -> str:
    cost = f", about {found['snapshotCost']} {found['currency']} until the sweep" if found["snapshotCost"] else ""
    return f"at most {found['snapshotGib']} GiB{cost}"
