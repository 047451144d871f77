"""The overview: what needs a person now, what runs, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console import web
from console.attention import due_snapshots, of_batch, of_everything, of_ready, running, sorted_items, waiting
from console.desk import Desk
from console.pages.ready import ready
from console.problem import Problem

Json = dict[str, Any]
LISTED, LOOKED_INTO = 50, 12
"""Batches that are listed, and those whose standing is asked for: open ones first, then the newest."""


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


def show(desk: Desk) -> web.Answer:
    """The page."""
    parts, now = Parts(desk.api.get), desk.api.now()
    page = desk.api.get("/batches", limit=LISTED)
    listed: list[Json] = sorted(page["batches"], key=lambda each: each.get("state") == "closed")
    read = {each["batchId"]: parts.get("batch", f"/batches/{each['batchId']}") for each in listed[:LOOKED_INTO]}
    standings = [each for each in read.values() if each is not None]
    items = of_everything(*(parts.get(name, f"/{name}") or {} for name in ("hold", "stuck", "accounts")))
    is_ready: list[Json] = parts.part("ready", lambda: ready(desk)) or []
    items += of_ready(is_ready)
    for each in listed:
        # Of a batch that is not looked into, its row in the list tells the brake and the approvals.
        is_one = any(each["batchId"] == one["batchId"] for one in is_ready)
        items += of_batch(read.get(each["batchId"]) or each, now=now, ready=is_one)
    money = parts.get("snapshots", "/snapshots", limit=100)
    items += due_snapshots(money or {}, now)
    return desk.page(
        "overview",
        live=True,
        items=sorted_items(items),
        running=running(standings),
        next=waiting(standings),
        looked_into=len(standings),
        left=len(listed) - len(standings),
        further=bool(page["nextToken"]),
        missing=parts.missing,
        money=money and {**money, "number": len(money.get("snapshots", []))},
    )
