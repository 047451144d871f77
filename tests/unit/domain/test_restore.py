"""Which snapshots a rollback uses, when a rollback must not begin, and what it reports of each disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.disk_reset import DiskReset, ResetState
from shared.domain.errors import Permanent
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.restore import (
    SnapshotAttributes,
    are_resets_valid,
    disk_states_in_words,
    disks_with_new_state,
    newest_snapshot_set,
    why_snapshots_unusable,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
DONE = SnapshotState.ACCOMPLISHED


def entry(disk_id: str, attempt: int = 1, hop: int = 0, state: SnapshotState = DONE, owner: str = "replank") -> LedgerEntry:
    made = NOW + timedelta(hours=10 * hop + attempt)
    name = f"s-{hop}-{attempt}-{disk_id}"
    return LedgerEntry("m1", f"{hop}-{attempt}-{disk_id}", "cn-hangzhou", "i-1", disk_id, hop, owner, state, made, snapshot_id=name)


def ids(plan: tuple[DiskReset, ...]) -> list[str]:
    return [reset.snapshot_id for reset in plan]


def test_the_set_from_before_the_first_hop_is_taken_not_a_later_one() -> None:
    assert ids(newest_snapshot_set([entry("d-1"), entry("d-1", hop=1), entry("d-1", owner="smc")], ["d-1"])) == ["s-0-1-d-1"]


def test_snapshots_of_two_attempts_are_never_mixed() -> None:
    """The newest set is the one with which the job started. If the set lacks a disk, an older copy is from another moment."""
    both = [entry("d-1"), entry("d-2"), entry("d-1", 2), entry("d-2", 2)]
    assert ids(newest_snapshot_set(both, ["d-1", "d-2"])) == ["s-0-2-d-1", "s-0-2-d-2"]
    half = [*both[:3], replace(both[3], state=SnapshotState.SWEPT)]
    with pytest.raises(Permanent) as caught:
        newest_snapshot_set(half, ["d-1", "d-2"])
    assert caught.value.code == "Rollback.DisksDiffer"


@pytest.mark.parametrize("attached", [["d-1", "d-2"], [], ["d-2"]])
def test_disks_without_a_snapshot_and_snapshots_without_a_disk_stop_it(attached: list[str]) -> None:
    with pytest.raises(Permanent) as caught:
        newest_snapshot_set([entry("d-1")], attached)
    assert caught.value.code == "Rollback.DisksDiffer"


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (None, "no longer exists"),
        (SnapshotAttributes("d-1", "progressing", "m1"), "progressing"),
        (SnapshotAttributes("d-9", "accomplished", "m1"), "d-9"),
        (SnapshotAttributes("d-1", "accomplished", "m2"), "m2"),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_named_with_its_cause(seen: SnapshotAttributes | None, word: str) -> None:
    plan = newest_snapshot_set([entry("d-1")], ["d-1"])
    (why,) = why_snapshots_unusable(plan, {"s-0-1-d-1": seen} if seen else {}, "m1")
    assert word in why
    assert "s-0-1-d-1" in why
    assert why_snapshots_unusable(plan, {"s-0-1-d-1": SnapshotAttributes("d-1", "accomplished", "m1")}, "m1") == []
    assert why_snapshots_unusable(plan, {"s-0-1-d-1": SnapshotAttributes("d-1", "accomplished", "")}, "m1") == [], (
        "an older version tagged none"
    )


def test_what_is_known_of_each_disk_is_said_and_no_more() -> None:
    plan = tuple(DiskReset(f"d-{number}", f"s-{number}") for number in range(1, 5))
    for disk_id, state in (("d-1", ResetState.RESTORED), ("d-2", ResetState.ACCEPTED), ("d-3", ResetState.ASKED)):
        plan = disks_with_new_state(plan, disk_id, state, NOW)
    assert disk_states_in_words(plan) == "Disks: d-1: restored, d-2: unknown, d-3: unknown, d-4: not restored."
    assert disk_states_in_words(()) == ""


@pytest.mark.parametrize(
    ("started", "valid"),
    [(timedelta(minutes=-1), True), (timedelta(seconds=-20), False), (timedelta(minutes=5), False), (None, False)],
)
def test_after_a_failure_a_reset_counts_unless_the_instance_was_started_since(started: timedelta | None, valid: bool) -> None:
    resets = (DiskReset("d-1", "s-1", ResetState.RESTORED, NOW), DiskReset("d-2", "s-2"))
    started_at = None if started is None else NOW + started
    assert are_resets_valid(resets, entered_at=NOW + timedelta(hours=1), started_at=started_at) is valid
    assert are_resets_valid(resets, entered_at=NOW - timedelta(minutes=3), started_at=started_at), "this rollback did it itself"
