"""A new plan: which instances, where to, and the policy, in a form made from the API's own schema; then the batch."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console import web
from console.desk import Desk
from console.forms import Fault, Field, document_of, fault_named, faults_of, fields_of, typed_values, values_of, with_row
from console.present import link
from console.problem import Problem

Json = dict[str, Any]
NOT_ASKED = ("clientToken", "dryRun", "policy")
"""Of the submission, what the form treats by itself. It asks for all else, so that no criterion of a selection is ever dropped."""
MOST_IDS = 1000
"""Ids that a form can bear."""
PLANNED_WITH = ("selection", "destination", "destinations", "policy")
"""Of a batch, what it was submitted with."""
FIRST = ("driver", "maxMoving", "failureBudget", "waves", "gate", "soakMin", "zone", "windows", "blackouts", "approvals")
"""Fields of the policy that are not folded away."""


@dataclass(frozen=True)
class Filled:
    """What the form holds. ``token`` makes a form that is sent twice one submission; empty for a new form."""

    asked: dict[str, str]
    policy: dict[str, str]
    token: str = ""


def show(desk: Desk) -> web.Answer:
    """The form: empty, or like a batch that was submitted before."""
    schema = schema_of(desk, "submitBatch")
    like = desk.query.get("like", "")
    if not like:
        given = {name: desk.query.get(name, "") for name in _asked(schema)["properties"]}
        return _form(desk, schema, Filled(given, {}))
    batch: Json = desk.api.get(f"/batches/{like}")
    asked = _asked_by(batch, schema)
    if len(asked.get("instanceIds") or ()) > MOST_IDS:
        raise _not_alike(batch)
    policy = values_of(schema["properties"]["policy"], batch.get("policy") or {})
    return _form(desk, schema, Filled(values_of(schema, asked), policy))


def submit(desk: Desk) -> web.Answer:
    """Plan it, or submit it; sent twice it is one. If the API refuses, the form comes back as it was filled in."""
    schema = schema_of(desk, "submitBatch")
    policy_schema = schema["properties"]["policy"]
    asked = typed_values(desk.request.form, _asked(schema))
    policy, row = typed_values(desk.request.form, policy_schema, "policy."), desk.request.field("row")
    if row:
        policy, asked = with_row(policy_schema, policy, row, "policy."), with_row(_asked(schema), asked, row)
        return _form(desk, schema, Filled(asked, policy, desk.request.field("token")), opened=True)
    plans, token = desk.request.field("step") != "submit", desk.request.field("token")
    try:
        body = {**document_of(_asked(schema), asked), "policy": document_of(policy_schema, policy)}
        # What was changed after going back is another submission, so the token depends on the words too.
        body["clientToken"] = f"{token[:30]}-{digest(body)[:24]}"
        made = desk.api.post("/plans" if plans else "/batches", body)
    except Problem as problem:
        if problem.status == 401 or problem.status >= 500:
            raise
        return _form(desk, schema, Filled(asked, policy, token), problem)
    if plans:
        return web.redirect(link(f"/batches/{made['batchId']}/plan"))
    return desk.after("submission", f"/batches/{made['batchId']}")


def submit_planned(desk: Desk, batch_id: str) -> web.Answer:
    """Submit what a dry run was planned with. A plan is submitted once, however often the form is sent."""
    batch: Json = desk.api.get(f"/batches/{batch_id}")
    if not batch.get("dryRun"):
        raise Problem("Plan.Submitted", f"{batch_id} is no dry run: it was submitted already.", "Go on with the batch itself.")
    if desk.request.field("seen") != planned_with(batch):
        what = "The plan is no longer what you saw. Nothing was submitted."
        raise Problem("Plan.Moved", what, "Look at the plan again, and then submit it.", status=409)
    schema = schema_of(desk, "submitBatch")
    policy_schema = schema["properties"]["policy"]
    asked = document_of(_asked(schema), values_of(schema, _asked_by(batch, schema)))
    policy = document_of(policy_schema, values_of(policy_schema, batch.get("policy") or {}))
    token = f"console-{digest([batch_id, planned_with(batch)])[:40]}"
    made = desk.api.post("/batches", {**asked, "policy": policy, "clientToken": token})
    return desk.after("submission", f"/batches/{made['batchId']}")


def planned_with(batch: Json) -> str:
    """A digest of what a batch was submitted with, so that nobody submits another plan than the one that they saw."""
    return digest([batch.get(name) for name in PLANNED_WITH])[:32]


def _form(desk: Desk, schema: Json, filled: Filled, problem: Problem | None = None, *, opened: bool = False) -> web.Answer:
    first, rest = in_two(
        fields_of(schema["properties"]["policy"], filled.policy, faults(schema["properties"]["policy"], filled.policy, problem))
    )
    return desk.page(
        "submit",
        problem.status if problem else 200,
        asked=fields_of(_asked(schema), filled.asked, faults_of(_asked(schema), filled.asked) if problem else {}),
        first=first,
        rest=rest,
        opened=opened or any(each.value or each.faults for each in rest),
        token=filled.token or f"console-{secrets.token_hex(12)}",
        problem=problem,
    )


def faults(schema: Json, policy: Mapping[str, str], problem: Problem | None) -> dict[str, Fault]:
    """What is wrong with the fields of a policy that was refused; nothing without a refusal."""
    return {**fault_named(problem), **faults_of(schema, policy)} if problem else {}


def _asked(schema: Json) -> Json:
    return {"properties": {name: each for name, each in schema["properties"].items() if name not in NOT_ASKED}}


def _asked_by(batch: Json, schema: Json) -> Json:
    """What a batch was submitted with, without the policy. Raises Problem (Plan.NotAlike) if the schema cannot say all of it."""
    found = {**(batch.get("selection") or {}), "destination": batch.get("destination"), "destinations": batch.get("destinations")}
    found["exclude"] = {name: each for name, each in (found.get("exclude") or {}).items() if each}
    if any(value and name not in schema["properties"] for name, value in found.items()):
        raise _not_alike(batch)
    return found


def _not_alike(batch: Json) -> Problem:
    what = f"The form cannot hold all that {batch['batchId']} was submitted with."
    return Problem("Plan.NotAlike", what, "Submit it with the command that made it: replank submit, without --dry-run.")


def digest(words: Any) -> str:
    """A digest of a document."""
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def schema_of(desk: Desk, operation: str) -> Json:
    """What the API says that the body of an operation may hold."""
    document = desk.api.get("/openapi.json")
    for path in document["paths"].values():
        for each in path.values():
            if isinstance(each, dict) and each.get("operationId") == operation:
                found: Json = each["requestBody"]["content"]["application/json"]["schema"]
                return found
    raise Problem("Api.Unknown", f"The API does not know {operation}.", "Deploy api and console together.", status=502)


def in_two(fields: list[Field]) -> tuple[list[Field], list[Field]]:
    """The fields of a policy that come first, and those that are folded away."""
    first = sorted((each for each in fields if each.name in FIRST), key=lambda each: FIRST.index(each.name))
    return first, [each for each in fields if each.name not in FIRST]
