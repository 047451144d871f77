"""The instances that the selection of a batch left out, and why."""

from __future__ import annotations

from console import web
from console.desk import Desk

ROWS = 50
COLUMNS = ("accountId", "regionId", "instanceId", "name", "code", "message")


def show(desk: Desk, batch_id: str) -> web.Answer:
    """The page, or all that was left out as CSV."""
    if desk.wants_csv:
        return desk.csv_of_all(f"{batch_id}-left-out", COLUMNS, f"/batches/{batch_id}/left-out", "leftOut", {})
    found = desk.api.get(f"/batches/{batch_id}/left-out", limit=ROWS, nextToken=desk.query.get("after", ""))
    following = found["nextToken"]
    return desk.page("left-out", list=found, rows=found["leftOut"], following=following, first="after" not in desk.query)
