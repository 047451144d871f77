"""The snapshots held, by what happens to them next, and what they cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from console import web
from console.desk import Desk

Json = dict[str, Any]
ROWS = 50
GROUPS = ("due", "held", "inUse", "orphan")
MOST_PARTS, MOST_SECONDS = 20, 15
"""Parts of the ledger that are summed, a thousand entries each, and seconds that it may take."""
COLUMNS = (
    "snapshotId",
    "state",
    "group",
    "orphan",
    "instanceId",
    "diskId",
    "migrationId",
    "accountId",
    "regionId",
    "owner",
    "sizeGib",
    "createdAt",
    "sweepAt",
    "costPerMonth",
    "kept",
)


@dataclass
class Sums:
    """Number, size in GiB and cost a month of each group. ``cut`` says that the ledger goes on."""

    number: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    cost: dict[str, float] = field(default_factory=dict)
    price: float = 0
    currency: str = ""
    cut: bool = False

    def add(self, part: Json) -> None:
        """Add what the API says of one part of the ledger."""
        self.price, self.currency = part.get("price") or 0, str(part.get("currency") or "")
        for each in part.get("groups") or ():
            name = str(each["group"])
            self.number[name] += int(each["number"])
            self.size[name] += int(each["sizeGib"])
            self.cost[name] = self.cost.get(name, 0) + float(each["costPerMonth"])


def show(desk: Desk) -> web.Answer:
    """The page, or all snapshots that it is about as CSV."""
    group = desk.query.get("group", "") if desk.query.get("group") in GROUPS else ""
    if desk.wants_csv:
        return desk.csv_of_all("snapshots", COLUMNS, "/snapshots", "snapshots", {"group": group})
    page = desk.api.get("/snapshots", limit=ROWS, nextToken=desk.query.get("after", ""), group=group)
    return desk.page(
        "snapshots",
        live=True,
        list=page,
        following=page["nextToken"],
        first="after" not in desk.query,
        group=group,
        groups=GROUPS,
        sums=sums_of(desk) if desk.query.get("sums") else None,
    )


def sums(desk: Desk) -> web.Answer:
    """The table of the groups alone, which comes after the page."""
    return desk.page("snapshot-groups", groups=GROUPS, sums=sums_of(desk))


def sums_of(desk: Desk) -> Sums:
    """The sums of the ledger, part by part."""
    found, token, until = Sums(), "", desk.api.now() + MOST_SECONDS
    for _ in range(MOST_PARTS):
        part: Json = desk.api.get("/snapshots/groups", nextToken=token)
        found.add(part)
        token = str(part.get("nextToken") or "")
        if not token or desk.api.now() > until:
            break
    found.cut = bool(token)
    return found
