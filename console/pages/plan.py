"""The plan of a batch: what will happen, when, and at what cost; later beside what happened. A finished plan is read once, not
again and again: the API runs the schedule ahead for it."""

from __future__ import annotations

from typing import Any

from console import web
from console.desk import Desk
from console.lanes import picture
from console.pages.submit import planned_with

Json = dict[str, Any]
COLUMNS = ("wave", "size", "names", "earliest", "p10", "p50", "p90")


def show(desk: Desk, batch_id: str) -> web.Answer:
    """The page, or its waves as CSV."""
    plan: Json = desk.api.get(f"/batches/{batch_id}/plan")
    if desk.wants_csv:
        return desk.csv(f"{batch_id}-plan", COLUMNS, [_flat(each) for each in plan.get("waves") or []])
    standing: Json = desk.api.get(f"/batches/{batch_id}")
    making = plan.get("state") == "planning"
    return desk.page(
        "plan",
        live=making or bool(plan.get("unassessed")),
        plan=plan,
        batch=standing,
        making=making,
        seen=planned_with(standing),
        picture=picture(plan, standing),
    )


def _flat(wave: Json) -> Json:
    return {"wave": wave["number"], "size": wave["size"], "names": " ".join(wave.get("names") or ()), **(wave.get("finish") or {})}
