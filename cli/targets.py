"""Finds a migration by its own id, or by the id of its instance."""

from __future__ import annotations

from typing import Any

from cli import output, states
from cli.client import ApiClient
from cli.problem import Problem, bad_input_problem

Json = dict[str, Any]
ACTS = {"confirmation": "confirm", "retry": "retry", "cancellation": "cancel", "rollback": "rollback"}
"""Maps each act's name in the API to the command that carries out the act."""
_SHOWN = 5


def migration_to_show(api: ApiClient, given: str) -> Json:
    """The migration with the id ``given``.

    If ``given`` is an instance id, the result is the instance's newest migration, which may be a dry run.
    """
    return migration_by_id(api, given if not given.startswith("i-") else _migrations_of_instance(api, given)[0]["migrationId"])


def migration_to_act_on(api: ApiClient, given: str, act: str) -> Json:
    """The migration with the id ``given``. If ``given`` is an instance id, the result is the instance's migration that is open or
    allows the act.

    Dry runs are ignored. If no migration of the instance fits, the newest migration is returned, and the API then refuses the act
    with the reason. Raises Problem (Migration.NotFound, Migration.Ambiguous).
    """
    if not given.startswith("i-"):
        return migration_by_id(api, given)
    real = [each for each in _migrations_of_instance(api, given) if not each["dryRun"]]
    if not real:
        sentence = f"Instance {given} has only dry runs, and a dry run has nothing to {ACTS[act]}."
        raise Problem("Migration.NotFound", sentence, f"Submit a batch with it: replank submit -i {given}")
    found = [migration_by_id(api, each["migrationId"]) for each in real]
    meant = [each for each in found if each["state"] not in states.RESTING or act in each["acts"]] or found[:1]
    if len(meant) > 1:
        raise bad_input_problem(
            "Migration.Ambiguous",
            f"Instance {given} has {len(meant)} migrations that you may mean:\n" + "\n".join(map(_migration_line, meant[:_SHOWN])),
            f"Name the migration: replank {ACTS[act]} {meant[0]['migrationId']}",
        )
    return meant[0]


def migration_by_id(api: ApiClient, migration_id: str) -> Json:
    """The migration with this id, with the acts that are possible now. Raises Problem if the migration does not exist."""
    found: Json = api.get(f"/migrations/{migration_id}")
    return found


def _migrations_of_instance(api: ApiClient, instance_id: str) -> list[Json]:
    """The migrations of the instance, newest first. Raises Problem (Migration.NotFound) if the instance has no migration."""
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
