"""The ledger: who made a snapshot, and when it may be deleted."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.ledger import (
    LedgerEntry,
    SnapshotState,
    may_sweep,
    migration_id_in_name,
    name_of_snapshot,
    snapshots_since_precheck,
)
from shared.domain.timing import CLOCKS_APART
from tests.support.ports import migration

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
WEEK = timedelta(days=7)


def entry(sweep_at: datetime | None) -> LedgerEntry:
    return LedgerEntry(
        "m1", "0-1-d-1", "cn-hangzhou", "i-1", "d-1", 0, "replank", SnapshotState.ACCOMPLISHED, NOW, sweep_at=sweep_at
    )


def test_a_name_tells_its_migration() -> None:
    assert migration_id_in_name(name_of_snapshot("m" + "0" * 16, 0, 1, "d-bp1")) == "m" + "0" * 16


@pytest.mark.parametrize(
    "name", ["", "daily", "replank", "replank-m1", "SMC_Backup_Snapshot_1", "auto2.0_20261123", "replank_m1_0_1_d"]
)
def test_anybody_elses_name_tells_none(name: str) -> None:
    assert migration_id_in_name(name) == ""


@pytest.mark.parametrize(
    ("released_at", "sweep_at", "now", "may"),
    [
        (NOW, NOW + WEEK, NOW + WEEK + CLOCKS_APART, True),
        (NOW, NOW + WEEK, NOW + WEEK + CLOCKS_APART - timedelta(seconds=1), False),
        (None, NOW + WEEK, NOW + 2 * WEEK, False),
        (NOW, None, NOW + 2 * WEEK, False),
        (NOW + WEEK, NOW, NOW + 2 * WEEK, False),
    ],
)
def test_only_released_and_past_retention_may_go(
    released_at: datetime | None, sweep_at: datetime | None, now: datetime, may: bool
) -> None:
    assert may_sweep(entry(sweep_at), released_at=released_at, now=now) is may


@pytest.mark.parametrize(
    ("late_s", "attempt", "counts"),
    [(0, 1, True), (-30, 1, True), (-31, 1, False), (3600, 1, True), (3600, 2, True)],
    ids=("then", "clocks apart", "before", "after", "retry"),
)
def test_without_versions_the_newest_attempt_counts_if_it_came_after_the_precheck(late_s: int, attempt: int, counts: bool) -> None:
    made = migration(prechecked_at=NOW)
    own = replace(entry(None), hop=made.hop, key=f"0-{attempt}-d-1", created_at=NOW + timedelta(seconds=late_s))
    assert snapshots_since_precheck(made, [own]) == ([own] if counts else [])
    newer = replace(own, key=f"0-{attempt + 1}-d-1", created_at=NOW + timedelta(hours=2))
    assert snapshots_since_precheck(made, [own, newer]) == [newer]


@pytest.mark.parametrize(("snapshot_id", "kept", "belongs"), [("s-1", "", True), ("", "", False), ("s-1", "m2", False)])
def test_an_entry_without_a_snapshot_or_kept_by_another_owner_is_not_the_pipelines(
    snapshot_id: str, kept: str, belongs: bool
) -> None:
    assert replace(entry(None), snapshot_id=snapshot_id, kept=kept).belongs_to_pipeline is belongs
