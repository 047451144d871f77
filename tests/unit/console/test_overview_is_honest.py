"""The overview says what it has checked, what it could not read, and what will soon need a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.attention import due_snapshots, of_batch
from console.http import Response
from console.pages.overview import MOST_CALLS
from tests.unit.console.test_console import NOW, ApiTable, ask

Json = dict[str, Any]
NOTHING = "Nothing waits for a person."
SOON, LATE = "1970-01-12T20:00:00Z", "1970-02-01T00:00:00Z"
"""A time some hours after NOW, and one some weeks after."""
REFUSAL = {"Code": "Store.Unavailable", "Message": "the store is away", "Recommend": "r"}


class NoneReady(ApiTable):
    """An API without a batch that is ready to confirm. Its list of needs has ``more_needs`` pages after the first."""

    more_needs = 0

    def send(self, method: str, url: str, headers: Any, body: bytes) -> Response:
        if "readyToConfirm" in url:
            return Response(200, {}, json.dumps({"batches": [], "nextToken": ""}).encode())
        answer = super().send(method, url, headers, body)
        if "/needs?" in url and self.more_needs:
            self.more_needs -= 1
            return Response(200, {}, json.dumps({**json.loads(answer.body), "batches": [], "nextToken": "t"}).encode())
        return answer


def overview_api(batches: list[Json], more_needs: int = 0) -> NoneReady:
    looked: Json = {f"GET /batches/{each['batchId']}": (200, {"counts": {}, **each}) for each in batches}
    beside: Json = {f"GET /{name}": (200, {}) for name in ("hold", "stuck", "accounts")}
    beside["GET /snapshots"] = (200, {"snapshots": [], "nextToken": ""})
    needs = {"batches": batches, "nextToken": "", "lookedInto": 50}
    api = NoneReady(
        **looked, **beside, **{"GET /batches": (200, {"batches": batches, "nextToken": ""}), "GET /needs": (200, needs)}
    )
    api.more_needs = more_needs
    return api


def quiet_batch(number: int, **more: Any) -> Json:
    return {"batchId": f"b{number}", "state": "open", "size": 1, "acknowledgement": {"operator": "ann"}, **more}


def test_batches_that_the_tables_do_not_show_are_told_all_the_same() -> None:
    older = [
        quiet_batch(50, brake={"state": "paused", "why": "smoke"}),
        quiet_batch(51, approvals=[{"missing": 2}]),
        quiet_batch(52, brake={"state": "paused at budget"}),
        quiet_batch(53, counts={"failed": 7}),
    ]
    api = overview_api([quiet_batch(each) for each in range(12)] + older)
    _, body, _ = ask(api, "GET", "/console/")
    assert not {f"GET /batches/b{each}" for each in (50, 51, 52)} & {f"GET {each[1].partition('/v1')[2]}" for each in api.sent}, (
        "nothing more is asked"
    )
    assert ("smoke" in body, "Approvals missing: 2" in body, "Paused: more failures" in body) == (True, True, True)
    assert "/console/batches/b53?state=failed" in body
    assert NOTHING not in body


@pytest.mark.parametrize(("pages", "calls", "told"), [(0, 1, None), (5, 6, None), (40, MOST_CALLS, "newest 500 batches")])
def test_nothing_is_said_only_if_every_batch_was_looked_into(pages: int, calls: int, told: str | None) -> None:
    """Three hundred open batches take six calls."""
    api = overview_api([], pages)
    _, body, _ = ask(api, "GET", "/console/")
    assert sum("/needs?" in each[1] for each in api.sent) == calls
    assert (NOTHING in body) == (told is None)
    assert told is None or told in body
    assert told is None or '<a href="/console/batches">' in body


def test_three_hundred_batches_that_wait_for_the_same_are_folded() -> None:
    acknowledged = quiet_batch(999, counts={"migrated": 3})
    api = overview_api([quiet_batch(each, acknowledgement=None) for each in range(300)] + [acknowledged])
    _, body, _ = ask(api, "GET", "/console/")
    assert ("295 more of this kind" in body, "250 more are not listed" in body) == (True, True)
    assert len(body.encode()) < 150_000
    assert "b999?state=migrated" in body.partition('<h2 id="runs"')[0], "the next kind has its place"


@pytest.mark.parametrize("path", ["hold", "stuck", "accounts", "snapshots", "batches/b1", "needs"])
def test_a_part_that_cannot_be_read_leaves_the_rest(path: str) -> None:
    api = overview_api([quiet_batch(1, brake={"state": "paused", "why": "smoke"})])
    api.answers[f"GET /{path}"] = (503, REFUSAL)
    status, body, _ = ask(api, "GET", "/console/")
    assert (status, ("smoke" in body) == (path != "needs"), "Store.Unavailable" in body, NOTHING in body) == (
        200,
        True,
        True,
        False,
    )
    assert 'class="missing"' in body


def test_a_part_that_cannot_be_read_is_never_nothing() -> None:
    api = overview_api([])
    assert NOTHING in ask(api, "GET", "/console/")[1]
    api.answers["GET /stuck"] = (503, REFUSAL)
    assert NOTHING not in ask(api, "GET", "/console/")[1]


def test_a_session_that_ended_is_no_missing_part() -> None:
    api = overview_api([])
    api.answers["GET /sign-in"] = (200, {"issuer": "https://idp", "clientId": "c"})
    api.answers["GET /stuck"] = (401, {"Code": "Token.Expired", "Message": "over", "Recommend": "again"})
    assert ask(api, "GET", "/console/")[0] == 401


@pytest.mark.parametrize(("until", "kinds"), [(SOON, ["expires"]), (LATE, []), (None, []), ("never", [])])
def test_approvals_that_expire_within_a_day_need_a_person(until: str | None, kinds: list[str]) -> None:
    asked = [{"about": "wave 2", "missing": 0, "expiresAt": until}]
    assert [each.kind for each in of_batch(quiet_batch(1, approvals=asked), now=NOW)] == kinds


def test_a_closed_batch_has_no_approval_that_expires() -> None:
    assert of_batch(quiet_batch(1, state="closed", approvals=[{"missing": 0, "expiresAt": SOON}]), now=NOW) == []


def test_snapshots_that_are_deleted_within_a_day_are_told() -> None:
    rows = [{"sweepAt": each} for each in (SOON, LATE, None, SOON, "1970-01-01T00:00:00Z")]
    (found,) = due_snapshots({"snapshots": rows}, NOW)
    assert (found.kind, found.number, found.path, found.note) == ("due", 3, "/snapshots", "1970-01-01T00:00:00Z")
    assert due_snapshots({"snapshots": rows[1:3]}, NOW) == due_snapshots({}, NOW) == []
    api = overview_api([])
    api.answers["GET /snapshots"] = (200, {"snapshots": rows, "nextToken": ""})
    _, body, _ = ask(api, "GET", "/console/")
    assert ("within a day: 3" in body, NOTHING in body) == (True, False)


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, ["start"]),
        ({"jobsToStart": 0}, []),
        ({"brake": {"state": "paused"}}, ["paused"]),
        ({"nextOpening": SOON}, []),
    ],
    ids=["a person starts them", "none", "paused", "the window is closed"],
)
def test_jobs_that_a_person_starts_are_one_thing_to_do(more: Json, kinds: list[str]) -> None:
    standing = quiet_batch(1, **{"counts": {"snapshotted": 3}, "jobsToStart": 2, **more})
    items = of_batch(standing, now=NOW)
    assert [each.kind for each in items] == kinds
    assert all((each.number, each.path) == (2, "/batches/b1?state=snapshotted") for each in items if each.kind == "start")
