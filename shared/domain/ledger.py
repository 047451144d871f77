"""The snapshot ledger: the snapshots that were made or adopted for a migration, and when they may be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from shared.domain.migration import Migration
from shared.domain.record import dataclass
from shared.domain.timing import CLOCKS_APART

SMC_PREFIX = "SMC_Backup_Snapshot_"
"""The prefix of the names that SMC gives to its own snapshots (SMC documentation, "migrate an operating system")."""


class SnapshotState(Enum):
    """The states of a snapshot in the ledger. A row is written with the state ``intended`` before the request to ECS, so that the
    ledger misses no snapshot.
    """

    INTENDED = "intended"
    CREATING = "creating"
    ACCOMPLISHED = "accomplished"
    FAILED = "failed"
    SWEPT = "swept"


@dataclass(frozen=True)
class LedgerEntry:
    """One snapshot. The field ``key`` is unique within the migration: ``<hop>-<attempt>-<disk id>`` or ``smc-<snapshot id>``."""

    migration_id: str
    key: str
    region_id: str
    instance_id: str
    disk_id: str
    hop: int
    owner: str
    """Who made the snapshot: ``replank``, ``smc``, or ``other`` if only the name looks like SMC's."""
    state: SnapshotState
    created_at: datetime
    snapshot_id: str = ""
    size_gib: int = 0
    prechecked_version: int = 0
    """The migration's ``prechecked_version`` when the snapshot was requested; 0 if an older version of Replank wrote the row."""
    kept: str = ""
    """Why a snapshot with the owner ``other`` is never deleted; empty for all other owners. The row of such a snapshot has the
    state ``swept``, so that the sweep of every version of Replank ignores it.
    """
    judged: bool = False
    """Whether evidence besides the name showed that SMC made the snapshot; used only if ``owner`` is ``smc``. Earlier versions of
    Replank stored no evidence besides the name. For their rows, the sweep checks the evidence before it deletes the snapshot.
    """
    account_id: str = ""
    """The account of the migration; empty for the deployment's own account."""
    sweep_at: datetime | None = None
    """When the snapshot may be deleted: at the end of the retention period, which begins with the confirmation or release. The
    field is None before a confirmation or release.
    """

    @property
    def belongs_to_pipeline(self) -> bool:
        """Whether the entry names a snapshot that the pipeline made or adopted."""
        return bool(self.snapshot_id) and not self.kept

    @property
    def attempt(self) -> int:
        """The attempt that requested the snapshot, read from the key; 0 for an adopted snapshot."""
        _, _, rest = self.key.partition("-")
        word = rest.partition("-")[0]
        return int(word) if self.owner == "replank" and word.isdigit() else 0


def snapshots_since_precheck(migration: Migration, entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """The pipeline's snapshots of this hop that were requested after the hop's last precheck.

    Row versions, and not times, decide which snapshots count, because the clocks of two functions may differ. Rows from earlier
    versions of Replank contain only times. A row without a stored version counts if the row belongs to the newest attempt, and is
    at most CLOCKS_APART older than the precheck.
    """
    mine = [each for each in entries if each.hop == migration.hop and each.owner == "replank"]
    newest = max((each.attempt for each in mine), default=0)
    since = (migration.prechecked_at or migration.created_at) - CLOCKS_APART

    def is_after_precheck(entry: LedgerEntry) -> bool:
        if entry.prechecked_version and migration.prechecked_version:
            return entry.prechecked_version == migration.prechecked_version
        return entry.attempt == newest and entry.created_at >= since

    return [each for each in mine if is_after_precheck(each)]


def name_of_snapshot(migration_id: str, hop: int, attempt: int, disk_id: str) -> str:
    """The name of a snapshot, with 2 to 128 characters. The name contains the migration id, so that an event or a person can find
    the migration."""
    return f"replank-{migration_id}-{hop}-{attempt}-{disk_id}"


def migration_id_in_name(snapshot_name: str) -> str:
    """The migration id in the name of a snapshot that Replank made; empty for any other name."""
    parts = snapshot_name.split("-")
    return parts[1] if len(parts) >= 5 and parts[0] == "replank" else ""


def retention_end(released_at: datetime, retention_days: int) -> datetime:
    """When a migration's snapshots may be deleted: at the end of the retention period, which begins with the release."""
    return released_at + timedelta(days=retention_days)


def may_sweep(entry: LedgerEntry, *, released_at: datetime | None, now: datetime) -> bool:
    """Whether the snapshot may be deleted: a named person released the snapshots, and the retention period has ended (invariant 2).

    The comparison has a tolerance, because this function's clock may be ahead of the clock that recorded the release.
    """
    if released_at is None or entry.sweep_at is None:
        return False
    return released_at <= entry.sweep_at and entry.sweep_at + CLOCKS_APART <= now
