"""The command ``plan``: shows the plan of a batch, or of a batch that is not submitted yet.

For a batch that has ended, the plan also shows what really happened.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import Problem, bad_input_problem, option_without_effect_problem
from cli.submission import add_submission_options, body_with_token

Json = dict[str, Any]
PAUSE_S = 5
"""Seconds between two requests for a plan that is being made."""


def add_commands(app: typer.Typer) -> None:
    """Add the command plan to the command line."""
    app.command("plan")(show_plan)


@add_submission_options
def show_plan(
    body: Json,
    batch: Annotated[
        str, typer.Argument(metavar="[BATCH]", help="Id of a batch or dry run. Without it, the options select the instances.")
    ] = "",
    seed: Annotated[str, typer.Option(help="Seed of the forecast: the same text gives the same forecast.")] = "1",
    wait: Annotated[
        int | None, typer.Option(help="Maximum minutes for the prechecks of a new plan; default: 15.", min=0, max=600)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a batch, or a submission with these options, will do: routes, findings, waves, finish time, cost, and the persons
    who are needed.

    A new plan is a dry run: its instances are found and prechecked, and none can migrate.
    """
    api = ApiClient.from_environment()
    if batch and body:
        raise option_without_effect_problem("A selection or policy", "with a batch", "Leave one of them out.")
    if batch and wait is not None:
        raise option_without_effect_problem("--wait", "with a batch", "Leave it out: the plan is shown as it is now.")
    if not batch and not body:
        remedy = "Name a batch, or select instances: replank plan --tag env=prod. `replank status` lists the batches."
        raise bad_input_problem("Option.Missing", "The batch or the selection is missing.", remedy)
    path = f"/batches/{batch}/plan"
    found = api.get(path, seed=seed) if batch else _create_plan(api, body_with_token(body), seed, 15 if wait is None else wait)
    if as_json:
        output.show_json(found)
    else:
        _print_plan(found)


def _create_plan(api: ApiClient, body: Json, seed: str, wait_min: int) -> Json:
    """Create a plan as a dry run. Returns the plan once every instance is prechecked, or after ``wait_min`` minutes."""
    found: Json = api.post("/plans", body)
    for _ in range(wait_min * 60 // PAUSE_S):
        if found["state"] != "planning" and not found["unassessed"]:
            break
        time.sleep(PAUSE_S)
        found = api.get(f"/batches/{found['batchId']}/plan", seed=seed)
    output.print_note(f"This plan is the dry run {found['batchId']}. Show it again: replank plan {found['batchId']}")
    return found


def _print_plan(found: Json) -> None:
    for sentence in found["needsAPerson"]:
        print(f"needs a person: {sentence}")
    if found.get("state") == "planning":
        print("the search for its instances is not finished: ask again in a minute")
    over = f", {found['unassessed']} not prechecked yet" if found["unassessed"] else ""
    fields = [
        ("instances", f"{found['instances']} to move{over}"),
        *([("digest", found["digest"])] if found.get("digest") else []),
        *([("left out", f"{found['leftOut']}: replank left-out {found['batchId']}")] if found.get("leftOut") else []),
        *(("route", f"{n} {route}") for route, n in found["routes"].items()),
        *(("driver", _driver_in_words(each)) for each in found.get("drivers", ())),
    ]
    fields += [("finish", finish_in_words(found["finish"]))]
    if found["planned"]:
        fields += [("as planned", finish_in_words(found["planned"]))]
    if found["finishedAt"]:
        outcomes = ", ".join(f"{number} {state}" for state, number in sorted(found["outcomes"].items()))
        fields += [("really", f"{output.time_in_words(found['finishedAt'])}: {outcomes}")]
    fields += [("snapshots", _snapshots_in_words(found)), *(("limit", each) for each in found["limits"])]
    output.print_fields(fields)
    for wave in found["waves"]:
        more = ", ..." if wave["size"] > len(wave["names"]) else ""
        print(f"wave {wave['number']} of {len(found['waves'])}: {wave['size']} ({', '.join(wave['names'])}{more})")
        print(f"  {finish_in_words(wave['finish'])}")
    for sentence in found.get("notKnown", ()):
        print(f"not known to the forecast: {sentence}")
    if found["findings"]:
        rows = [(each["severity"], each["code"], each["instances"], each["title"]) for each in found["findings"]]
        output.print_table(("severity", "finding", "#instances", "what"), rows)
    print(f"\nThe forecast simulates {found['runs']} runs with assumed durations. --json shows each duration with its source.")


def _driver_in_words(row: Json) -> str:
    return f"{row['instances']} {row['driver']}{': ' if row['why'] else ''}{row['why']}"


def plan_if_supported(api: ApiClient, batch_id: str) -> Json | None:
    """The batch's current plan; None if the deployed API is an older version without plans."""
    try:
        found: Json = api.get(f"/batches/{batch_id}/plan")
    except Problem as problem:
        if problem.code != "Route.NotFound":
            raise
        return None
    return found


def finish_in_words(found: Json) -> str:
    """A forecast finish time in words, with the range in which 8 of 10 simulated runs finish."""
    if not found["p50"]:
        return "cannot be forecast: most simulated runs never end"
    last = output.time_in_words(found["p90"]) if found["p90"] else "later than can be said"
    return f"about {output.time_in_words(found['p50'])} (8 of 10 runs: {output.time_in_words(found['p10'])} to {last})"


def _snapshots_in_words(found: Json) -> str:
    cost = f", about {found['snapshotCost']} {found['currency']} until the sweep" if found["snapshotCost"] else ""
    return f"at most {found['snapshotGib']} GiB{cost}"
