"""Another policy for a batch: the form with its own policy, then each change with what follows from it, then the act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console import web
from console.desk import Desk
from console.forms import Field, document_of, fields_of, typed_values, values_of, with_row
from console.in_words import change_in_words
from console.pages.submit import digest, faults, in_two, schema_of
from console.problem import Problem
from console.texts import texts

Json = dict[str, Any]


@dataclass(frozen=True)
class FieldChange:
    """One field with its value before and after, as the API has them; None for none."""

    name: str
    before: Any
    after: Any


def show(desk: Desk, batch_id: str) -> web.Answer:
    """The form, filled in with the batch's policy."""
    batch: Json = desk.api.get(f"/batches/{batch_id}")
    schema = _schema(desk)
    return _form(desk, batch, schema, values_of(schema, batch.get("policy") or {}))


def change(desk: Desk, batch_id: str) -> web.Answer:
    """Show what would change, or set the policy once that was seen. What cannot be done comes back as the form."""
    batch: Json = desk.api.get(f"/batches/{batch_id}")
    schema, step, why = _schema(desk), desk.request.field("step"), desk.request.field("why")
    values, row = typed_values(desk.request.form, schema, "policy."), desk.request.field("row")
    if row:
        return _form(desk, batch, schema, with_row(schema, values, row, "policy."), opened=True)
    try:
        wanted = document_of(schema, values)
        if step == "set":
            body = {"policy": wanted, **({"why": why} if why else {})}
            desk.api.post(f"/batches/{batch_id}/policy", body, seen=desk.version())
            return desk.after("policy", f"/batches/{batch_id}")
        if step == "review" and desk.request.field("seen") != digest(batch.get("policy")):
            what = "The policy of the batch has changed since you opened the form. Nothing was done."
            raise Problem("Policy.Moved", what, "The form holds what you entered. Look at each change again.", status=409)
    except Problem as problem:
        if problem.status == 401 or problem.status >= 500:
            raise
        return _form(desk, batch, schema, values, problem)
    if step != "review":
        return _form(desk, batch, schema, values)
    changes, text = changes_of(schema, batch.get("policy") or {}, wanted), texts("policy-review", desk.language)
    return desk.page(
        "policy-review",
        batch=batch,
        changes=[(each.name, change_in_words(each.name, each.before, each.after, text)) for each in changes],
        kept={name: text for name, text in values.items() if text},
        why=why,
        given=[one for each in batch.get("approvals") or () for one in each.get("given") or () if one.get("standing") == "counts"],
        rollback_ends=bool(batch.get("acknowledgement") and (batch.get("policy") or {}).get("automaticRollback")),
    )


def changes_of(schema: Json, before: Json, after: Json) -> list[FieldChange]:
    """Which fields differ. A field that is left out has its default."""
    was, will = values_of(schema, before), values_of(schema, after)
    return [
        FieldChange(each.name, _value(each, was), _value(each, will))
        for each in fields_of(schema, {})
        if was.get(each.name, "") != will.get(each.name, "")
    ]


def _value(field: Field, values: Mapping[str, str]) -> Any:
    shown = values.get(field.name) or field.default
    if field.kind == "flag":
        return bool(shown)
    if not shown:
        return None
    return json.loads(shown) if field.kind in ("rows", "json") else shown


def _form(
    desk: Desk, batch: Json, schema: Json, values: Mapping[str, str], problem: Problem | None = None, *, opened: bool = False
) -> web.Answer:
    first, rest = in_two(fields_of(schema, values, faults(schema, values, problem)))
    return desk.page(
        "policy",
        problem.status if problem else 200,
        batch=batch,
        first=first,
        rest=rest,
        opened=opened or any(each.value or each.faults for each in rest),
        seen=digest(batch.get("policy")),
        why=desk.request.field("why"),
        problem=problem,
    )


def _schema(desk: Desk) -> Json:
    found: Json = schema_of(desk, "setPolicy")["properties"]["policy"]
    return found
