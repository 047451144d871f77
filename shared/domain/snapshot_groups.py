"""Groups the snapshots of the ledger by what happens to them next: in use, held, due, or an orphan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.ledger import LedgerEntry
from shared.domain.migration import Migration, State

IN_USE, HELD, DUE, ORPHAN = "inUse", "held", "due", "orphan"
GROUPS = (HELD, DUE, IN_USE, ORPHAN)
"""``inUse``: the migration goes on, or a person has to judge it. ``held``: released, and the retention runs. ``due``: deleted
within ``SOON``. ``orphan``: nothing will ever delete it unless a person acts."""
OTHER_OWNER, ENDED, NO_MIGRATION = "otherOwner", "ended", "noMigration"
ORPHANS = (OTHER_OWNER, ENDED, NO_MIGRATION)
"""Why a snapshot is an orphan: it may be somebody else's, its migration ended and nobody released it, or no migration has it."""
SOON = timedelta(days=1)
_ENDS = frozenset({State.ROLLED_BACK, State.CANCELLED, State.COMPLETED})


@dataclass(frozen=True)
class SnapshotGroup:
    """The group of a snapshot. ``orphan`` says why it is an orphan; empty in every other group."""

    name: str
    orphan: str = ""


def needs_migration(entry: LedgerEntry) -> bool:
    """Whether the group depends on the migration. The others need no call for it."""
    return not entry.kept and entry.sweep_at is None


def snapshot_group(entry: LedgerEntry, owner: Migration | None, now: datetime) -> SnapshotGroup:
    """The group of a snapshot that exists. ``owner`` is its migration, None without one; ``needs_migration`` entries use it."""
    if entry.kept:
        return SnapshotGroup(ORPHAN, OTHER_OWNER)
    if entry.sweep_at is not None:
        return SnapshotGroup(DUE if entry.sweep_at <= now + SOON else HELD)
    if owner is None:
        return SnapshotGroup(ORPHAN, NO_MIGRATION)
    # A release that is being carried out gives the entry its time in a moment; until then it is held.
    if owner.released_at is not None:
        return SnapshotGroup(HELD)
    return SnapshotGroup(ORPHAN, ENDED) if owner.state in _ENDS else SnapshotGroup(IN_USE)
