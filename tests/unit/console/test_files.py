"""Downloaded files contain all rows of a list up to a limit, and say so if they are cut. The API sorts the lists."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from console import desk
from console.http import Response
from console.pages.batch import MOST_SORTED, SORTED
from shared.runtime.requests import MIGRATION_ORDER
from shared.stages.api import sorting
from tests.unit.console.test_console import ApiTable, ask


class ManyRows(ApiTable):
    """A list of ``count`` rows, 100 per page. The API stops answering at the row ``broken_at``."""

    def __init__(self, count: int, broken_at: int = -1) -> None:
        super().__init__()
        self.count, self.broken_at = count, broken_at

    def send(self, method: str, url: str, headers: Any, body: bytes) -> Response:
        self.sent.append((method, url, dict(headers), body))
        query = {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
        start, limit = int(query.get("nextToken", 0)), int(query["limit"])
        if start == self.broken_at:
            return Response(503, {}, json.dumps({"Code": "Store.Unavailable", "Message": "m", "Recommend": "r"}).encode())
        rows = [{"migrationId": f"m{number}"} for number in range(start, min(start + limit, self.count))]
        following = str(start + limit) if start + limit < self.count else ""
        return Response(200, {}, json.dumps({"migrations": rows, "nextToken": following}).encode())


CSV = "/console/batches/b1?format=csv&state=failed&order=-state&after=50"


def test_a_file_holds_all_rows_that_meet_the_filters() -> None:
    api = ManyRows(250)
    _, body, headers = ask(api, "GET", CSV)
    assert len(body.splitlines()) == 251
    assert headers["Content-Disposition"] == 'attachment; filename="b1.csv"'
    assert [each[1].partition("?")[2] for each in api.sent][:2] == [
        "batchId=b1&state=failed&order=-state&limit=100",
        "batchId=b1&state=failed&order=-state&limit=100&nextToken=100",
    ]


@pytest.mark.parametrize(("limit", "most"), [("MOST_ROWS", 200), ("MOST_BYTES", 4000), ("MOST_SECONDS", -1)])
def test_a_file_that_is_cut_says_so(monkeypatch: pytest.MonkeyPatch, limit: str, most: int) -> None:
    monkeypatch.setattr(desk, limit, most)
    _, body, headers = ask(ManyRows(1000), "GET", CSV)
    number = {"MOST_SECONDS": 100}.get(limit, 200)
    assert body.splitlines()[-1].startswith(f"NOT COMPLETE: these are the first {number} rows")
    assert headers["Content-Disposition"] == f'attachment; filename="b1-first-{number}.csv"'
    assert len(body.splitlines()) == number + 2


def test_the_answer_with_the_largest_file_is_below_six_megabytes() -> None:
    largest_page = 100 * 2000  # rows, times the bytes of a row whose failure has a long message
    assert (desk.MOST_BYTES + largest_page) * 4 / 3 < 6_000_000


def test_a_file_that_ends_at_the_limit_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST_ROWS", 200)
    assert "NOT COMPLETE" not in ask(ManyRows(200), "GET", CSV)[1]


def test_an_api_that_stops_in_the_middle_is_told_and_at_the_beginning_is_an_error() -> None:
    _, body, _ = ask(ManyRows(1000, broken_at=300), "GET", CSV)
    assert body.splitlines()[-1].startswith("NOT COMPLETE: these are the first 300 rows. The API did not answer")
    assert ask(ManyRows(1000, broken_at=0), "GET", CSV)[0] == 503


def headers_of(body: str) -> list[tuple[str, str, str]]:
    """The headers of the table of migrations that are links: how each is sorted now, its order when pressed, and its words."""
    table = body.partition("data-all")[2].partition("</thead>")[0]
    found = re.findall(r'<th scope="col"(?: aria-sort="(\w+)")?><a href="[^"?]*\??([^"#]*)#rows"[^>]*>(\w+)', table)
    return [(sort, dict(parse_qsl(query)).get("order", ""), words) for sort, query, words in found]


def batch_of(number: int, given: str) -> tuple[str, list[str]]:
    listed = (200, {"migrations": [], "nextToken": "t"})
    api = ApiTable(**{"GET /batches/b1": (200, {"batchId": "b1", "counts": {"failed": number}}), "GET /migrations": listed})
    _, body, _ = ask(api, "GET", f"/console/batches/b1?after=t&order={given}")
    (url,) = [each[1] for each in api.sent if "/migrations" in each[1]]
    return body, dict(parse_qsl(url.partition("?")[2])).get("order", "").split()


@pytest.mark.parametrize(
    ("given", "asked", "links"),
    [
        ("", [], [("", "name", "Instance"), ("ascending", "-state", "State"), ("", "-changed", "Since")]),
        ("-state", ["-state"], [("", "name", "Instance"), ("descending", "", "State"), ("", "-changed", "Since")]),
        ("name", ["name"], [("ascending", "-name", "Instance"), ("", "", "State"), ("", "-changed", "Since")]),
        ("-changed", ["-changed"], [("", "name", "Instance"), ("", "", "State"), ("descending", "changed", "Since")]),
        ("size", [], [("", "name", "Instance"), ("ascending", "-state", "State"), ("", "-changed", "Since")]),
    ],
)
def test_a_batch_says_how_it_is_sorted(given: str, asked: list[str], links: list[tuple[str, str, str]]) -> None:
    body, order = batch_of(MOST_SORTED, given)
    assert (order, headers_of(body)) == (asked, links)


def test_a_batch_too_long_for_another_order_is_sorted_by_state_and_says_so() -> None:
    body, order = batch_of(MOST_SORTED + 1, "name")
    assert (order, headers_of(body)) == ([], [("ascending", "-state", "State")])
    assert "can be sorted by instance" in body
    assert "can be sorted by instance" not in batch_of(MOST_SORTED, "name")[0]


def test_the_console_knows_what_the_api_sorts() -> None:
    assert (MOST_SORTED, SORTED) == (sorting.MOST_SORTED, sorting.ORDERS)
    known = {f"{sign}{order}" for order in ("state", *sorting.ORDERS) for sign in ("", "-")}
    assert set(MIGRATION_ORDER["enum"]) == known
    assert f"At most {MOST_SORTED} migrations" in MIGRATION_ORDER["description"]
