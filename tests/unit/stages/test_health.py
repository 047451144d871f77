"""Health: what stored rows show, and an honest "unknown" for the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

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


def test_what_no_row_shows_is_unknown_and_says_where_to_look() -> None:
    found = figures(ApiInMemory())
    assert {name: each["standing"] for name, each in found.items()} == dict.fromkeys(
        ("tick", "deadLetters", "functionErrors"), "unknown"
    )
    assert all(each["where"] and each["detail"] for each in found.values())


def test_a_migration_that_stays_due_shows_a_late_tick() -> None:
    api = ApiInMemory()
    due(api, 9)
    found = figures(api)["tick"]
    assert (found["standing"], found["since"]) == ("late", "2026-11-23T11:51:00Z")


def test_a_migration_that_has_just_become_due_shows_nothing() -> None:
    api = ApiInMemory()
    due(api, 2)
    assert figures(api)["tick"]["standing"] == "unknown"
