"""Commands on batches: submit, status, watch, acknowledge."""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output, progress, states
from cli.client import Api
from cli.options import AsJson, BatchId
from cli.problem import bad_input, without_effect
from cli.today import today
from shared.domain.migration import State
from shared.domain.policy import BOUNDS, DEFAULTS, WORDS

Json = dict[str, Any]
_LEAST, _MOST = BOUNDS["maxMoving"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("submit")(submit)
    app.command("status")(status)
    app.command("watch")(watch)
    app.command("acknowledge")(acknowledge)


def submit(  # noqa: PLR0913 - one parameter per option
    instance: Annotated[list[str] | None, typer.Option("--instance", "-i", help="Instance id; may be repeated.")] = None,
    release: Annotated[
        list[str] | None, typer.Option("--release", help="All instances on this release (key or name); may be repeated.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Region id; default: the regions the pipeline covers.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Account id; may be repeated. Default: the pipeline's own account.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="Destination release; INSTANCE=RELEASE for one instance. Default: the catalog's choice."),
    ] = None,
    max_moving: Annotated[
        int | None,
        typer.Option(help=f"{WORDS['maxMoving']} Default: the policy file's, else {DEFAULTS['maxMoving']}.", min=_LEAST, max=_MOST),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and precheck only; nothing can move.")] = False,
    file: Annotated[
        list[str] | None, typer.Option("--file", help="File in the guests whose content must stay the same; may be repeated.")
    ] = None,
    check: Annotated[
        str | None, typer.Option(help="Command run in the guests before and after, once acknowledged; status 0 passes.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON file with the policy (replank policy check). An option given beside it wins over it."),
    ] = None,
    calendar: Annotated[
        Path | None, typer.Option(help="Calendar file (.ics): its events of the next 400 days become blackouts, beside the file's.")
    ] = None,
    client_token: Annotated[str, typer.Option(help="The same token again is the same batch.")] = "",
    as_json: AsJson = False,
) -> None:
    """Submit a batch: its instances are found, routed and prechecked. Nothing moves before it is acknowledged."""
    body: Json = {"clientToken": client_token or uuid.uuid4().hex, "dryRun": dry_run}
    named = {"instanceIds": instance, "releases": release, "regionIds": region, "accountIds": account}
    body |= {name: list(value) for name, value in named.items() if value}
    body |= _destinations(to or [])
    options = {"maxMoving": max_moving, "files": file, "check": check}
    own = {name: value for name, value in options.items() if value is not None}
    body["policy"] = {**_policy(policy, calendar), **own}
    answer = Api.from_environment().post("/batches", body)
    if as_json:
        output.show_json(answer)
        return
    kind = "Dry run: batch" if dry_run else "Batch"
    print(f"{kind} {answer['batchId']} is {answer['state']}. Follow it with: replank watch {answer['batchId']}")


def _destinations(given: list[str]) -> Json:
    single = [each for each in given if "=" not in each]
    if len(single) > 1:
        raise bad_input("Option.Invalid", "--to names more than one destination for all.", "Use INSTANCE=RELEASE for single ones.")
    pairs = [item.split("=", 1) for item in given if "=" in item]
    each = dict(pairs)
    if len(each) < len(pairs):
        raise bad_input("Option.Invalid", "--to names an instance twice.", "Give each instance one destination.")
    return {**({"destination": single[0]} if single else {}), **({"destinations": each} if each else {})}


def _policy(file: Path | None, calendar: Path | None) -> Json:
    """The policy in the files. YAML and calendars take a while to load, and most submissions have neither."""
    found: Json = {}
    if file:
        from cli.policy_file import read_policy_file

        found = read_policy_file(file)
    if calendar:
        from cli.calendar import blackouts_in

        black = blackouts_in(calendar, today(), str(found.get("zone", "")))
        found = {**found, "blackouts": [*found.get("blackouts", []), *black]}
    return found


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
    found, risks = api.get(f"/batches/{batch}"), api.get("/risks")
    if not yes:
        for line in risks["text"]:
            print(f"- {line}", file=sys.stderr)
        asked = f"Accept this for batch {batch} with {found['size']} instances as {api.operator}?"
        typer.confirm(asked, abort=True, err=True)
    answer = api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": risks["version"]}, seen=found["version"])
    if as_json:
        output.show_json(answer)
        return
    print(f"Batch {batch}: acknowledged by {answer['acknowledgement']['operator']}. Follow it with: replank watch {batch}")
