"""Divides the snapshots of the ledger into categories: in use, held, due for deletion, and orphans."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.ledger import LedgerEntry
from shared.domain.migration import Migration, State
from shared.domain.record import dataclass

IN_USE, HELD, DUE, ORPHAN = "inUse", "held", "due", "orphan"
GROUPS = (HELD, DUE, IN_USE, ORPHAN)
"""A snapshot is in the category ``inUse`` while its migration is under way, or while a person has to decide about the migration. A
snapshot is in the category ``held`` if it was released and its retention period has not ended. A snapshot is in the category
``due`` if the sweep deletes it within ``SOON``. A snapshot in the category ``orphan`` stays until a person acts.
"""
OTHER_OWNER, ENDED, NO_MIGRATION = "otherOwner", "ended", "noMigration"
ORPHANS = (OTHER_OWNER, ENDED, NO_MIGRATION)
"""Why a snapshot is an orphan. Either somebody else may have made the snapshot, or nobody released the snapshot after its migration
ended, or the snapshot has no migration.
"""
SOON = timedelta(days=1)
_ENDS = frozenset({State.ROLLED_BACK, State.CANCELLED, State.COMPLETED})


@dataclass(frozen=True)
class SnapshotCategory:
    """The category of a snapshot. The field ``orphan`` says why the snapshot is an orphan; the field is empty in all other
    categories.
    """

    name: str
    orphan: str = ""


def needs_migration(entry: LedgerEntry) -> bool:
    """Whether the caller must load the snapshot's migration to find the category of the snapshot."""
    return not entry.kept and entry.sweep_at is None


def category_of_snapshot(entry: LedgerEntry, owner: Migration | None, now: datetime) -> SnapshotCategory:
    """The category of a snapshot that exists in ECS. The argument ``owner`` is the snapshot's migration, or None. The argument
    ``owner`` matters only for entries for which ``needs_migration`` is true.
    """
    if entry.kept:
        return SnapshotCategory(ORPHAN, OTHER_OWNER)
    if entry.sweep_at is not None:
        return SnapshotCategory(DUE if entry.sweep_at <= now + SOON else HELD)
    if owner is None:
        return SnapshotCategory(ORPHAN, NO_MIGRATION)
    # A release sets the entry's ``sweep_at`` a moment later. Until then, the snapshot counts as held.
    if owner.released_at is not None:
        return SnapshotCategory(HELD)
    return SnapshotCategory(ORPHAN, ENDED) if owner.state in _ENDS else SnapshotCategory(IN_USE)
