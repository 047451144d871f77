"""Migrations: show, confirm, retry, cancel, rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output, states
from cli.client import Api
from cli.findings import standing
from cli.options import MIGRATION_HELP, AsJson, MigrationId
from cli.problem import bad_input
from cli.targets import ACTS, shown, target

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("show")(show)
    app.command("confirm")(confirm)
    app.command("retry")(retry)
    app.command("cancel")(cancel)
    app.command("rollback")(rollback)


def show(migration: MigrationId, as_json: AsJson = False) -> None:
    """Show one migration: where it stands, what the precheck found, its journal, and what may be done now."""
    api = Api.from_environment()
    found = shown(api, migration)
    journal = api.get(f"/migrations/{found['migrationId']}/journal")["lines"]
    if as_json:
        output.show_json({**found, "journal": journal})
        return
    _show(found)
    rows = [
        (line["version"], output.moment(line["at"]), line["from"], line["to"], output.person(line), line["reason"])
        for line in journal
    ]
    output.table(("#step", "at", "from", "to", "by", "reason"), rows)


def _show(found: Json) -> None:
    route = " -> ".join([hop["source"] for hop in found["route"][:1]] + [hop["destination"] for hop in found["route"]])
    output.fields(
        (
            ("migration", f"{found['migrationId']} of batch {found['batchId']}"),
            ("instance", f"{found['instanceId']} {found['instanceName']} ({found['regionId']})"),
            ("from", found["source"]),
            ("route", route or found["destination"]),
            ("state", f"{found['state']} since {output.moment(found['enteredAt'])}{' (dry run)' if found['dryRun'] else ''}"),
            ("version", found["version"]),
            ("attempt", f"{found['attempt']}, restarts seen {found['restarts']}"),
            ("snapshots", f"{found['snapshotsMade']} made, {found['snapshotsSwept']} swept"),
            ("waits for", found["waitsFor"] or "nothing more"),
            *([("disks after the job", found["smcRollback"])] if found.get("smcRollback") else []),
        )
    )
    failure = found["failure"]
    if failure and failure["code"] not in {finding["code"] for finding in found["findings"]}:
        print(f"\n{failure['code']} ({failure['stage']}): {failure['message']}\n  {failure['remedy']}")
    for finding in found["findings"]:
        print(f"\n[{standing(finding)}] {output.headline(finding)}\n  {finding['remedy']}")
    if found["acts"]:
        possible = ", ".join(f"replank {ACTS[act]} {found['migrationId']}" for act in found["acts"])
        print(f"\npossible now: {possible}")
    print()


Seen = Annotated[
    int | None,
    typer.Option("--seen-version", help="The version that you saw (replank show). The act is refused if it moved.", min=1),
]


def confirm(
    migration: Annotated[str, typer.Argument(metavar="[MIGRATION]", help=f"{MIGRATION_HELP} Or name --batch.")] = "",
    batch: Annotated[str, typer.Option("--batch", help="Confirm all migrated ones of this batch.")] = "",
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Accept the outcome of a migration (or of all migrated ones of a batch); snapshots go after the batch's retention."""
    if not batch and not migration:
        raise bad_input("Argument.Missing", "Neither a migration nor --batch is named.", "Give a migration's id, or --batch ID.")
    if batch and (migration or seen_version):
        other = "a migration" if migration else "--seen-version"
        raise bad_input("Option.Conflict", f"--batch and {other} exclude each other.", "Give one of them.")
    api = Api.from_environment()
    if batch:
        _confirm_batch(api, batch, as_json)
    else:
        _act(api, migration, "confirmation", as_json, seen_version)


AT_ONCE = 100
"""Maximum migrations that the API confirms in one call."""


def _confirm_batch(api: Api, batch: str, as_json: bool) -> None:
    """Confirm what is migrated now, each as it was read here. Exit status 1 unless all of it, and anything at all, is confirmed."""
    api.get(f"/batches/{batch}")  # there is one
    migrated = list(api.pages("/migrations", "migrations", batchId=batch, state="migrated"))
    confirmed, refused = list[str](), list[Json]()
    for place in range(0, len(migrated), AT_ONCE):
        named = [{"migrationId": each["migrationId"], "version": each["version"]} for each in migrated[place : place + AT_ONCE]]
        answer = api.post(f"/batches/{batch}/confirmation", {"migrations": named})
        confirmed += answer["confirmed"]
        refused += answer["refused"]
    if as_json:
        output.show_json({"confirmed": confirmed, "refused": refused})
    else:
        print(f"{len(confirmed)} confirmed." if migrated else f"Nothing was confirmed: batch {batch} has no migrated migration.")
        for each in refused:
            print(f"Not confirmed: {each['code']}: {each['message']}\n  {each['remedy']}")
    if refused or not confirmed:
        raise typer.Exit(1)


def retry(migration: MigrationId, seen_version: Seen = None, as_json: AsJson = False) -> None:
    """Try a refused or failed migration again where it stopped."""
    _act(Api.from_environment(), migration, "retry", as_json, seen_version)


def cancel(migration: MigrationId, seen_version: Seen = None, as_json: AsJson = False) -> None:
    """Give a migration up before anything has moved."""
    _act(Api.from_environment(), migration, "cancellation", as_json, seen_version)


def rollback(
    migration: MigrationId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Take every disk of the instance back to its snapshot from before the migration. Data written since is lost."""
    api = Api.from_environment()
    found = target(api, migration, "rollback")
    if not yes and "rollback" in found["acts"]:
        question = f"Reset every disk of {found['instanceId']} to its snapshot? Data written since is lost."
        typer.confirm(question, abort=True, err=True)
    _carry_out(api, found, "rollback", as_json, seen_version)


def _act(api: Api, migration: str, act: str, as_json: bool, seen_version: int | None) -> None:
    _carry_out(api, target(api, migration, act), act, as_json, seen_version)


def _carry_out(api: Api, found: Json, act: str, as_json: bool, seen_version: int | None) -> None:
    """Act on the migration as it was read here, or as the person says to have seen it."""
    answer = api.post(f"/migrations/{found['migrationId']}/{act}", seen=seen_version or found["version"])
    if as_json:
        output.show_json(answer)
    else:
        print(_DONE[act].format(about=f"Migration {answer['migrationId']} ({answer['instanceId']})", **_words(answer)))


_DONE = {
    "confirmation": "{about} is {confirmed}. Its snapshots are deleted after the batch's retention.",
    "retry": "{about} is tried again. It is {state} now.",
    "cancellation": "{about} is cancelled.",
    "rollback": "{about} is being rolled back. Follow it with: replank show {id}",
}


def _words(answer: Json) -> dict[str, str]:
    moved_on = answer["state"] in states.TAKEN_BACK
    confirmed = f"{answer['state'].replace('_', ' ')}, and its snapshots are released" if moved_on else "confirmed"
    return {"state": answer["state"], "id": answer["migrationId"], "confirmed": confirmed}
