"""What is ready to confirm: all batches that were clean for as long as their policies ask, confirmed by one act."""

from __future__ import annotations

import re
from typing import Any

from console import web
from console.desk import Desk
from console.pages.many import MOST, all_in_state, carry_out, result, seen
from console.problem import Problem

Json = dict[str, Any]
MOST_BATCHES, PAGES = 20, 3
"""Batches that are listed at once, and pages of the API that are looked through for them."""
_OF_BATCH = re.compile(r"([A-Za-z0-9_-]{1,64}):(.+)")


def show(desk: Desk) -> web.Answer:
    """Who would be confirmed, batch by batch."""
    batches = ready(desk)
    listed: list[Json] = []
    room = MOST
    for batch in batches[:MOST_BATCHES]:
        rows = all_in_state(desk, batch["batchId"], "migrated", {}, room) if room else []
        room -= len(rows)
        listed += [{"batch": batch, "rows": rows}] if rows else []
    more = not room or len(batches) > MOST_BATCHES
    return desk.page("ready", listed=listed, number=MOST - room, more=more)


def confirm(desk: Desk) -> web.Answer:
    """Confirm all that were listed, each at the version that was seen."""
    parts = [_OF_BATCH.fullmatch(each) for each in desk.request.form.get("m", [])]
    if not parts or not all(parts):
        raise Problem("Form.Incomplete", "The form names nothing to confirm. Nothing was done.", "Reload the page, and try again.")
    wanted: dict[str, list[Json]] = {}
    for each in filter(None, parts):
        wanted.setdefault(each[1], []).extend(seen([each[2]]))
    return result(desk, "confirmation", carry_out(desk, "confirmation", wanted))


def ready(desk: Desk) -> list[Json]:
    """The batches whose migrations were clean for the policy's ``confirmAfterDays``."""
    pages = desk.api.pages("/batches", "batches", PAGES, readyToConfirm="true")
    return [each for page in pages for each in page["items"]]
