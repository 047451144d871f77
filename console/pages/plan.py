"""The plan of a batch: what will happen, when, and at what cost; later beside what happened. A finished plan is read once, not
again and again: the API runs the schedule ahead for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console import web
from console.desk import Desk
from console.lanes import moment, picture
from console.pages.submit import planned_with

Json = dict[str, Any]
COLUMNS = ("wave", "size", "names", "earliest", "p10", "p50", "p90")


@dataclass(frozen=True)
class Delay:
    """How much later than planned half of the runs end, or the batch has ended. Not positive: it is not late.

    ``beyond`` says that it is later than nine tenths of the runs were to end.
    """

    minutes: int
    beyond: bool

    @property
    def hours(self) -> int:
        """Whole hours, rounded."""
        return round(self.minutes / 60)


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
        late=late(plan),
    )


def forecast(desk: Desk, batch_id: str) -> web.Answer:
    """The forecast beside reality as a part of the batch's page, which asks for it afterwards: it takes the API a while."""
    plan: Json = desk.api.get(f"/batches/{batch_id}/plan")
    standing: Json = desk.api.get(f"/batches/{batch_id}")
    return desk.page("forecast", plan=plan, batch=standing, picture=picture(plan, standing), late=late(plan))


def late(plan: Json) -> Delay | None:
    """How late the batch is; None if nothing was planned, or if the end is not known."""
    planned = plan.get("planned") or {}
    usual, last = moment(planned.get("p50")), moment(planned.get("p90"))
    ends = moment(plan.get("finishedAt")) or moment((plan.get("finish") or {}).get("p50"))
    return Delay(int((ends - usual).total_seconds()) // 60, last is not None and ends > last) if usual and ends else None


def _flat(wave: Json) -> Json:
    return {"wave": wave["number"], "size": wave["size"], "names": " ".join(wave.get("names") or ()), **(wave.get("finish") or {})}
