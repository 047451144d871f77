"""The snapshot ledger: the snapshots made or adopted for a migration, and when each may be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.domain.migration import Migration
from shared.domain.timing import CLOCKS_APART

SMC_PREFIX = "SMC_Backup_Snapshot_"
"""How SMC names its own copies (SMC documentation, "migrate an operating system")."""


class SnapshotState(Enum):
    """A row is written as ``intended`` before the snapshot is requested, so that no snapshot can leak."""

    INTENDED = "intended"
    CREATING = "creating"
    ACCOMPLISHED = "accomplished"
    FAILED = "failed"
    SWEPT = "swept"


@dataclass(frozen=True)
class LedgerEntry:
    """One snapshot. ``key`` is unique within the migration: ``<hop>-<attempt>-<disk id>`` or ``smc-<snapshot id>``."""

    migration_id: str
    key: str
    region_id: str
    instance_id: str
    disk_id: str
    hop: int
    owner: str
    """``replank`` (made by the pipeline), ``smc`` (adopted), or ``other`` (bears SMC's name, but may be somebody else's)."""
    state: SnapshotState
    created_at: datetime
    snapshot_id: str = ""
    size_gib: int = 0
    prechecked_version: int = 0
    """The migration's ``prechecked_version`` at the request; 0 if an older version wrote the row."""
    kept: str = ""
    """Only for ``other``: why the snapshot is not ours and is kept for ever. The state of such a row is ``swept``, so that no
    version of the sweep looks at it."""
    judged: bool = False
    """Only for ``smc``: whether more than its name proved that SMC made it. A row of an earlier version is judged again before
    anything is deleted."""
    account_id: str = ""
    """The account of the migration; empty for the deployment's own."""
    sweep_at: datetime | None = None
    """Set once the migration is confirmed or released: confirmation plus retention."""

    @property
    def is_ours(self) -> bool:
        """Whether the entry names a snapshot that the pipeline made or adopted."""
        return bool(self.snapshot_id) and not self.kept

    @property
    def attempt(self) -> int:
        """The attempt that requested the snapshot, from the key; 0 for an adopted one."""
        _, _, rest = self.key.partition("-")
        word = rest.partition("-")[0]
        return int(word) if self.owner == "replank" and word.isdigit() else 0


def made_for(migration: Migration, entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Our own snapshots that were requested in this hop after its last precheck.

    The row's version decides, because the functions that wrote the two times may have different clocks. Rows of earlier versions
    have only times. There the newest attempt counts, and times may differ by CLOCKS_APART.
    """
    mine = [each for each in entries if each.hop == migration.hop and each.owner == "replank"]
    newest = max((each.attempt for each in mine), default=0)
    since = (migration.prechecked_at or migration.created_at) - CLOCKS_APART

    def is_after(entry: LedgerEntry) -> bool:
        if entry.prechecked_version and migration.prechecked_version:
            return entry.prechecked_version == migration.prechecked_version
        return entry.attempt == newest and entry.created_at >= since

    return [each for each in mine if is_after(each)]


def name_of(migration_id: str, hop: int, attempt: int, disk_id: str) -> str:
    """The snapshot's name; it contains the migration id, so that an event or a person can find it (2 to 128 characters)."""
    return f"replank-{migration_id}-{hop}-{attempt}-{disk_id}"


def migration_of(snapshot_name: str) -> str:
    """The migration id in the name of our snapshot; empty for any other name."""
    parts = snapshot_name.split("-")
    return parts[1] if len(parts) >= 5 and parts[0] == "replank" else ""


def sweep_due(released_at: datetime, retention_days: int) -> datetime:
    """When a migration's snapshots may be deleted: the time of the release plus the retention."""
    return released_at + timedelta(days=retention_days)


def may_sweep(entry: LedgerEntry, *, released_at: datetime | None, now: datetime) -> bool:
    """Whether the snapshot may be deleted: released by a named person and past its retention (invariant 2).

    The test allows for clocks that differ: ours may be ahead of the one that recorded the release.
    """
    if released_at is None or entry.sweep_at is None:
        return False
    return released_at <= entry.sweep_at and entry.sweep_at + CLOCKS_APART <= now
