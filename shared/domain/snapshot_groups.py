"""Divides the snapshots of the ledger into groups: in use, held, due for deletion, and orphans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.ledger import LedgerEntry
from shared.domain.migration import Migration, State

IN_USE, HELD, DUE, ORPHAN = "inUse", "held", "due", "orphan"
GROUPS = (HELD, DUE, IN_USE, ORPHAN)
"""A snapshot is in the group ``inUse`` while its migration is under way, or while a person has to decide about the migration. A
snapshot is in the group ``held`` if it was released and its retention period has not ended. A snapshot is in the group ``due`` if
the sweep deletes it within ``SOON``. A snapshot in the group ``orphan`` stays until a person acts.
"""
OTHER_OWNER, ENDED, NO_MIGRATION = "otherOwner", "ended", "noMigration"
ORPHANS = (OTHER_OWNER, ENDED, NO_MIGRATION)
"""Why a snapshot is an orphan. Either somebody else may have made the snapshot, or nobody released the snapshot after its migration
ended, or the snapshot has no migration.
"""
SOON = timedelta(days=1)
_ENDS = frozenset({State.ROLLED_BACK, State.CANCELLED, State.COMPLETED})


@dataclass(frozen=True)
class SnapshotGroup:
    """The group of a snapshot. The field ``orphan`` says why the snapshot is an orphan; the field is empty in all other groups."""

    name: str
    orphan: str = ""


def needs_migration(entry: LedgerEntry) -> bool:
    """Whether the caller must load the snapshot's migration to find the group of the snapshot."""
    return not entry.kept and entry.sweep_at is None


def snapshot_group(entry: LedgerEntry, owner: Migration | None, now: datetime) -> SnapshotGroup:
    """The group of a snapshot that exists in ECS. The argument ``owner`` is the snapshot's migration, or None. The argument
    ``owner`` matters only for entries for which ``needs_migration`` is true.
    """
    if entry.kept:
        return SnapshotGroup(ORPHAN, OTHER_OWNER)
    if entry.sweep_at is not None:
        return SnapshotGroup(DUE if entry.sweep_at <= now + SOON else HELD)
    if owner is None:
        return SnapshotGroup(ORPHAN, NO_MIGRATION)
    # A release sets the entry's ``sweep_at`` a moment later. Until then, the snapshot counts as held.
    if owner.released_at is not None:
        return SnapshotGroup(HELD)
    return SnapshotGroup(ORPHAN, ENDED) if owner.state in _ENDS else SnapshotGroup(IN_USE)
