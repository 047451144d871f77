"""The inventory: which releases the fleet runs, how long they are supported, and where; the way to a plan begins here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from console import web
from console.desk import Desk
from console.present import link

Json = dict[str, Any]
ROWS = 100
"""Releases, places, and accounts to choose from, that the page lists at most."""
FILTERS = ("account", "region")
COLUMNS = ("release", "system", "standing", "endsOn", "extendedEnd", "accountId", "regionId", "instances")
MOST_REGIONS = 50
"""Regions that a plan may name."""


@dataclass(frozen=True)
class ReleaseRow:
    """A release with its instances at the places that are shown, and the address of the form that plans their move."""

    about: Json
    instances: int
    plan: str


@dataclass(frozen=True)
class PlaceRow:
    """A region of an account with its instances, and how many of them run a release out of support."""

    account_id: str
    region_id: str
    instances: int
    ended: int


def show(desk: Desk) -> web.Answer:
    """The page, or the groups as CSV."""
    found: Json = desk.api.get("/inventory")
    wanted = {name: desk.query.get(name, "") for name in FILTERS}
    about = {_system(each["release"], each["name"]): each for each in found["releases"]}
    groups = [each for each in found["groups"] if _is_wanted(each, wanted)]
    if desk.wants_csv:
        return desk.csv("inventory", COLUMNS, [{**about[_system(each["release"], each["system"])], **each} for each in groups])
    rows, places = release_rows(about, groups, found["accountId"]), place_rows(about, found["groups"])
    return desk.page(
        "inventory",
        inventory=found,
        wanted=wanted,
        rows=rows[:ROWS],
        places=places[:ROWS],
        most=max((each.instances for each in rows), default=1),
        shown=sum(each.instances for each in rows),
        ended=sum(each.instances for each in rows if each.about["standing"] in ("ended", "extended")),
        more=len(rows) > ROWS or len(places) > ROWS,
        accounts=sorted({each["accountId"] for each in found["groups"]})[:ROWS],
        regions=sorted({each["regionId"] for each in found["groups"]}),
    )


def release_rows(about: dict[tuple[str, str], Json], groups: list[Json], own: str) -> list[ReleaseRow]:
    """The releases of the groups, in the API's order. What a path leads away from has the address of its plan."""
    numbers: Counter[tuple[str, str]] = Counter()
    regions: dict[tuple[str, str], set[str]] = {}
    accounts: dict[tuple[str, str], set[str]] = {}
    for each in groups:
        key = _system(each["release"], each["system"])
        numbers[key] += each["instances"]
        regions.setdefault(key, set()).add(each["regionId"])
        accounts.setdefault(key, set()).add(each["accountId"])
    return [
        ReleaseRow(one, numbers[key], _plan(one, regions[key], accounts[key], own)) for key, one in about.items() if numbers[key]
    ]


def place_rows(about: dict[tuple[str, str], Json], groups: list[Json]) -> list[PlaceRow]:
    """The regions of the accounts, most instances out of support first."""
    numbers: Counter[tuple[str, str]] = Counter()
    ended: Counter[tuple[str, str]] = Counter()
    for each in groups:
        place = each["accountId"], each["regionId"]
        numbers[place] += each["instances"]
        if about[_system(each["release"], each["system"])]["standing"] in ("ended", "extended"):
            ended[place] += each["instances"]
    rows = [PlaceRow(*place, number, ended[place]) for place, number in numbers.items()]
    return sorted(rows, key=lambda each: (-each.ended, -each.instances, each.account_id, each.region_id))


def _plan(one: Json, regions: set[str], accounts: set[str], own: str) -> str:
    """The form of a new plan, filled in with the release and its places; empty if no path leads away from the release."""
    if not one["destinations"] or len(regions) > MOST_REGIONS:
        return ""
    named = "" if accounts == {own} else ", ".join(sorted(accounts))
    return link("/plan", releases=one["release"], regionIds=", ".join(sorted(regions)), accountIds=named)


def _is_wanted(group: Json, wanted: dict[str, str]) -> bool:
    return wanted["account"] in ("", group["accountId"]) and wanted["region"] in ("", group["regionId"])


def _system(release: str, name: str) -> tuple[str, str]:
    """What names a system: the release's key; the name if the catalog does not know it."""
    return release, "" if release else name
