"""The commands approve and approvals: approve a batch, a wave or a rollback, and show which approvals are missing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson, BatchId, description
from cli.problem import Problem, bad_input_problem
from shared.runtime import requests

Json = dict[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add the commands approve and approvals to the command line."""
    app.command("approve")(approve_batch_or_rollback)
    app.command("approvals")(show_approvals)


def approve_batch_or_rollback(
    batch: BatchId,
    wave: Annotated[int, typer.Option("--wave", help="Approve this wave, not the batch.", min=0)] = 0,
    rollback: Annotated[str, typer.Option("--rollback", help="Approve the rollback of this migration of the batch.")] = "",
    why: Annotated[str, typer.Option(help=description(requests.APPROVAL, "why"))] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Approve a batch, its next wave, or a rollback, if the policy of the batch requires the approval.

    An approval does not acknowledge the risks.
    """
    if wave and rollback:
        raise bad_input_problem("Option.Conflict", "--wave and --rollback cannot be used together.", "Leave one of them out.")
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    if rollback:
        path, seen, asked = _rollback_request(api, found, rollback)
    else:
        path, seen, asked = f"/batches/{batch}/approvals", 0, _approval_request(found, f"wave {wave}" if wave else "batch")
    if not yes:
        typer.confirm(f"{_batch_summary(found, asked)}\nApprove the {asked['about']}?", abort=True, err=True)
    body: Json = {"seen": asked["seen"], **({"wave": wave} if wave else {}), **({"why": why} if why else {})}
    answer = api.post(path, body, seen=seen)
    if as_json:
        output.show_json(answer)
        return
    now = answer["rollbackApprovals"] if rollback else _approval_request(answer, asked["about"])
    missing = (
        f"{now['missing']} more approvals are missing."
        if now["missing"]
        else f"It counts until {output.time_in_words(now['expiresAt'])}."
    )
    print(f"The {now['about']} is approved. {missing}")


def _approval_request(batch: Json, about: str) -> Json:
    """The batch's request for an approval. ``about`` names what needs the approval, for example ``batch`` or ``wave 2``.

    If the batch has no request for this approval, an empty request is returned. The API refuses an empty request and gives the
    reason.
    """
    for each in batch["approvals"]:
        if each["about"] == about:
            return dict(each)
    return {"about": about, "seen": "0" * 32, "needed": 0, "missing": 0, "given": []}


def _rollback_request(api: ApiClient, batch: Json, migration: str) -> tuple[str, int, Json]:
    found = api.get(f"/migrations/{migration}")
    if found["batchId"] != batch["batchId"]:
        sentence = f"Migration {migration} belongs to batch {found['batchId']}."
        raise Problem("Migration.OtherBatch", sentence, f"replank approve {found['batchId']} --rollback {migration}")
    nothing = {"about": f"rollback {migration}", "seen": "0" * 32, "needed": 0, "missing": 0, "given": []}
    return f"/migrations/{migration}/approvals", found["version"], dict(found["rollbackApprovals"] or nothing)


def _batch_summary(batch: Json, asked: Json) -> str:
    policy = batch["policy"]
    chosen = ", ".join(f"{name} {policy[name]}" for name in ("driver", "maxMoving", "failureBudget", "retentionDays"))
    given = ", ".join(each["by"] for each in asked["given"] if each["standing"] == "counts") or "nobody"
    return f"Batch {batch['batchId']}: {batch['size']} instances; {chosen}. Approved so far by {given} ({asked['needed']} needed)."


def show_approvals(
    batch: Annotated[
        str, typer.Argument(metavar="[BATCH]", help="Id of a batch; without it, all batches that wait for an approval.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show what needs an approval, who has given an approval, and when each approval expires."""
    api = ApiClient.from_environment()
    batches = (
        [api.get(f"/batches/{batch}")]
        if batch
        else [each for each in api.all_items("/batches", "batches") if _is_waiting_for_approval(each)]
    )
    if as_json:
        output.show_json({"batches": [{"batchId": each["batchId"], "approvals": each["approvals"]} for each in batches]})
        return
    rows = [
        (
            each["batchId"],
            asked["about"],
            f"{asked['needed'] - asked['missing']} of {asked['needed']}",
            asked["role"],
            output.time_in_words(asked["expiresAt"]) if asked["expiresAt"] else "",
            "; ".join(f"{output.actor_in_words(given)} ({given['standing']})" for given in asked["given"]),
        )
        for each in batches
        for asked in each["approvals"]
    ]
    if rows:
        output.print_table(("batch", "what", "approved", "role", "expires", "by"), rows)
    else:
        print(f"The policy of batch {batch} needs no approval now." if batch else "Nothing waits for an approval.")


def _is_waiting_for_approval(batch: Json) -> bool:
    return batch["state"] == "open" and any(each["missing"] for each in batch["approvals"])
