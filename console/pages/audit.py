"""Who asked for what, and what came of it."""

from __future__ import annotations

from console import web
from console.desk import Desk

ROWS = 50
FILTERS = ("from", "to", "who", "act", "target", "refused")
COLUMNS = ("at", "who", "trust", "door", "act", "target", "before", "after", "status", "code", "message", "request", "requestId")


def show(desk: Desk) -> web.Answer:
    """The page, or all its lines as CSV."""
    wanted = {name: desk.query.get(name, "") for name in FILTERS}
    if desk.wants_csv:
        return desk.csv_of_all("audit", COLUMNS, "/audit", "lines", wanted)
    page = desk.api.get("/audit", **wanted, limit=ROWS, nextToken=desk.query.get("after", ""))
    return desk.page("audit", lines=page["lines"], following=page["nextToken"], wanted=wanted, first="after" not in desk.query)
