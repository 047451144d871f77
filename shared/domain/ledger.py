"""The snapshot ledger: what was made or adopted for a migration, and when it may go."""

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
    """A ledger row is written as intended before the snapshot is asked for, so that none can leak."""

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
    """The migration's ``prechecked_version`` when it was asked for; 0 where a version that did not note it wrote the row."""
    kept: str = ""
    """Of ``other``: why it is not ours, and is kept for ever. Its state is ``swept``: no version of the sweep looks at it."""
    judged: bool = False
    """Of ``smc``: adopted by more than its name. A row of an earlier version is judged again before anything is deleted."""
    account_id: str = ""
    """The migration's: empty for the deployment's own account."""
    sweep_at: datetime | None = None
    """Set once the migration is confirmed or released: confirmation plus retention."""

    @property
    def is_ours(self) -> bool:
        """Whether it names a snapshot that the pipeline made or adopted."""
        return bool(self.snapshot_id) and not self.kept

    @property
    def attempt(self) -> int:
        """The attempt that asked for it, as the key tells; 0 for an adopted one."""
        _, _, rest = self.key.partition("-")
        word = rest.partition("-")[0]
        return int(word) if self.owner == "replank" and word.isdigit() else 0


def made_for(migration: Migration, entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """The snapshots of our own that were asked for in this hop, after its last precheck.

    The row's version tells, because the functions that wrote the two times may have different clocks. Rows of earlier versions
    have only times: there the newest attempt counts, and its times may differ by CLOCKS_APART.
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
    """The snapshot's name: tells the migration, so that an event or a person can find it (2 to 128 characters)."""
    return f"replank-{migration_id}-{hop}-{attempt}-{disk_id}"


def migration_of(snapshot_name: str) -> str:
    """The migration id in a snapshot name of ours, empty for anybody else's."""
    parts = snapshot_name.split("-")
    return parts[1] if len(parts) >= 5 and parts[0] == "replank" else ""


def sweep_due(released_at: datetime, retention_days: int) -> datetime:
    """When a migration's snapshots may be deleted: its release plus its retention."""
    return released_at + timedelta(days=retention_days)


def may_sweep(entry: LedgerEntry, *, released_at: datetime | None, now: datetime) -> bool:
    """Whether the snapshot may be deleted: released by a named person and past its retention (invariant 2).

    Past it by every clock: ours may be ahead of the one that noted the release.
    """
    if released_at is None or entry.sweep_at is None:
        return False
    return released_at <= entry.sweep_at and entry.sweep_at + CLOCKS_APART <= now
