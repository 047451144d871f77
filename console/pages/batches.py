"""The list of all batches."""

from __future__ import annotations

from console import web
from console.desk import Desk

ROWS = 50
COLUMNS = ("batchId", "state", "createdAt", "createdBy", "size", "dryRun", "destination")


def show(desk: Desk) -> web.Answer:
    """The page, or all batches as CSV."""
    if desk.wants_csv:
        return desk.csv_of_all("batches", COLUMNS, "/batches", "batches", {})
    page = desk.api.get("/batches", limit=ROWS, nextToken=desk.query.get("after", ""))
    return desk.page("batches", live=True, batches=page["batches"], following=page["nextToken"], first="after" not in desk.query)
