"""Migrations: show, confirm, retry, cancel, rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.client import Api
from cli.findings import standing
from cli.options import AsJson, MigrationId
from cli.problem import Problem, bad_input

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("show")(show)
    app.command("confirm")(confirm)
    app.command("retry")(retry)
    app.command("cancel")(cancel)
    app.command("rollback")(rollback)


def resolve(api: Api, given: str) -> str:
    """A migration's id from what was given: itself, or an instance's id (its newest migration)."""
    if not given.startswith("i-"):
        return given
    found = api.get("/migrations", instanceId=given, limit=1)["migrations"]
    if not found:
        raise Problem("Migration.NotFound", f"Instance {given} has no migration.", "Submit a batch with it: replank submit -i ...")
    return str(found[0]["migrationId"])


def show(migration: MigrationId, as_json: AsJson = False) -> None:
    """Show one migration: where it stands, what the precheck found, its journal, and what may be done now."""
    api = Api.from_environment()
    migration_id = resolve(api, migration)
    found = api.get(f"/migrations/{migration_id}")
    journal = api.get(f"/migrations/{migration_id}/journal")["lines"]
    if as_json:
        output.show_json({**found, "journal": journal})
        return
    _show(found)
    rows = [(line["version"], output.moment(line["at"]), line["from"], line["to"], line["by"], line["reason"]) for line in journal]
    output.table(("#step", "at", "from", "to", "by", "reason"), rows)


def _show(found: Json) -> None:
    route = " -> ".join([hop["source"] for hop in found["route"][:1]] + [hop["destination"] for hop in found["route"]])
    output.fields(
        (
            ("migration", f"{found['migrationId']} of batch {found['batchId']}"),
            ("instance", f"{found['instanceId']} {found['instanceName']} ({found['regionId']})"),
            ("from", found["source"]),
            ("route", route or found["destination"]),
            ("state", f"{found['state']} since {output.moment(found['enteredAt'])}"),
            ("attempt", f"{found['attempt']}, restarts seen {found['restarts']}"),
            ("snapshots", f"{found['snapshotsMade']} made, {found['snapshotsSwept']} swept"),
            ("waits for", found["waitsFor"] or "nothing more"),
        )
    )
    if found["failure"]:
        failure = found["failure"]
        print(f"\n{failure['code']} ({failure['stage']}): {failure['message']}\n  {failure['remedy']}")
    for finding in found["findings"]:
        print(f"\n[{standing(finding)}] {finding['code']}: {finding['title']}: {finding['seen']}\n  {finding['remedy']}")
    if found["acts"]:
        print(f"\npossible now: {', '.join(found['acts'])}")
    print()


def confirm(
    migration: MigrationId = "",
    batch: Annotated[str, typer.Option("--batch", help="Confirm all migrated ones of this batch.")] = "",
    as_json: AsJson = False,
) -> None:
    """Accept the outcome of a migration (or of all migrated ones of a batch); snapshots go after the batch's retention."""
    api = Api.from_environment()
    if not batch and not migration:
        raise bad_input("Argument.Missing", "Neither a migration nor --batch is named.", "Give a migration's id, or --batch ID.")
    if batch:
        _confirm_batch(api, batch, as_json)
    else:
        _act(api, migration, "confirmation", as_json)


def _confirm_batch(api: Api, batch: str, as_json: bool) -> None:
    confirmed: list[str] = []
    while True:
        answer = api.post(f"/batches/{batch}/confirmation")
        confirmed += answer["confirmed"]
        if not answer["more"] or not answer["confirmed"]:
            break
    if as_json:
        output.show_json({"confirmed": confirmed})
    else:
        print(f"{len(confirmed)} confirmed.")


def retry(migration: MigrationId, as_json: AsJson = False) -> None:
    """Try a refused or failed migration again where it stopped."""
    _act(Api.from_environment(), migration, "retry", as_json)


def cancel(migration: MigrationId, as_json: AsJson = False) -> None:
    """Give a migration up before anything has moved."""
    _act(Api.from_environment(), migration, "cancellation", as_json)


def rollback(
    migration: MigrationId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take every disk of the instance back to its snapshot from before the migration. Data written since is lost."""
    api = Api.from_environment()
    migration_id = resolve(api, migration)
    if not yes:
        found = api.get(f"/migrations/{migration_id}")
        question = f"Reset every disk of {found['instanceId']} to its snapshot? Data written since is lost."
        typer.confirm(question, abort=True, err=True)
    _act(api, migration_id, "rollback", as_json)


def _act(api: Api, migration: str, act: str, as_json: bool) -> None:
    migration_id = resolve(api, migration)
    answer = api.post(f"/migrations/{migration_id}/{act}")
    if as_json:
        output.show_json(answer)
    else:
        print(f"Migration {migration_id} ({answer['instanceId']}) is now {answer['state']}.")
