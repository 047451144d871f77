"""A list says which of its rows a page contains, in text and for screen readers. Keys and acts are accessible to everybody."""

from __future__ import annotations

import re
from typing import Any

import pytest

from console.present import ASSETS
from tests.unit.console.test_console import ApiTable, ask

BATCH = "/console/batches/b1"


def shown(path: str, count: int, following: str) -> str:
    rows = [{"migrationId": f"m{each}", "instanceId": f"i-{each}", "state": "failed"} for each in range(count)]
    left: dict[str, Any] = {"batchId": "b1", "total": 120, "leftOut": rows, "nextToken": following}
    listed = (200, {"migrations": rows, "nextToken": following})
    standing = (200, {"batchId": "b1", "counts": {"failed": 120}})
    api = ApiTable(**{"GET /batches/b1": standing, "GET /migrations": listed, "GET /batches/b1/left-out": (200, left)})
    return ask(api, "GET", path)[1]


@pytest.mark.parametrize("page", [BATCH, f"{BATCH}/left-out"])
def test_later_pages_say_which_rows_they_hold(page: str) -> None:
    first = shown(page, 50, "t1")
    assert ("50 rows: 1 to 50" in first, f'href="{page}?after=t1&amp;row=50"' in first) == (True, True)
    assert [int(each) for each in re.findall(r'aria-rowindex="(\d+)"', first)] == list(range(1, 52))
    last = shown(f"{page}?after=t2&row=100", 20, "")
    assert ("20 rows: 101 to 120" in last, 'rel="next"' in last) == (True, False)
    assert [int(each) for each in re.findall(r'aria-rowindex="(\d+)"', last)] == [1, *range(102, 122)]


@pytest.mark.parametrize("row", ["", "x", "-1", "1" * 9, "%C2%B2"])
def test_an_address_that_does_not_say_where_it_stands_claims_nothing(row: str) -> None:
    body = shown(f"{BATCH}?after=t1&row={row}", 50, "t2")
    assert ("Rows on this page: 50" in body, "rows: " in body, "?after=t2&amp;row" in body) == (True, False, False)
    assert re.findall(r'aria-rowindex="(\d+)"', body) == ["1"]


def test_a_list_on_one_page_counts_its_rows_only() -> None:
    assert "Rows on this page: 3" in shown(BATCH, 3, "")


def test_the_row_is_of_its_page_alone() -> None:
    body = shown(f"{BATCH}?after=t1&row=50&state=failed", 50, "t2")
    assert f'href="{BATCH}?state=failed"' in body
    assert f'href="{BATCH}?state=failed&amp;format=csv"' in body


def test_single_keys_can_be_switched_off() -> None:
    script = (ASSETS / "console.js").read_text(encoding="utf-8")
    assert 'id="keys" data-on="Single keys are on' in shown(BATCH, 1, "")
    assert "if (silent || typing ||" in script
    assert len(script.splitlines()) < 300


def test_pause_and_stop_stay_in_reach_on_a_phone() -> None:
    style = (ASSETS / "console.css").read_text(encoding="utf-8")
    phone = style.partition("@media (max-width: 40rem) {")[2].partition("\n}")[0]
    assert ".toolbar { top: 0;" in phone
    assert not re.search(r"\.toolbar[^{]*\{[^}]*position: static", phone)
