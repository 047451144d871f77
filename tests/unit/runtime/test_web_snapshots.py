"""GET /v1/snapshots and its groups: what is held, what happens next to it, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ledger import SnapshotState
from shared.domain.migration import Migration, State, first_journal_entry
from shared.stages.api import snapshots
from tests.support.api import ApiInMemory, entry, migration

MADE = SnapshotState.ACCOMPLISHED


def ledger() -> ApiInMemory:
    """Two in use, one held, one due, two orphans, and one that is gone."""
    api = ApiInMemory()
    now = api.fakes.clock.now()
    for name, state in (("m1", State.MIGRATED), ("m2", State.ROLLED_BACK)):
        made = replace(migration(name), state=state)
        api.fakes.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), ())
    rows = [
        entry("m1", "a", MADE),
        entry("m1", "b", MADE),
        entry("m2", "a", MADE),
        replace(entry("m3", "a", MADE), sweep_at=now + timedelta(days=5)),
        replace(entry("m4", "a", MADE), sweep_at=now + timedelta(hours=5)),
        replace(entry("m5", "a", SnapshotState.SWEPT), kept="not ours", owner="other"),
        entry("m6", "a", SnapshotState.SWEPT),
    ]
    for each in rows:
        api.fakes.ledger.write_entry(each)
    return api


def listed(api: ApiInMemory, **query: Any) -> list[tuple[str, str, str]]:
    found = api.call("GET", "/snapshots", query=query)[1]["snapshots"]
    return [(each["migrationId"], each["group"], each["orphan"]) for each in found]


def test_each_snapshot_has_its_group() -> None:
    assert listed(ledger()) == [
        ("m1", "inUse", ""),
        ("m1", "inUse", ""),
        ("m2", "orphan", "ended"),
        ("m3", "held", ""),
        ("m4", "due", ""),
        ("m5", "orphan", "otherOwner"),
    ]


@pytest.mark.parametrize(
    ("group", "ids"), [("inUse", ["m1", "m1"]), ("held", ["m3"]), ("due", ["m4"]), ("orphan", ["m2", "m5"]), ("else", None)]
)
def test_one_group_is_found_alone(group: str, ids: list[str] | None) -> None:
    if ids is None:
        assert ledger().refused("GET", "/snapshots", query={"group": group})[0] == 400
    else:
        assert [each[0] for each in listed(ledger(), group=group)] == ids


def test_the_groups_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SUMMED", 4)
    api, numbers, token = ledger(), dict[str, int](), ""
    parts = 0
    while parts < 4:
        parts += 1
        found = api.call("GET", "/snapshots/groups", query={"nextToken": token} if token else {})[1]
        assert [each["group"] for each in found["groups"]] == ["held", "due", "inUse", "orphan"]
        for each in found["groups"]:
            numbers[each["group"]] = numbers.get(each["group"], 0) + each["number"]
            assert each["sizeGib"] == 40 * each["number"]
        token = found["nextToken"]
        if not token:
            break
    assert (parts, numbers) == (2, {"held": 1, "due": 1, "inUse": 2, "orphan": 2})


def test_migrations_are_loaded_a_hundred_at_a_time_and_only_if_the_group_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    api, asked = ledger(), list[int]()
    for number in range(150):
        api.fakes.ledger.write_entry(entry(f"n{number:03}", "a", MADE))
    load = api.fakes.migrations.load_migrations

    def counted(ids: Sequence[str]) -> list[Migration]:
        asked.append(len(ids))
        return load(ids)

    monkeypatch.setattr(api.fakes.migrations, "load_migrations", counted)
    api.call("GET", "/snapshots/groups")
    assert asked == [100, 52]
