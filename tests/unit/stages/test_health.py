"""Health: what stored rows show, and an honest "unknown" for the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Permanent, ReplankError, Transient
from shared.domain.migration import State
from tests.support.api import ApiInMemory, migration
from tests.support.fakes import NOON


def figures(api: ApiInMemory) -> dict[str, dict[str, Any]]:
    status, found = api.call("GET", "/health", operator="")
    assert status == 200
    return {each["name"]: each for each in found["figures"]}


def due(api: ApiInMemory, minutes_ago: int) -> None:
    at = NOON - timedelta(minutes=minutes_ago)
    api.open_batch(replace(migration("m1", State.SNAPSHOTTING), due_at=at, entered_at=at))


def ticked(api: ApiInMemory, minutes_ago: float) -> None:
    api.fakes.ticks.last = NOON - timedelta(minutes=minutes_ago)


def test_what_no_row_counts_is_unknown_and_says_where_to_look() -> None:
    found = figures(ApiInMemory())
    assert {name: found[name]["standing"] for name in ("deadLetters", "functionErrors")} == dict.fromkeys(
        ("deadLetters", "functionErrors"), "unknown"
    )
    assert all(each["where"] and each["detail"] for each in found.values())


def test_without_any_record_the_tick_has_never_run() -> None:
    found = figures(ApiInMemory())["tick"]
    assert (found["standing"], found["since"], found["lastAt"]) == ("never", None, None)
    assert "replank-watch" in found["where"]


def test_a_record_of_the_last_minutes_shows_that_the_tick_runs() -> None:
    api = ApiInMemory()
    ticked(api, 11)
    found = figures(api)["tick"]
    assert (found["standing"], found["since"], found["lastAt"]) == ("fine", None, "2026-11-23T11:49:00Z")


def test_two_missing_records_show_a_late_tick() -> None:
    api = ApiInMemory()
    ticked(api, 11.1)
    found = figures(api)["tick"]
    assert (found["standing"], found["since"], found["lastAt"]) == ("late", "2026-11-23T11:48:54Z", "2026-11-23T11:48:54Z")
    assert "replank-watch" in found["where"]


@pytest.mark.parametrize(
    ("minutes_ago", "says"),
    [(None, "The tick is missing or late."), (12, "The tick is missing or late."), (1, "The tick runs, but does not keep up.")],
)
def test_a_migration_that_stays_due_shows_a_late_tick(minutes_ago: float | None, says: str) -> None:
    api = ApiInMemory()
    due(api, 9)
    if minutes_ago is not None:
        ticked(api, minutes_ago)
    found = figures(api)["tick"]
    assert (found["standing"], found["since"]) == ("late", "2026-11-23T11:51:00Z")
    assert says in found["detail"]


def test_a_migration_that_has_just_become_due_shows_nothing() -> None:
    api = ApiInMemory()
    due(api, 2)
    ticked(api, 1)
    assert figures(api)["tick"]["standing"] == "fine"


@pytest.mark.parametrize("error", [Transient("Store.Unavailable", "x"), Permanent("Store.RowInvalid", "x", "y")])
def test_a_record_that_cannot_be_read_leaves_the_rest(error: ReplankError) -> None:
    api = ApiInMemory()
    api.fakes.ticks.error = error
    found = figures(api)["tick"]
    assert (found["standing"], error.code in found["detail"], found["lastAt"]) == ("unknown", True, None)
    due(api, 9)
    assert figures(api)["tick"]["standing"] == "late"
