"""A batch: its waves, its brakes, and its migrations, found by state, failure code, text or group."""

from __future__ import annotations

from functools import partial
from typing import Any

from console import web
from console.attention import is_open, needs_acknowledgement, wave_to_begin
from console.desk import Desk
from console.in_words import Words, journal_in_words
from console.texts import Text, texts

Json = dict[str, Any]
ROWS = 50
FILTERS = ("state", "code", "text", "group")
MOST_SORTED = 1000
"""Migrations that the API sorts by another column than the state."""
SORTED = ("name", "changed")
"""Such orders. A ``-`` before one reverses it."""
SELECTABLE = (
    "accepted",
    "prechecking",
    "precheck_failed",
    "ready",
    "snapshotting",
    "snapshotted",
    "waiting",
    "failed",
    "migrated",
)
"""States in which a row can be selected, because an act on many is for them."""
COLUMNS = (
    "migrationId",
    "version",
    "instanceId",
    "instanceName",
    "accountId",
    "regionId",
    "state",
    "progress",
    "source",
    "routeEnd",
    "hop",
    "hops",
    "attempt",
    "failureCode",
    "failureMessage",
    "enteredAt",
)


def show(desk: Desk, batch_id: str) -> web.Answer:
    """The page, or all rows that meet its filters as CSV."""
    wanted = {name: desk.query.get(name, "") for name in FILTERS}
    order = desk.query.get("order", "")
    if desk.wants_csv and order.removeprefix("-") not in SORTED:
        return _csv(desk, batch_id, {**wanted, "order": order_of(order, 0)})
    standing = desk.api.get(f"/batches/{batch_id}")
    counts = standing.get("counts") or {}
    listed = counts.get(wanted["state"], 0) if wanted["state"] else sum(counts.values())
    order = order_of(order, listed)
    if desk.wants_csv:
        return _csv(desk, batch_id, {**wanted, "order": order})
    rows, following = found(desk, batch_id, {**wanted, "order": order})
    return desk.page(
        "batch",
        live=True,
        batch=standing,
        counts=counts,
        total=sum(counts.values()),
        sortable=listed <= MOST_SORTED,
        most_sorted=MOST_SORTED,
        rows=rows,
        following=following,
        wanted=wanted,
        order=order,
        looked_for=any(wanted[name] for name in FILTERS[1:]),
        first="after" not in desk.query,
        selectable=SELECTABLE,
        ask=needs_acknowledgement(standing),
        gated=bool(wave_to_begin(standing)),
        missing=[each for each in standing.get("approvals") or [] if each.get("missing")] if is_open(standing) else [],
        risks=standing.get("risks") or {},
        budget=standing.get("failureBudget"),
        wave_budget=(standing.get("policy") or {}).get("waveFailureBudget"),
        worst_wave=worst_wave(standing),
        in_words=partial(_in_words, texts("batch", desk.language)),
    )


def worst_wave(standing: Json) -> Json | None:
    """The first of the waves with the most failures that count; None if waves have no budget, or if the batch has no waves yet."""
    if (standing.get("policy") or {}).get("waveFailureBudget") is None:
        return None
    return max(standing.get("waves") or [], key=lambda wave: wave.get("againstBudget") or 0, default=None)


def _in_words(text: Text, line: Json) -> dict[str, tuple[Words, Words]]:
    """What a line of the journal changed, by the name of the field."""
    before, after = line.get("before") or {}, line.get("after") or {}
    return {name: journal_in_words(name, value, str(after.get(name, "")), text) for name, value in before.items()}


def order_of(asked: str, listed: int) -> str:
    """The order to ask the API for; empty for its own, by the state. A list that is too long for another order has this one."""
    if asked == "-state":
        return asked
    return asked if asked.removeprefix("-") in SORTED and listed <= MOST_SORTED else ""


def found(desk: Desk, batch_id: str, wanted: Json) -> tuple[list[Json], str]:
    """The rows that meet the filters, and where the list goes on. The API looks for them; a page may hold fewer and still go on."""
    page = desk.api.get("/migrations", batchId=batch_id, **wanted, limit=ROWS, nextToken=desk.query.get("after", ""))
    return page["migrations"], page["nextToken"]


def _csv(desk: Desk, batch_id: str, wanted: Json) -> web.Answer:
    return desk.csv_of_all(batch_id, COLUMNS, "/migrations", "migrations", {"batchId": batch_id, **wanted}, _flat)


def _flat(migration: Json) -> Json:
    failure = migration.get("failure") or {}
    return {**migration, "failureCode": failure.get("code"), "failureMessage": failure.get("message")}
