"""Who asked for what, and what came of it."""

from __future__ import annotations

import re

from console import web
from console.desk import Desk

ROWS = 50
FILTERS = ("from", "to", "who", "act", "target", "refused")
COLUMNS = ("at", "who", "trust", "door", "act", "target", "before", "after", "status", "code", "message", "request", "requestId")

_BATCH, _MIGRATION = re.compile(r"b[0-9a-f]{16}"), re.compile(r"m[0-9a-f]{16}")


def show(desk: Desk) -> web.Answer:
    """The page, or all its lines as CSV."""
    wanted = {name: desk.query.get(name, "") for name in FILTERS}
    if desk.wants_csv:
        return desk.csv_of_all("audit", COLUMNS, "/audit", "lines", wanted)
    page = desk.api.get("/audit", **wanted, limit=ROWS, nextToken=desk.query.get("after", ""))
    lines = [{**each, "page": page_of(str(each.get("target") or ""))} for each in page["lines"]]
    return desk.page("audit", lines=lines, following=page["nextToken"], wanted=wanted, first="after" not in desk.query)


def page_of(target: str) -> str:
    """The page of a batch or a migration, by the form of its id; empty for another target."""
    folder = "batches" if _BATCH.fullmatch(target) else "migrations" if _MIGRATION.fullmatch(target) else ""
    return f"/console/{folder}/{target}" if folder else ""
