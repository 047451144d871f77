"""A batch: its waves, its brakes, and its migrations, found by state, failure code or text."""

from __future__ import annotations

from typing import Any

from console import web
from console.attention import is_open, needs_acknowledgement, wave_to_begin
from console.desk import Desk

Json = dict[str, Any]
ROWS, MOST_PAGES = 50, 10
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
    "destination",
    "hop",
    "hops",
    "attempt",
    "failureCode",
    "failureMessage",
    "enteredAt",
)


def show(desk: Desk, batch_id: str) -> web.Answer:
    """The page, or its rows as CSV."""
    wanted = {name: desk.query.get(name, "") for name in ("state", "code", "text")}
    rows, following = found(desk, batch_id, wanted)
    if desk.wants_csv:
        return desk.csv(batch_id, COLUMNS, [_flat(each) for each in rows])
    standing = desk.api.get(f"/batches/{batch_id}")
    counts = standing.get("counts") or {}
    return desk.page(
        "batch",
        live=True,
        batch=standing,
        counts=counts,
        total=sum(counts.values()),
        rows=rows,
        following=following,
        wanted=wanted,
        first="after" not in desk.query,
        ask=needs_acknowledgement(standing),
        gated=bool(wave_to_begin(standing)),
        missing=[each for each in standing.get("approvals") or [] if each.get("missing")] if is_open(standing) else [],
        risks=risks_of(desk, standing),
        budget=(standing.get("policy") or {}).get("failureBudget"),
    )


def risks_of(desk: Desk, standing: Json) -> Json:
    """The risks in force, if somebody has to read them here."""
    if standing.get("risks"):
        return dict(standing["risks"])
    asked = is_open(standing) and any(each.get("missing") for each in standing.get("approvals") or [])
    return dict(desk.api.get("/risks")) if asked else {}


def found(desk: Desk, batch_id: str, wanted: Json) -> tuple[list[Json], str]:
    """The rows that meet the filters, and where the list goes on.

    The API knows the state only. Code and text are looked for here, in at most a thousand migrations for one page.
    """
    after = desk.query.get("after", "")
    if not wanted["code"] and not wanted["text"]:
        page = desk.api.get("/migrations", batchId=batch_id, state=wanted["state"], limit=ROWS, nextToken=after)
        return page["migrations"], page["nextToken"]
    rows: list[Json] = []
    token = after
    given = {"batchId": batch_id, "state": wanted["state"], "nextToken": after}
    for page in desk.api.pages("/migrations", "migrations", MOST_PAGES, **given):
        rows += [each for each in page["items"] if is_meant(each, wanted["code"], wanted["text"])]
        token = page["nextToken"]
        if len(rows) >= ROWS:
            break
    return rows, token


def is_meant(migration: Json, code: str, text: str) -> bool:
    """Whether a migration has the failure code, and the text in one of its names."""
    failure = migration.get("failure") or {}
    names = ("instanceId", "instanceName", "migrationId", "source", "destination", "accountId", "regionId")
    holds = any(text.casefold() in str(migration.get(name) or "").casefold() for name in names)
    return holds and code.casefold() in str(failure.get("code") or "").casefold()


def _flat(migration: Json) -> Json:
    failure = migration.get("failure") or {}
    return {**migration, "failureCode": failure.get("code"), "failureMessage": failure.get("message")}
