"""Commands on batches: submit, status, watch, acknowledge, left-out."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from cli import output, progress, states
from cli.client import Api
from cli.options import AsJson, BatchId
from cli.problem import bad_input, without_effect
from cli.submission import takes_submission, with_token
from shared.domain.migration import State

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("submit")(submit)
    app.command("status")(status)
    app.command("watch")(watch)
    app.command("acknowledge")(acknowledge)
    app.command("left-out")(left_out)


@takes_submission
def submit(
    body: Json,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and precheck only; nothing can move.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a batch: its instances are found, routed and prechecked. Nothing moves before it is acknowledged."""
    answer = Api.from_environment().post("/batches", {**with_token(body), "dryRun": dry_run})
    if as_json:
        output.show_json(answer)
        return
    kind = "Dry run: batch" if dry_run else "Batch"
    print(f"{kind} {answer['batchId']} is {answer['state']}. Follow it with: replank watch {answer['batchId']}")


def status(
    batch: Annotated[str, typer.Argument(metavar="[BATCH]", help="Id of a batch; without it all batches are listed.")] = "",
    state: Annotated[
        str, typer.Option(help=f"Only migrations in this state: {', '.join(states.ALL)}.", autocompletion=states.beginning_with)
    ] = "",
    account: Annotated[str, typer.Option("--account", help="Only migrations of this account.")] = "",
    ready_to_confirm: Annotated[
        bool, typer.Option("--ready-to-confirm", help="Only batches whose migrations were clean for the policy's confirmAfterDays.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the batches, or one batch with its migrations."""
    if ready_to_confirm and batch:
        raise without_effect("--ready-to-confirm", "with a batch", f"Leave it out: replank status {batch} says it.")
    for option, value in (("--state", state), ("--account", account)):
        if value and not batch:
            raise without_effect(option, "without a batch", f"Name one: replank status BATCH {option} {value}")
    if state and state not in states.ALL:
        raise bad_input("Option.Invalid", f"{state!r} is no state of a migration.", f"States are {', '.join(states.ALL)}.")
    api = Api.from_environment()
    if not batch:
        wanted = {"readyToConfirm": "true"} if ready_to_confirm else {}
        _list(list(api.pages("/batches", "batches", **wanted)), as_json)
        return
    found = api.get(f"/batches/{batch}")
    migrations = list(api.pages("/migrations", "migrations", batchId=batch, state=state, accountId=account))
    if as_json:
        output.show_json({**found, "migrations": migrations})
        return
    show_batch(found)
    migrations_table(migrations)


def _list(batches: list[Json], as_json: bool) -> None:
    if as_json:
        output.show_json({"batches": batches})
        return
    rows = [
        (
            each["batchId"],
            _standing(each),
            each["origin"],
            each["createdBy"],
            each["size"],
            output.moment(each["createdAt"]),
            _acknowledged_by(each),
        )
        for each in batches
    ]
    output.table(("batch", "state", "origin", "by", "#size", "created", "acknowledged"), rows)


def _standing(batch: Json) -> str:
    """The state of a batch and, if it starts nothing new, the reason."""
    return str(batch["brake"]["state"] if batch["brake"] and batch["state"] == "open" else batch["state"])


def _acknowledged_by(batch: Json) -> str:
    given = batch["acknowledgement"]
    return f"{given['operator']} {output.moment(given['at'])}" if given else "dry run" if batch["dryRun"] else "no"


def _counts(batch: Json) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(batch["counts"].items()))


def show_batch(batch: Json) -> None:
    """Print one batch with its migrations."""
    counts = _counts(batch)
    output.fields(
        (
            ("batch", f"{batch['batchId']} ({_standing(batch)}, from {batch['origin']} by {batch['createdBy']})"),
            ("instances", f"{batch['size']}: {counts}" if counts else batch["size"]),
            ("acknowledged", _acknowledged_by(batch)),
            *([("digest", batch["digest"])] if batch.get("digest") else []),
            *([("left out", f"{batch['leftOut']}: replank left-out {batch['batchId']}")] if batch.get("leftOut") else []),
            *([("failures", f"{batch['failed']} count against the budget")] if batch["failed"] else []),
            *([("held back", batch["heldBack"])] if batch["heldBack"] else []),
            *([("next start", output.moment(batch["nextOpening"]))] if batch.get("nextOpening") else []),
            *([("to confirm", progress.to_confirm(batch))] if progress.to_confirm(batch) else []),
        )
    )
    for wave in batch["waves"]:
        waits = f"; {wave['waitsFor']}" if wave["waitsFor"] else ""
        stands = f"{wave['moved']} moved, {wave['moving']} moving, {wave['waiting']} waiting, {wave['failed']} failed"
        print(f"wave {wave['number']} of {len(batch['waves'])}: {stands}{waits}")
    for line in batch["journal"]:
        why = f": {line['why']}" if line["why"] else ""
        print(f"{output.moment(line['at'])} {line['act']} by {output.person(line)}{why}")
    for trouble in batch.get("accountTroubles", ()):
        since = output.moment(trouble["since"])
        print(f"account {trouble['accountId']}: {trouble['code']} since {since}: {trouble['message']}\n  {trouble['remedy']}")
    for problem in batch["problems"]:
        print(f"{problem['instanceId']}: {problem['code']}: {problem['message']}")
    if batch["risks"]:
        print("\nBefore anything moves, a person accepts:")
        for line in batch["risks"]["text"]:
            print(f"  - {line}")
        print(f"  replank acknowledge {batch['batchId']}")
    print()


def migrations_table(migrations: list[Json]) -> None:
    """Migrations, one a line."""
    several = len({each.get("accountId", "") for each in migrations}) > 1
    rows = [
        (
            each["migrationId"],
            *([each["accountId"]] if several else []),
            each["instanceId"],
            each["instanceName"],
            each["source"],
            each["state"],
            _wait_in_words(each),
            _reason_in_words(each),
        )
        for each in migrations
    ]
    account = ("account",) if several else ()
    output.table(("migration", *account, "instance", "name", "from", "state", "hop", "reason"), rows)


def _wait_in_words(migration: Json) -> str:
    return f"{migration['hop'] + 1}/{migration['hops']}" if migration["hops"] else ""


def _reason_in_words(migration: Json) -> str:
    return migration["failure"]["code"] if migration["failure"] else ""


def watch(
    batch: BatchId,
    every: Annotated[int, typer.Option(help="Seconds between two looks.", min=1, max=3600)] = 10,
    as_json: AsJson = False,
) -> None:
    """Follow a batch until every migration has ended or waits for a person. Exit status 1 if any was refused or failed."""
    try:
        found = _follow_batch(Api.from_environment(), batch, every, as_json)
    except KeyboardInterrupt:
        output.note(f"\nNobody follows batch {batch} now; it goes on by itself. Look again: replank watch {batch}")
        raise typer.Exit(130) from None
    if any(found["counts"].get(state) for state in states.NOT_AS_WANTED):
        raise typer.Exit(1)


def _follow_batch(api: Api, batch: str, every: int, as_json: bool) -> Json:
    """The batch, once every migration has ended or waits for a person."""
    before: tuple[Json, str, list[str]] | None = None
    while True:
        found: Json = api.get(f"/batches/{batch}")
        now = found["counts"], found["heldBack"], [each["waitsFor"] for each in found.get("approvals", ())]
        if now != before:
            before = now
            _print_progress(found, progress.plan_of(api, found), as_json)
        if _is_settled(found):
            return found
        time.sleep(every)


def _print_progress(batch: Json, plan: Json | None, as_json: bool) -> None:
    if as_json:
        same = {name: batch[name] for name in ("batchId", "state", "brake", "counts", "heldBack")}
        waves = [{name: value for name, value in each.items() if name != "migrationIds"} for each in batch["waves"]]
        ahead = {"finish": plan["finish"], "waveFinishes": [each["finish"] for each in plan["waves"]]} if plan else {}
        print(json.dumps({**same, "needsAPerson": progress.urgent(batch, plan), "waves": waves, **ahead}), flush=True)
        return
    for sentence in progress.urgent(batch, plan):
        output.line(f"needs a person: {sentence}")
    held_back = f" (none starts: {batch['heldBack']})" if batch["heldBack"] else ""
    output.line(f"{batch['batchId']} {_standing(batch)}: {_counts(batch)}{held_back}")
    for sentence in progress.waves(batch, plan):
        output.line(f"  {sentence}")


def _is_settled(batch: Json) -> bool:
    if batch["state"] == "planning":
        return False
    waiting = (*states.SETTLED, *(() if batch["acknowledgement"] else (State.READY.value,)))
    return all(state in waiting for state, number in batch["counts"].items() if number)


def acknowledge(
    batch: BatchId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Accept the risks of a batch and the snapshots of all its disks; from then on its instances move."""
    api = Api.from_environment()
    found = api.get(f"/batches/{batch}")
    risks = found["risks"] or api.get("/risks")  # its own, because its policy may add to them
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


def left_out(batch: BatchId, as_json: AsJson = False) -> None:
    """List the instances that a batch's selection left out, and why."""
    rows = list(Api.from_environment().pages(f"/batches/{batch}/left-out", "leftOut"))
    if as_json:
        output.show_json({"batchId": batch, "leftOut": rows})
        return
    several = len({each["accountId"] for each in rows}) > 1
    output.table(
        (*(("account",) if several else ()), "region", "instance", "name", "code", "why"),
        [
            (
                *([each["accountId"]] if several else []),
                *(each[name] for name in ("regionId", "instanceId", "name", "code", "message")),
            )
            for each in rows
        ],
    )
