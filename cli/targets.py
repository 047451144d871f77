"""Finds the migration that a person means, by its id or, if unambiguous, by its instance's id."""

from __future__ import annotations

from typing import Any

from cli import output, states
from cli.client import Api
from cli.problem import Problem, bad_input

Json = dict[str, Any]
ACTS = {"confirmation": "confirm", "retry": "retry", "cancellation": "cancel", "rollback": "rollback"}
"""The commands of the acts, as the API names them."""
_SHOWN = 5


def migration_to_show(api: Api, given: str) -> Json:
    """The migration to look at: the one with this id, or the newest of this instance, dry run or not."""
    return migration_by_id(api, given if not given.startswith("i-") else _migrations_of_instance(api, given)[0]["migrationId"])


def migration_to_act_on(api: Api, given: str, act: str) -> Json:
    """The migration that an act is for. Raises Problem if an instance's id matches no migration, or more than one.

    Dry runs are never meant. Open migrations count, and those for which the act is possible. If there are neither, the newest
    counts, and the API says why the act is impossible.
    """
    if not given.startswith("i-"):
        return migration_by_id(api, given)
    real = [each for each in _migrations_of_instance(api, given) if not each["dryRun"]]
    if not real:
        sentence = f"Instance {given} has dry runs only, and a dry run has nothing to {ACTS[act]}."
        raise Problem("Migration.NotFound", sentence, f"Submit a batch with it: replank submit -i {given}")
    found = [migration_by_id(api, each["migrationId"]) for each in real]
    meant = [each for each in found if each["state"] not in states.RESTING or act in each["acts"]] or found[:1]
    if len(meant) > 1:
        raise bad_input(
            "Migration.Ambiguous",
            f"Instance {given} has {len(meant)} migrations that you may mean:\n" + "\n".join(map(_migration_line, meant[:_SHOWN])),
            f"Name the migration: replank {ACTS[act]} {meant[0]['migrationId']}",
        )
    return meant[0]


def migration_by_id(api: Api, migration_id: str) -> Json:
    """One migration with the acts that are possible now."""
    found: Json = api.get(f"/migrations/{migration_id}")
    return found


def _migrations_of_instance(api: Api, instance_id: str) -> list[Json]:
    """The instance's migrations, newest first; raises Problem if it has none."""
    found: list[Json] = api.get("/migrations", instanceId=instance_id, limit=100)["migrations"]
    if not found:
        sentence = f"Instance {instance_id} has no migration."
        raise Problem("Migration.NotFound", sentence, f"Submit a batch with it: replank submit -i {instance_id}")
    return found


def _migration_line(found: Json) -> str:
    possible = ", ".join(ACTS[act] for act in found["acts"]) or "nothing"
    since = output.time_in_words(found["enteredAt"])
    return (
        f"  {found['migrationId']}  batch {found['batchId']}  {found['state']} since {since}  "
        f"version {found['version']}  possible: {possible}"
    )
