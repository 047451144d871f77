"""The snapshot ledger: what was made or adopted for a migration, and when it may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

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
    """``replank`` (made by the pipeline) or ``smc`` (adopted)."""
    state: SnapshotState
    created_at: datetime
    snapshot_id: str = ""
    size_gib: int = 0
    sweep_at: datetime | None = None
    """Set once the migration is confirmed or released: confirmation plus retention."""


def name_of(migration_id: str, hop: int, attempt: int, disk_id: str) -> str:
    """The snapshot's name: tells the migration, so that an event or a person can find it (2 to 128 characters)."""
    return f"replank-{migration_id}-{hop}-{attempt}-{disk_id}"


def migration_of(snapshot_name: str) -> str:
    """The migration id in a snapshot name of ours, empty for anybody else's."""
    parts = snapshot_name.split("-")
    return parts[1] if len(parts) >= 5 and parts[0] == "replank" else ""


def may_sweep(entry: LedgerEntry, *, released_at: datetime | None, now: datetime) -> bool:
    """Whether the snapshot may be deleted: released by a named person and past its retention (invariant 2)."""
    return released_at is not None and entry.sweep_at is not None and released_at <= entry.sweep_at <= now
