"""The snapshots held, and what they cost."""

from __future__ import annotations

from console import web
from console.desk import Desk

ROWS = 50
COLUMNS = (
    "snapshotId",
    "state",
    "instanceId",
    "diskId",
    "migrationId",
    "accountId",
    "regionId",
    "owner",
    "sizeGib",
    "createdAt",
    "sweepAt",
    "costPerMonth",
    "kept",
)


def show(desk: Desk) -> web.Answer:
    """The page, or all snapshots as CSV."""
    if desk.wants_csv:
        return desk.csv_of_all("snapshots", COLUMNS, "/snapshots", "snapshots", {})
    page = desk.api.get("/snapshots", limit=ROWS, nextToken=desk.query.get("after", ""))
    return desk.page("snapshots", live=True, list=page, following=page["nextToken"], first="after" not in desk.query)
