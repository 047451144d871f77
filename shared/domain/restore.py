"""Resetting the disks in a rollback: which snapshot belongs to each disk, whether the snapshot is usable, and how far the reset has
progressed. All functions in this module are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.disk_reset import DiskReset, ResetState
from shared.domain.errors import Permanent
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.record import dataclass

_SHOWN = {ResetState.PENDING: "not restored", ResetState.RESTORED: "restored"}


def disk_state_in_words(state: ResetState) -> str:
    """The state of a disk in words: ``restored``, ``not restored`` or ``unknown``."""
    return _SHOWN.get(state, "unknown")


def disk_states_in_words(resets: Iterable[DiskReset]) -> str:
    """The state of each disk, in one sentence; empty if no disk is known yet."""
    each = ", ".join(f"{reset.disk_id}: {disk_state_in_words(reset.state)}" for reset in resets)
    return f"Disks: {each}." if each else ""


def newest_snapshot_set(entries: Sequence[LedgerEntry], attached: Iterable[str]) -> tuple[DiskReset, ...]:
    """One snapshot for each attached disk, from the newest complete set made before the first hop.

    Snapshots of two attempts are never mixed, because the disks would then have the data of two different times. Raises Permanent
    (Rollback.DisksDiffer) if disks and snapshots do not match.
    """
    disks = set(attached)
    sets: dict[int, dict[str, LedgerEntry]] = {}
    for entry in entries:
        if entry.hop == 0 and entry.owner == "replank" and entry.state is SnapshotState.ACCOMPLISHED:
            sets.setdefault(entry.attempt, {})[entry.disk_id] = entry
    newest = (
        sets[max(sets)] if sets else {}
    )  # the attempt decides, not the time, because the clocks that wrote the times may differ
    lost = sorted(set(newest) ^ disks)
    if lost or not newest:
        raise Permanent(
            "Rollback.DisksDiffer",
            f"Disks and snapshots do not match: {', '.join(lost) or 'there are no snapshots'}. "
            "This check has stopped and reset nothing.",
            "A disk can only be reset from its own snapshot. Create disks from the snapshots by hand; the ledger lists the "
            "snapshots.",
        )
    return tuple(DiskReset(disk_id, newest[disk_id].snapshot_id) for disk_id in sorted(newest))


@dataclass(frozen=True)
class SnapshotAttributes:
    """The attributes that ECS shows for one snapshot."""

    disk_id: str
    status: str
    migration_id: str
    """The migration id in the snapshot's tag."""


def why_snapshots_unusable(plan: Iterable[DiskReset], snapshots: Mapping[str, SnapshotAttributes], migration_id: str) -> list[str]:
    """One sentence for each disk that cannot be reset to its snapshot; empty if every disk can be reset."""
    return [why for reset in plan if (why := _why_snapshot_unusable(reset, snapshots.get(reset.snapshot_id), migration_id))]


def _why_snapshot_unusable(reset: DiskReset, seen: SnapshotAttributes | None, migration_id: str) -> str:
    name = f"Snapshot {reset.snapshot_id} of disk {reset.disk_id}"
    if seen is None:
        return f"{name} no longer exists."
    if seen.status != "accomplished":
        return f"{name} is {seen.status}, not accomplished."
    if seen.disk_id != reset.disk_id:
        return f"{name} is a snapshot of disk {seen.disk_id}."
    if seen.migration_id not in ("", migration_id):
        return f"{name} belongs to migration {seen.migration_id}."
    return ""


STARTS_ARE_WHOLE_MINUTES = timedelta(minutes=1)
"""ECS shows the time of an instance's last start only in whole minutes."""


def are_resets_valid(resets: Sequence[DiskReset], *, entered_at: datetime, started_at: datetime | None) -> bool:
    """Whether the disks that were reset still equal their snapshots. The caller knows that the instance is stopped.

    A disk that was reset at the time ``entered_at`` or later still equals its snapshot. A disk that was reset earlier still equals
    its snapshot only if nobody has started the instance after the reset. If the time of the last start is not known, the disk
    counts as changed.
    """
    earlier = [reset.at for reset in resets if reset.at is not None and reset.at < entered_at]
    return all(started_at is not None and at >= started_at + STARTS_ARE_WHOLE_MINUTES for at in earlier)


def all_disks_as_pending(resets: Iterable[DiskReset]) -> tuple[DiskReset, ...]:
    """The given disks, all marked as not reset. A caller uses the result if something may have written to the disks since their
    reset.
    """
    return tuple(replace(reset, state=ResetState.PENDING, at=None) for reset in resets)


def disks_with_new_state(
    resets: Iterable[DiskReset], disk_id: str, state: ResetState, at: datetime | None = None
) -> tuple[DiskReset, ...]:
    """The given disks, with a new state for one disk."""
    return tuple(replace(reset, state=state, at=at) if reset.disk_id == disk_id else reset for reset in resets)


def has_reset_begun(resets: Iterable[DiskReset]) -> bool:
    """Whether any disk may have been reset."""
    return any(reset.state is not ResetState.PENDING for reset in resets)


def are_all_disks_in_states(resets: Sequence[DiskReset], *states: ResetState) -> bool:
    """Whether every disk is in one of the given states; false if there are no disks."""
    return bool(resets) and all(reset.state in states for reset in resets)
