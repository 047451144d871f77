"""The page of snapshots: its groups with number, size and cost, and what a person may do about orphans."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.http import Response
from console.pages import snapshots
from tests.unit.console.test_console import ApiTable, ask

Json = dict[str, Any]
ROW = {"snapshotId": "s-1", "migrationId": "m1", "instanceId": "i-1", "diskId": "d-1", "sizeGib": 40, "state": "accomplished"}


def part(token: str = "") -> Json:
    """One part of the ledger."""
    groups = [{"group": each, "number": 2, "sizeGib": 80, "costPerMonth": 9.6} for each in ("held", "due", "inUse", "orphan")]
    return {"groups": groups, "nextToken": token, "price": 0.12, "currency": "CNY"}


class Parts(ApiTable):
    """An API whose ledger has several parts."""

    def __init__(self, number: int, **answers: Any) -> None:
        super().__init__(**answers)
        self.left = number

    def send(self, method: str, url: str, headers: Any, body: bytes) -> Response:
        if "/snapshots/groups" in url:
            self.sent.append((method, url, dict(headers), body))
            self.left -= 1
            return Response(200, {}, json.dumps(part("t" if self.left > 0 else "")).encode())
        return super().send(method, url, headers, body)


def api_of(rows: list[Json], parts: int = 1) -> Parts:
    listed = {"snapshots": rows, "nextToken": "", "sizeGib": 40, "costPerMonth": 4.8, "price": 0.12, "currency": "CNY"}
    return Parts(parts, **{"GET /snapshots": (200, listed)})


def test_the_parts_are_added_up_and_each_group_leads_to_its_list() -> None:
    api = api_of([], 3)
    _, body, _ = ask(api, "GET", "/console/snapshots/groups")
    assert len(api.sent) == 3
    assert body.count(">6<") == body.count(">240<") == body.count(">28.80<") == 4
    assert all(f'/console/snapshots?group={each}"' in body for each in snapshots.GROUPS)
    assert "<html" not in body


def test_more_parts_than_one_answer_may_ask_for_are_told() -> None:
    api = api_of([], 99)
    _, body, _ = ask(api, "GET", "/console/snapshots/groups")
    assert (len(api.sent), "There are more" in body) == (snapshots.MOST_PARTS, True)


def test_the_sums_come_after_the_page_or_without_a_script_by_a_link() -> None:
    api = api_of([])
    _, body, _ = ask(api, "GET", "/console/snapshots")
    assert (len(api.sent), 'data-part="/console/snapshots/groups"' in body, "?sums=1" in body) == (1, True, True)
    _, body, _ = ask(api, "GET", "/console/snapshots?sums=1")
    assert ("data-part" in body, ">9.60<" in body) == (False, True)


@pytest.mark.parametrize(
    ("orphan", "says", "leads"),
    [
        ("ended", "Open the migration and confirm it", True),
        ("otherOwner", "may be somebody else", True),
        ("noMigration", "No migration has it any more", False),
    ],
)
def test_an_orphan_says_what_a_person_may_do(orphan: str, says: str, leads: bool) -> None:
    api = api_of([{**ROW, "group": "orphan", "orphan": orphan}])
    _, body, _ = ask(api, "GET", "/console/snapshots?group=orphan")
    assert api.sent[-1][1].endswith("/snapshots?limit=50&group=orphan")
    assert (says in body, "/console/migrations/m1" in body) == (True, leads)


def test_a_group_that_is_unknown_is_no_filter() -> None:
    api = api_of([ROW])
    assert ask(api, "GET", "/console/snapshots?group=else")[0] == 200
    assert "else" not in api.sent[-1][1]
