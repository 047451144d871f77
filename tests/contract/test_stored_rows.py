"""Rows that older versions stored, from 0.2.0 to the last version before each later column: this version reads them and shows the
same.

``stored_rows/make.py`` wrote them with the older code; each file names the commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleets import fleet, instance
from tests.support.world import World
from tools.deployed.product import URL

FOLDER = Path(__file__).with_name("stored_rows")
VERSIONS = sorted(path.stem for path in FOLDER.glob("*.json"))
WORDS = frozenset({"waitsFor", "title", "why", "remedy", "seen", "heldBack", "link", "risks"})
"""Fields with texts for people, which may change between versions. The risks are those of this version."""
TIMES = frozenset({"window", "windows", "blackouts"})
"""Fields of the policy that a view shows with their defaults. The views themselves are compared too."""
Stored = dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def stored(request: pytest.FixtureRequest) -> Stored:
    found: Stored = json.loads((FOLDER / f"{request.param}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def world(stored: Stored) -> Iterator[World]:
    from tablestore import Condition, OTSClient, Row, RowExistenceExpectation

    with World(seed=3).connected() as made:
        made.load_fleet(fleet(*map(instance, range(1, 5))))
        owner = made.cloud.owner
        client = OTSClient(URL, owner.access_key_id, owner.access_key_secret, "replank")
        for table, key, columns in stored["rows"]:
            row = Row([tuple(each) for each in key], list(columns.items()))
            client.put_row(table, row, Condition(RowExistenceExpectation.EXPECT_NOT_EXIST))
        yield made


def lost(before: Any, now: Any, path: str = "") -> list[str]:
    """The differences between today's view and that of an older version, except in new fields and in texts."""
    if isinstance(before, dict) and isinstance(now, dict):
        gone = [f"{path}.{name} is gone" for name in before.keys() - now.keys()]
        same = sorted(before.keys() & now.keys() - WORDS)
        return gone + [each for name in same for each in lost(before[name], now[name], f"{path}.{name}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [each for place, (old, new) in pairs for each in lost(old, new, f"{path}[{place}]")]
    return [] if before == now else [f"{path}: {before!r} became {now!r}"]


def test_every_view_shows_what_the_older_version_showed(stored: Stored, world: World) -> None:
    assert len(stored["views"]) == 7
    assert [each for path, view in stored["views"].items() for each in lost(view, world.api.get(path), path)] == []


def test_the_policy_is_read_as_it_was_submitted(stored: Stored, world: World) -> None:
    asked = stored["policy"]
    for path in (each for each in stored["views"] if each.startswith("/batches/")):
        policy = world.api.get(path)["policy"]
        assert [name for name in asked.keys() - TIMES if lost(asked[name], policy[name])] == []


def test_lists_find_them_through_the_indexes(stored: Stored, world: World) -> None:
    views = stored["views"]
    migrations = {path.rpartition("/")[2] for path in views if path.startswith("/migrations/")}
    batches = {path.rpartition("/")[2] for path in views if path.startswith("/batches/")}
    assert {each["migrationId"] for each in world.migrations()} == migrations
    assert {each["batchId"] for each in world.batches()} == batches
    assert {row["migrationId"] for batch in batches for row in world.migrations(batchId=batch)} == migrations


def test_the_documents_made_of_a_batch_can_be_made(stored: Stored, world: World) -> None:
    for path in (each for each in stored["views"] if each.startswith("/batches/")):
        report, plan = world.api.get(f"{path}/report"), world.api.get(f"{path}/plan")
        ids = {each["instanceId"] for each in world.migrations(batchId=path.rpartition("/")[2])}
        assert {each["instanceId"] for each in report["migrations"]} == ids
        assert plan["batchId"] == path.rpartition("/")[2]


def test_the_journal_is_read_to_its_first_line(stored: Stored, world: World) -> None:
    for path, view in stored["views"].items():
        if path.startswith("/migrations/"):
            lines = world.api.get(f"{path}/journal")["lines"]
            assert [each["version"] for each in lines] == list(range(1, view["version"] + 1))


def test_no_row_is_set_aside_by_the_tick(stored: Stored, world: World) -> None:
    world.run(3)
    assert [each for each in world.failures() if "Store.RowInvalid" in str(each)] == []
    assert world.states()["i-test0002"] == "migrated"
