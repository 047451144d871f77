"""Commands for batches: submit, status, watch, acknowledge and left-out."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from cli import output, progress, states
from cli.client import ApiClient
from cli.options import AsJson, BatchId, description, require_known_state
from cli.problem import bad_input_problem, option_without_effect_problem
from cli.submission import add_submission_options, body_with_token
from shared.domain.migration import State
from shared.runtime import requests

Json = dict[str, Any]
ORDERS = ("state", "name", "changed")
"""The orders in which the API lists the migrations of a batch."""


def add_commands(app: typer.Typer) -> None:
    """Add the commands for batches to the command line."""
    app.command("submit")(submit_batch)
    app.command("status")(show_status)
    app.command("watch")(watch_batch)
    app.command("acknowledge")(acknowledge_batch)
    app.command("left-out")(list_left_out_instances)


@add_submission_options
def submit_batch(
    body: Json,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=description(requests.BATCH, "dryRun"))] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a batch. Replank then finds the batch's instances, plans their routes, and prechecks them.

    No instance of a batch migrates before the batch is acknowledged.
    """
    answer = ApiClient.from_environment().post("/batches", {**body_with_token(body), "dryRun": dry_run})
    if as_json:
        output.show_json(answer)
        return
    kind = "Dry run: batch" if dry_run else "Batch"
    print(f"{kind} {answer['batchId']} is {answer['state']}. Follow it with: replank watch {answer['batchId']}")


def show_status(
    batch: Annotated[str, typer.Argument(metavar="[BATCH]", help="Id of a batch; without it, all batches are listed.")] = "",
    state: Annotated[
        str,
        typer.Option(help=f"Only migrations in this state: {', '.join(states.ALL)}.", autocompletion=states.states_beginning_with),
    ] = "",
    account: Annotated[str, typer.Option("--account", help="Only migrations of this account.")] = "",
    order: Annotated[
        str, typer.Option("--order", help=f"Order of the migrations: {', '.join(ORDERS)}. A - before it reverses it.")
    ] = "",
    ready_to_confirm: Annotated[
        bool, typer.Option("--ready-to-confirm", help="Only batches that ran without a problem for the policy's confirmAfterDays.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show all batches, or one batch with its migrations."""
    if ready_to_confirm and batch:
        raise option_without_effect_problem("--ready-to-confirm", "with a batch", f"Leave it out: replank status {batch} shows it.")
    for option, value in (("--state", state), ("--account", account), ("--order", order)):
        if value and not batch:
            raise option_without_effect_problem(option, "without a batch", f"Name one: replank status BATCH {option} {value}")
    if state:
        require_known_state(state)
    if order and order.removeprefix("-") not in ORDERS:
        raise bad_input_problem(
            "Option.Invalid", f"{order!r} is not an order of migrations.", f"The orders are {', '.join(ORDERS)}."
        )
    api = ApiClient.from_environment()
    if not batch:
        wanted = {"readyToConfirm": "true"} if ready_to_confirm else {}
        _print_batches(list(api.all_items("/batches", "batches", **wanted)), as_json)
        return
    found = api.get(f"/batches/{batch}")
    migrations = list(api.all_items("/migrations", "migrations", batchId=batch, state=state, accountId=account, order=order))
    if as_json:
        output.show_json({**found, "migrations": migrations})
        return
    print_batch(found)
    print_migrations(migrations)


def _print_batches(batches: list[Json], as_json: bool) -> None:
    if as_json:
        output.show_json({"batches": batches})
        return
    rows = [
        (
            each["batchId"],
            _batch_state_in_words(each),
            each["origin"],
            each["createdBy"],
            each["size"],
            output.time_in_words(each["createdAt"]),
            _acknowledgement_in_words(each),
        )
        for each in batches
    ]
    output.print_table(("batch", "state", "origin", "by", "#size", "created", "acknowledged"), rows)


def _batch_state_in_words(batch: Json) -> str:
    """The state of a batch. An open batch that is paused or stopped is shown as paused or stopped."""
    return str(batch["brake"]["state"] if batch["brake"] and batch["state"] == "open" else batch["state"])


def _acknowledgement_in_words(batch: Json) -> str:
    given = batch["acknowledgement"]
    return f"{given['operator']} {output.time_in_words(given['at'])}" if given else "dry run" if batch["dryRun"] else "no"


def _state_counts_in_words(batch: Json) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(batch["counts"].items()))


def print_batch(batch: Json) -> None:
    """Print one batch without its migrations: its fields, waves, journal, problems, and the risks to accept."""
    counts = _state_counts_in_words(batch)
    output.print_fields(
        (
            ("batch", f"{batch['batchId']} ({_batch_state_in_words(batch)}, from {batch['origin']} by {batch['createdBy']})"),
            ("instances", f"{batch['size']}: {counts}" if counts else batch["size"]),
            ("acknowledged", _acknowledgement_in_words(batch)),
            *([("digest", batch["digest"])] if batch.get("digest") else []),
            *([("left out", f"{batch['leftOut']}: replank left-out {batch['batchId']}")] if batch.get("leftOut") else []),
            *([("failures", f"{batch['failed']} count against the budget")] if batch["failed"] else []),
            *([("held back", batch["heldBack"])] if batch["heldBack"] else []),
            *([("next start", output.time_in_words(batch["nextOpening"]))] if batch.get("nextOpening") else []),
            *([("to confirm", progress.confirmation_hint(batch))] if progress.confirmation_hint(batch) else []),
        )
    )
    for wave in batch["waves"]:
        waits = f"; {wave['waitsFor']}" if wave["waitsFor"] else ""
        stands = f"{wave['moved']} moved, {wave['moving']} moving, {wave['waiting']} waiting, {wave['failed']} failed"
        print(f"wave {wave['number']} of {len(batch['waves'])}: {stands}{waits}")
    for line in batch["journal"]:
        why = f": {line['why']}" if line["why"] else ""
        print(f"{output.time_in_words(line['at'])} {line['act']} by {output.actor_in_words(line)}{why}")
    for trouble in batch.get("accountTroubles", ()):
        since = output.time_in_words(trouble["since"])
        print(f"account {trouble['accountId']}: {trouble['code']} since {since}: {trouble['message']}\n  {trouble['remedy']}")
    for problem in batch["problems"]:
        print(f"{problem['instanceId']}: {problem['code']}: {problem['message']}")
    if batch["risks"]:
        print("\nBefore an instance migrates, a person must accept:")
        for line in batch["risks"]["text"]:
            print(f"  - {line}")
        print(f"  replank acknowledge {batch['batchId']}")
    print()


def print_migrations(migrations: list[Json]) -> None:
    """Print a table of migrations, with one line for each migration."""
    several = len({each.get("accountId", "") for each in migrations}) > 1
    rows = [
        (
            each["migrationId"],
            *([each["accountId"]] if several else []),
            each["instanceId"],
            each["instanceName"],
            each["source"],
            each["state"],
            _hop_in_words(each),
            _failure_code(each),
        )
        for each in migrations
    ]
    account = ("account",) if several else ()
    output.print_table(("migration", *account, "instance", "name", "from", "state", "hop", "reason"), rows)


def _hop_in_words(migration: Json) -> str:
    return f"{migration['hop'] + 1}/{migration['hops']}" if migration["hops"] else ""


def _failure_code(migration: Json) -> str:
    return migration["failure"]["code"] if migration["failure"] else ""


def watch_batch(
    batch: BatchId,
    every: Annotated[int, typer.Option(help="Seconds between two requests.", min=1, max=3600)] = 10,
    as_json: AsJson = False,
) -> None:
    """Follow a batch until every migration has ended or waits for a person.

    The exit status is 1 if a migration was refused or failed.
    """
    try:
        found = _follow_batch(ApiClient.from_environment(), batch, every, as_json)
    except KeyboardInterrupt:
        output.print_note(
            f"\nThis command no longer follows batch {batch}, but the batch goes on. Follow it again: replank watch {batch}"
        )
        raise typer.Exit(130) from None
    if any(found["counts"].get(state) for state in states.NOT_AS_WANTED):
        raise typer.Exit(1)


def _follow_batch(api: ApiClient, batch: str, every: int, as_json: bool) -> Json:
    """Print every change of a batch until each of its migrations has ended or waits for a person. Returns the batch."""
    before: tuple[Json, str, list[str]] | None = None
    while True:
        found: Json = api.get(f"/batches/{batch}")
        now = found["counts"], found["heldBack"], [each["waitsFor"] for each in found.get("approvals", ())]
        if now != before:
            before = now
            _print_progress(found, progress.current_plan(api, found), as_json)
        if _is_batch_settled(found):
            return found
        time.sleep(every)


def _print_progress(batch: Json, plan: Json | None, as_json: bool) -> None:
    if as_json:
        same = {name: batch[name] for name in ("batchId", "state", "brake", "counts", "heldBack")}
        waves = [{name: value for name, value in each.items() if name != "migrationIds"} for each in batch["waves"]]
        ahead = {"finish": plan["finish"], "waveFinishes": [each["finish"] for each in plan["waves"]]} if plan else {}
        print(json.dumps({**same, "needsAPerson": progress.urgent_messages(batch, plan), "waves": waves, **ahead}), flush=True)
        return
    for sentence in progress.urgent_messages(batch, plan):
        output.print_line(f"needs a person: {sentence}")
    held_back = f" (none starts: {batch['heldBack']})" if batch["heldBack"] else ""
    output.print_line(f"{batch['batchId']} {_batch_state_in_words(batch)}: {_state_counts_in_words(batch)}{held_back}")
    for sentence in progress.wave_lines(batch, plan):
        output.print_line(f"  {sentence}")


def _is_batch_settled(batch: Json) -> bool:
    if batch["state"] == "planning":
        return False
    waiting = (*states.SETTLED, *(() if batch["acknowledgement"] else (State.READY.value,)))
    return all(state in waiting for state, number in batch["counts"].items() if number)


def acknowledge_batch(
    batch: BatchId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Accept the risks of a batch, and agree to snapshots of all its disks.

    The batch's instances can migrate only after its acknowledgement.
    """
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    risks = found["risks"] or api.get("/risks")  # the batch's own risks, because its policy may add some
    if not yes:
        for line in risks["text"]:
            print(f"- {line}", file=sys.stderr)
        digest = f" (digest {found['digest']})" if found.get("digest") else ""
        asked = f"Accept this for batch {batch} with {found['size']} instances{digest} as {api.operator}?"
        typer.confirm(asked, abort=True, err=True)
    answer = api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": risks["version"]}, seen=found["version"])
    if as_json:
        output.show_json(answer)
        return
    frozen = f" for {answer['size']} instances, digest {answer['digest']}" if answer.get("digest") else ""
    print(f"Batch {batch}: acknowledged by {answer['acknowledgement']['operator']}{frozen}. Follow it with: replank watch {batch}")


def list_left_out_instances(batch: BatchId, as_json: AsJson = False) -> None:
    """List the instances that a batch's selection left out, each with the reason."""
    rows = list(ApiClient.from_environment().all_items(f"/batches/{batch}/left-out", "leftOut"))
    if as_json:
        output.show_json({"batchId": batch, "leftOut": rows})
        return
    several = len({each["accountId"] for each in rows}) > 1
    output.print_table(
        (*(("account",) if several else ()), "region", "instance", "name", "code", "why"),
        [
            (
                *([each["accountId"]] if several else []),
                *(each[name] for name in ("regionId", "instanceId", "name", "code", "message")),
            )
            for each in rows
        ],
    )
