"""What the checkers must not report as a violation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from tests.simulation.invariants.chosen import OnlyTheChosen
from tests.simulation.invariants.restored import Reset, RolledBackIsTrue
from tests.simulation.truth import Effect

MIGRATION: Any = SimpleNamespace(migration_id="m1", instance_id="i-1")


def scene(*disks: str) -> Any:
    """An instance with these disks. Somebody has deleted all snapshots of them."""
    truth = SimpleNamespace(disks=lambda _: [{"DiskId": each} for each in disks], snapshots=lambda: [])
    return SimpleNamespace(truth=truth, names_deleted_by_others={}, began=0)


def test_a_stop_needs_no_snapshots_of_an_earlier_migration_whose_disks_were_all_reset() -> None:
    checker = RolledBackIsTrue()
    checker._resets["d-1"] = Reset(count=5, at_ms=0, snapshot={})
    assert list(checker._ready(MIGRATION, 4, scene("d-1"))) == []


def test_a_stop_needs_a_snapshot_of_each_disk_that_was_not_reset() -> None:
    checker = RolledBackIsTrue()
    checker._resets["d-1"] = Reset(count=5, at_ms=0, snapshot={})
    (found,) = checker._ready(MIGRATION, 4, scene("d-1", "d-2"))
    assert "d-2 has no snapshot" in found


def test_a_repeated_snapshot_call_is_judged_though_the_instance_has_been_released() -> None:
    """A repeated call with the same client token is answered, although the disk no longer exists."""
    gone = SimpleNamespace(truth=SimpleNamespace(ecs=SimpleNamespace(store=SimpleNamespace(get=lambda *_: None))))
    made = Effect("CreateSnapshot", {"DiskId": "d-1", "SnapshotName": "replank-m1-0-d-1"}, "role:snapshot", {"SnapshotId": "s-1"})
    assert list(OnlyTheChosen().effect(made, cast(Any, gone))) == []
