"""Commands for migrations: show, confirm, retry, cancel and rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import many, output, states
from cli.client import ApiClient
from cli.findings import severity_in_words
from cli.options import MIGRATION_HELP, AsJson, MigrationId, require_known_state
from cli.problem import bad_input_problem, option_without_effect_problem
from cli.targets import ACTS, migration_to_act_on, migration_to_show

Json = dict[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add the commands for migrations to the command line."""
    app.command("show")(show_migration)
    app.command("confirm")(confirm_migrations)
    app.command("retry")(retry_migrations)
    app.command("cancel")(cancel_migrations)
    app.command("rollback")(roll_back_migrations)


def show_migration(migration: MigrationId, as_json: AsJson = False) -> None:
    """Show one migration: its state, the findings of its precheck, its journal, and the commands that are possible now."""
    api = ApiClient.from_environment()
    found = migration_to_show(api, migration)
    journal = api.get(f"/migrations/{found['migrationId']}/journal")["lines"]
    if as_json:
        output.show_json({**found, "journal": journal})
        return
    _print_migration(found)
    rows = [
        (line["version"], output.time_in_words(line["at"]), line["from"], line["to"], output.actor_in_words(line), line["reason"])
        for line in journal
    ]
    output.print_table(("#step", "at", "from", "to", "by", "reason"), rows)


def _driver_and_reason(found: Json) -> str:
    """The driver's name. If the precheck chose the driver, the reason follows in brackets."""
    reason = found.get("driverWhy")
    return f"{found['driver']} ({reason})" if reason else str(found["driver"])


def _print_migration(found: Json) -> None:
    route = " -> ".join([hop["source"] for hop in found["route"][:1]] + [hop["destination"] for hop in found["route"]])
    output.print_fields(
        (
            ("migration", f"{found['migrationId']} of batch {found['batchId']}"),
            ("instance", f"{found['instanceId']} {found['instanceName']} ({found['regionId']})"),
            *([("account", found["accountId"])] if found.get("accountId") else []),
            ("from", found["source"]),
            ("route", route or found["destination"]),
            (
                "state",
                f"{found['state']} since {output.time_in_words(found['enteredAt'])}{' (dry run)' if found['dryRun'] else ''}",
            ),
            *([("driver", _driver_and_reason(found))] if found.get("driver") else []),
            ("version", found["version"]),
            ("attempt", f"{found['attempt']}, restarts seen {found['restarts']}"),
            ("snapshots", f"{found['snapshotsMade']} made, {found['snapshotsSwept']} swept"),
            *([("group", found["group"])] if found.get("group") else []),
            ("waits for", found["waitsFor"] or "nothing more"),
            *([("disks after the job", found["smcRollback"])] if found.get("smcRollback") else []),
            *([("command in the guest", found["command"])] if found.get("command") else []),
        )
    )
    failure = found["failure"]
    if failure and failure["code"] not in {finding["code"] for finding in found["findings"]}:
        print(f"\n{failure['code']} ({failure['stage']}): {failure['message']}\n  {failure['remedy']}")
    if log := found.get("toolLog"):
        print(f"\nThe end of the tool's log, kept when attempt {log['attempt']} failed at {output.time_in_words(log['at'])}:")
        print("\n".join(f"  {line}" for line in log["text"].splitlines()))
    for finding in found["findings"]:
        print(f"\n[{severity_in_words(finding)}] {output.finding_headline(finding)}\n  {finding['remedy']}")
    if found["acts"]:
        possible = ", ".join(f"replank {ACTS[act]} {found['migrationId']}" for act in found["acts"])
        print(f"\npossible now: {possible}")
    print()


Seen = Annotated[
    int | None,
    typer.Option(
        "--seen-version",
        help="The version that you saw (replank show). The act is refused if the migration has changed since.",
        min=1,
    ),
]


OneOrBatch = Annotated[str, typer.Argument(metavar="[MIGRATION]", help=f"{MIGRATION_HELP} Or use --batch.")]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        help="With --batch: the migrations in this state; may be repeated.",
        autocompletion=states.states_beginning_with,
    ),
]


def _check_one_or_many(migration: str, batch: str, seen_version: int | None, chosen: list[str] | None = None) -> None:
    """Raise Problem unless the options name either one migration or one batch."""
    if not batch and not migration:
        raise bad_input_problem(
            "Argument.Missing", "Neither a migration nor --batch is given.", "Give a migration's id, or --batch ID."
        )
    if batch and (migration or seen_version):
        other = "a migration" if migration else "--seen-version"
        raise bad_input_problem("Option.Conflict", f"--batch and {other} cannot be used together.", "Leave one of them out.")
    if chosen and not batch:
        raise option_without_effect_problem("--state", "without --batch", "Leave it out.")
    for state in chosen or ():
        require_known_state(state)


def confirm_migrations(
    migration: OneOrBatch = "",
    batch: Annotated[str, typer.Option("--batch", help="List all migrated instances of this batch, then confirm them.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --batch: do not ask for a confirmation.")] = False,
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Confirm one migration, or all migrated migrations of a batch.

    The snapshots of confirmed migrations are deleted after the batch's retention.
    """
    _check_one_or_many(migration, batch, seen_version)
    if yes and not batch:
        raise option_without_effect_problem("--yes", "without --batch: a single confirmation asks no question", "Leave it out.")
    api = ApiClient.from_environment()
    if batch:
        many.act_on_batch(api, many.CONFIRM, batch, yes=yes, as_json=as_json)
    else:
        _act_on_named_migration(api, migration, "confirmation", as_json, seen_version)


def retry_migrations(
    migration: Annotated[
        str, typer.Argument(metavar="MIGRATION|BATCH", help=f"{MIGRATION_HELP} With --failed: the id of a batch.")
    ],
    failed: Annotated[bool, typer.Option("--failed", help="List all failed migrations of the batch, then retry them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --failed: do not ask for a confirmation.")] = False,
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Retry a refused or failed migration, beginning where it stopped. With --failed, retry all failed migrations of a batch."""
    if not failed and yes:
        raise option_without_effect_problem("--yes", "without --failed: a single retry asks no question", "Leave it out.")
    if failed and seen_version:
        raise option_without_effect_problem("--seen-version", "with --failed: each migration has its own", "Leave one of them out.")
    api = ApiClient.from_environment()
    if failed:
        many.act_on_batch(api, many.RETRY, migration, yes=yes, as_json=as_json)
    else:
        _act_on_named_migration(api, migration, "retry", as_json, seen_version)


def cancel_migrations(
    migration: OneOrBatch = "",
    batch: Annotated[str, typer.Option("--batch", help="List this batch's migrations that have not begun, then cancel them.")] = "",
    state: States = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --batch: do not ask for a confirmation.")] = False,
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a migration before its instance is changed. With --batch, cancel all migrations of a batch that have not begun."""
    _check_one_or_many(migration, batch, seen_version, state)
    if yes and not batch:
        raise option_without_effect_problem("--yes", "without --batch: a single cancellation asks no question", "Leave it out.")
    api = ApiClient.from_environment()
    if batch:
        many.act_on_batch(api, many.CANCEL, batch, yes=yes, as_json=as_json, chosen=state or ())
    else:
        _act_on_named_migration(api, migration, "cancellation", as_json, seen_version)


def roll_back_migrations(
    migration: OneOrBatch = "",
    batch: Annotated[str, typer.Option("--batch", help="List this batch's migrated instances, then roll them back.")] = "",
    state: States = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    seen_version: Seen = None,
    as_json: AsJson = False,
) -> None:
    """Reset every disk of the instance to its snapshot from before the migration. Data written after the snapshot is lost.

    With --batch, roll back all migrated instances of a batch, or those in the states that you name.
    """
    _check_one_or_many(migration, batch, seen_version, state)
    api = ApiClient.from_environment()
    if batch:
        many.act_on_batch(api, many.ROLL_BACK, batch, yes=yes, as_json=as_json, chosen=state or ())
        return
    found = migration_to_act_on(api, migration, "rollback")
    if not yes and "rollback" in found["acts"]:
        question = f"Reset every disk of {found['instanceId']} to its snapshot? Data written since is lost."
        typer.confirm(question, abort=True, err=True)
    _request_act(api, found, "rollback", as_json, seen_version)


def _act_on_named_migration(api: ApiClient, migration: str, act: str, as_json: bool, seen_version: int | None) -> None:
    _request_act(api, migration_to_act_on(api, migration, act), act, as_json, seen_version)


def _request_act(api: ApiClient, found: Json, act: str, as_json: bool, seen_version: int | None) -> None:
    """Ask the API to carry out an act on a migration that still has the version ``seen_version``. If ``seen_version`` is None, the
    version in ``found`` is used.
    """
    answer = api.post(f"/migrations/{found['migrationId']}/{act}", seen=seen_version or found["version"])
    if as_json:
        output.show_json(answer)
    else:
        print(
            _DONE[act].format(
                about=f"Migration {answer['migrationId']} ({answer['instanceId']})", **_success_message_fields(answer)
            )
        )


_DONE = {
    "confirmation": "{about} is {confirmed}. Its snapshots are deleted after the batch's retention.",
    "retry": "{about} is tried again. It is {state} now.",
    "cancellation": "{about} is cancelled.",
    "rollback": "{about} is being rolled back. Follow it with: replank show {id}",
}


def _success_message_fields(answer: Json) -> dict[str, str]:
    moved_on = answer["state"] in states.TAKEN_BACK
    confirmed = f"{answer['state'].replace('_', ' ')}, and its snapshots are released" if moved_on else "confirmed"
    return {"state": answer["state"], "id": answer["migrationId"], "confirmed": confirmed}
