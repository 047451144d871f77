"""The overview: what needs a person now, what runs, and what comes next."""

from __future__ import annotations

from typing import Any

from console import web
from console.attention import of_batch, of_everything, of_ready, running, sorted_items, waiting
from console.desk import Desk
from console.pages.ready import ready
from console.problem import Problem

Json = dict[str, Any]
LISTED, LOOKED_INTO = 50, 12
"""Batches that are listed, and those whose standing is asked for: open ones first, then the newest."""


def show(desk: Desk) -> web.Answer:
    """The page."""
    page = desk.api.get("/batches", limit=LISTED)
    newest: list[Json] = page["batches"]
    chosen = sorted(newest, key=lambda each: each.get("state") == "closed")[:LOOKED_INTO]
    standings = [desk.api.get(f"/batches/{each['batchId']}") for each in chosen]
    items = of_everything(desk.api.get("/hold"), desk.api.get("/stuck"), desk.api.get("/accounts"))
    is_ready = ready(desk)
    items += of_ready(is_ready)
    for each in standings:
        items += of_batch(each, ready=any(each["batchId"] == one["batchId"] for one in is_ready))
    return desk.page(
        "overview",
        live=True,
        items=sorted_items(items),
        running=running(standings),
        next=waiting(standings),
        looked_into=len(standings),
        more=bool(page["nextToken"]) or len(newest) > len(standings),
        money=_money(desk),
    )


def _money(desk: Desk) -> Json | None:
    """What the first page of the snapshots costs; None if the API cannot say now."""
    try:
        found: Json = desk.api.get("/snapshots", limit=100)
    except Problem:
        return None
    return {**found, "number": len(found.get("snapshots", []))}
