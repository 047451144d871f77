"""What happens next to a snapshot: in use, held, due or an orphan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ledger import SnapshotState
from shared.domain.migration import State
from shared.domain.snapshot_groups import SOON, category_of_snapshot, needs_migration
from tests.support.api import entry, migration
from tests.support.fakes import NOON

ENTRY = entry("m1", "k", SnapshotState.ACCOMPLISHED)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (State.MIGRATING, ("inUse", "")),
        (State.MIGRATED, ("inUse", "")),
        (State.FAILED, ("inUse", "")),
        (State.ROLLED_BACK, ("orphan", "ended")),
        (State.CANCELLED, ("orphan", "ended")),
        (None, ("orphan", "noMigration")),
    ],
)
def test_what_nobody_has_released_goes_by_its_migration(state: State | None, found: tuple[str, str]) -> None:
    owner = replace(migration("m1"), state=state) if state else None
    group = category_of_snapshot(ENTRY, owner, NOON)
    assert needs_migration(ENTRY)
    assert (group.name, group.orphan) == found


@pytest.mark.parametrize(("after", "name"), [(-SOON, "due"), (SOON, "due"), (SOON + timedelta(seconds=1), "held")])
def test_what_has_a_time_is_due_within_a_day(after: timedelta, name: str) -> None:
    released = replace(ENTRY, sweep_at=NOON + after)
    assert not needs_migration(released)
    assert category_of_snapshot(released, None, NOON).name == name


def test_a_release_that_is_being_carried_out_is_held() -> None:
    owner = replace(migration("m1"), state=State.ROLLED_BACK, released_at=NOON)
    assert category_of_snapshot(ENTRY, owner, NOON).name == "held"


def test_what_may_be_somebody_elses_is_an_orphan_whatever_its_migration_does() -> None:
    kept = replace(ENTRY, kept="its name only", owner="other", state=SnapshotState.SWEPT)
    assert not needs_migration(kept)
    assert category_of_snapshot(kept, migration("m1"), NOON).orphan == "otherOwner"
