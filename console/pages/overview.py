"""The overview: what needs a person now, what runs, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console import web
from console.attention import due_snapshots, heaps_of, of_batch, of_everything, of_ready, running, waiting
from console.desk import Desk
from console.pages.ready import ready
from console.problem import Problem

Json = dict[str, Any]
LISTED, SHOWN = 50, 12
"""Batches that are listed, and those that the tables show with their standing: open ones first, then the newest."""
NEEDS_PER_CALL, MOST_CALLS = 50, 10
"""Batches that the API looks into with one call, and calls, for what needs a person."""


@dataclass
class Parts:
    """The parts of the page: one that cannot be read leaves the others. ``missing`` names it, with the problem."""

    api_get: Callable[..., Any]
    missing: dict[str, Problem] = field(default_factory=dict)

    def get(self, name: str, path: str, **query: Any) -> Json | None:
        """What the API says; None if it cannot say now."""
        found: Json | None = self.part(name, lambda: self.api_get(path, **query))
        return found

    def part(self, name: str, read: Callable[[], Any]) -> Any:
        """What ``read`` finds; None if it cannot be read. Raises the Problem of a session that has ended (401)."""
        try:
            return read()
        except Problem as problem:
            if problem.status == 401:
                raise
            self.missing.setdefault(name, problem)
            return None


@dataclass
class Needs:
    """The batches that may need a person, and how far the page looked for them. ``whole`` says that it looked into every batch."""

    batches: list[Json] = field(default_factory=list)
    looked_into: int = 0
    whole: bool = False


def show(desk: Desk) -> web.Answer:
    """The page."""
    parts, now = Parts(desk.api.get), desk.api.now()
    page = desk.api.get("/batches", limit=LISTED)
    listed: list[Json] = sorted(page["batches"], key=lambda each: each.get("state") == "closed")
    shown = [parts.get("batch", f"/batches/{each['batchId']}") for each in listed[:SHOWN]]
    standings = {each["batchId"]: each for each in shown if each is not None}
    items = of_everything(*(parts.get(name, f"/{name}") or {} for name in ("hold", "stuck", "accounts")))
    is_ready: list[Json] = parts.part("ready", lambda: ready(desk)) or []
    items += of_ready(is_ready)
    needs = Needs()
    parts.part("needs", lambda: look_for_needs(desk, needs))
    ready_ids = {each["batchId"] for each in is_ready}
    for each in needs.batches:
        batch_id = each["batchId"]
        items += of_batch({**each, **standings.get(batch_id, {})}, now=now, ready=batch_id in ready_ids)
    money = parts.get("snapshots", "/snapshots", limit=100)
    items += due_snapshots(money or {}, now)
    return desk.page(
        "overview",
        live=True,
        heaps=heaps_of(items),
        running=running([*standings.values()]),
        next=waiting([*standings.values()]),
        shown=len(standings),
        left=len(listed) > SHOWN or bool(page["nextToken"]),
        needs=needs,
        missing=parts.missing,
        money=money and {**money, "number": len(money.get("snapshots", []))},
    )


def look_for_needs(desk: Desk, found: Needs) -> None:
    """Ask for the batches that may need a person, page by page. What a page brought stays if a later one cannot be read."""
    token = ""
    for _ in range(MOST_CALLS):
        page: Json = desk.api.get("/needs", limit=NEEDS_PER_CALL, nextToken=token)
        found.batches += page["batches"]
        found.looked_into += int(page["lookedInto"])
        token = str(page["nextToken"])
        if not token:
            found.whole = True
            return
