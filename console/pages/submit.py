"""A new plan: which instances, where to, and the policy, in a form made from the API's own schema."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from console import web
from console.desk import Desk
from console.forms import document_of, fields_of, values_of
from console.present import link
from console.problem import Problem

Json = dict[str, Any]
NOT_ASKED = ("clientToken", "dryRun", "policy")
"""Of the submission, what the form treats by itself. It asks for all else, so that no criterion of a selection is ever dropped."""
MOST_IDS = 1000
"""Ids that a form can bear."""
FIRST = ("driver", "maxMoving", "failureBudget", "waves", "gate", "soakMin", "windows", "approvals")
"""Fields of the policy that are not folded away."""


@dataclass(frozen=True)
class Filled:
    """What the form holds. ``token`` makes a form that is sent twice one submission; empty for a new form."""

    asked: dict[str, str]
    policy: dict[str, str]
    dry: bool
    token: str = ""


def show(desk: Desk) -> web.Answer:
    """The form: empty, or like a batch that was submitted before."""
    schema = _schema(desk)
    like = desk.query.get("like", "")
    if not like:
        given = {name: desk.query.get(name, "") for name in _asked(schema)["properties"]}
        return _form(desk, schema, Filled(given, {}, dry=True))
    batch: Json = desk.api.get(f"/batches/{like}")
    asked = _asked_by(batch, schema)
    policy = values_of(schema["properties"]["policy"], batch.get("policy") or {})
    return _form(desk, schema, Filled(values_of(schema, asked), policy, dry=not batch.get("dryRun")))


def submit(desk: Desk) -> web.Answer:
    """Submit it; sent twice it is one batch. If the API refuses, the form comes back as it was filled in."""
    schema = _schema(desk)
    policy_schema = schema["properties"]["policy"]
    asked = {name: desk.request.field(name) for name in _asked(schema)["properties"]}
    policy = {name: desk.request.field(f"policy.{name}") for name in policy_schema["properties"]}
    dry, token = desk.request.field("dryRun") == "yes", desk.request.field("token")
    try:
        body = document_of(_asked(schema), asked)
        chosen = document_of(policy_schema, policy)
        made = desk.api.post("/batches", {**body, "clientToken": token, "dryRun": dry, "policy": chosen})
    except Problem as problem:
        if problem.status == 401 or problem.status >= 500:
            raise
        return _form(desk, schema, Filled(asked, policy, dry, token), problem)
    return web.redirect(link(f"/batches/{made['batchId']}", done="submission"))


def _form(desk: Desk, schema: Json, filled: Filled, problem: Problem | None = None) -> web.Answer:
    fields = fields_of(schema["properties"]["policy"], filled.policy)
    first = sorted((each for each in fields if each.name in FIRST), key=lambda each: FIRST.index(each.name))
    rest = [each for each in fields if each.name not in FIRST]
    return desk.page(
        "submit",
        problem.status if problem else 200,
        asked=fields_of(_asked(schema), filled.asked),
        first=first,
        rest=rest,
        opened=any(each.value for each in rest),
        dry=filled.dry,
        token=filled.token or f"console-{secrets.token_hex(12)}",
        problem=problem,
    )


def _asked(schema: Json) -> Json:
    return {"properties": {name: each for name, each in schema["properties"].items() if name not in NOT_ASKED}}


def _asked_by(batch: Json, schema: Json) -> Json:
    """What a batch was submitted with, without the policy. Raises Problem (Plan.NotAlike) if the form cannot say all of it."""
    found = {**(batch.get("selection") or {}), "destination": batch.get("destination"), "destinations": batch.get("destinations")}
    found["exclude"] = {name: each for name, each in (found.get("exclude") or {}).items() if each}
    unknown = [name for name, value in found.items() if value and name not in schema["properties"]]
    if unknown or len(found.get("instanceIds") or ()) > MOST_IDS:
        what = f"The form cannot hold all that {batch['batchId']} was submitted with."
        raise Problem("Plan.NotAlike", what, "Submit it with the command that made it: replank submit, without --dry-run.")
    return found


def _schema(desk: Desk) -> Json:
    """What the API says that a submission may hold."""
    document = desk.api.get("/openapi.json")
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and operation.get("operationId") == "submitBatch":
                found: Json = operation["requestBody"]["content"]["application/json"]["schema"]
                return found
    raise Problem("Api.Unknown", "The API does not say how a batch is submitted.", "Deploy api and console together.", status=502)
