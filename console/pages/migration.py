"""One migration: where it is, what it waits for, what was found, what happened, and what may be done."""

from __future__ import annotations

from typing import Any

from console import web
from console.desk import Desk

Json = dict[str, Any]
STAGES = (
    "accepted",
    "prechecking",
    "ready",
    "snapshotting",
    "snapshotted",
    "migrating",
    "restarting",
    "validating",
    "migrated",
    "confirmed",
    "completed",
)
"""The way of one hop, in order."""
_TOUCHED = ("migrating", "restarting", "validating", "migrated", "rolling_back")
_OVER = ("confirmed", "completed")


def show(desk: Desk, migration_id: str) -> web.Answer:
    """The page."""
    found = desk.api.get(f"/migrations/{migration_id}")
    report = desk.api.get(f"/migrations/{migration_id}/report")
    of_instance = desk.api.get("/migrations", instanceId=found["instanceId"], limit=20)
    journal, snapshots = report.get("journal") or [], report.get("snapshots") or []
    return desk.page(
        "migration",
        live=True,
        m=found,
        risks=desk.api.get("/risks") if (found.get("rollbackApprovals") or {}).get("missing") else {},
        journal=journal,
        snapshots=snapshots,
        cost=sum(each.get("costPerMonth") or 0 for each in snapshots if not each.get("kept")),
        currency=report.get("currency"),
        judgement=report.get("judgement") or {},
        earlier=[each for each in of_instance["migrations"] if each["migrationId"] != migration_id],
        line=line(found, journal),
        reach=reach(found, journal),
    )


def line(migration: Json, journal: list[Json]) -> list[tuple[str, str]]:
    """The stages in order, each with ``done``, ``now`` or ``ahead``; a state beside the way stands where the way was left."""
    state = str(migration.get("state"))
    if state in STAGES:
        at = STAGES.index(state)
        return [(each, "done" if n < at else "now" if n == at else "ahead") for n, each in enumerate(STAGES)]
    passed = [STAGES.index(str(each["to"])) for each in journal if each.get("to") in STAGES]
    at = passed[-1] if passed else 0
    way = [(each, "done" if n <= at else "ahead") for n, each in enumerate(STAGES)]
    return [*way[: at + 1], (state, "now"), *way[at + 1 :]]


def reach(migration: Json, journal: list[Json]) -> str:
    """How far back the way leads: ``untouched``, ``rollback``, ``confirmed`` or ``rolled_back``."""
    state = migration.get("state")
    if state in _OVER:
        return "confirmed"
    if state == "rolled_back":
        return "rolled_back"
    begun = any(each.get("to") in _TOUCHED for each in journal)
    # A person starts the job of this driver, and may have done so before the pipeline notices.
    asked = migration.get("driver") == "console" and state in ("snapshotted", "waiting")
    return "rollback" if begun or asked or state in _TOUCHED else "untouched"
