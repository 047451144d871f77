"""The API's answers about snapshots."""

from __future__ import annotations

from datetime import datetime

from shared.domain.record import dataclass


@dataclass(frozen=True)
class SnapshotView:
    """One snapshot of a migration's disk. The field ``cost_per_month`` is in the currency of the list."""

    snapshot_id: str
    migration_id: str
    instance_id: str
    disk_id: str
    account_id: str
    region_id: str
    owner: str
    state: str
    size_gib: int
    created_at: datetime
    sweep_at: datetime | None
    cost_per_month: float
    kept: str
    """Why a snapshot with SMC's name prefix is treated as somebody else's and is never deleted; empty for all other snapshots.
    """


@dataclass(frozen=True)
class ListedSnapshot(SnapshotView):
    """One listed snapshot, with its category."""

    group: str
    """The category of the snapshot: ``inUse``, ``held`` during the retention, ``due`` if it will be deleted within a day, or
    ``orphan``. An orphan is deleted only if a person acts.
    """
    orphan: str
    """Why the snapshot is an orphan: ``otherOwner``, ``noMigration``, or ``ended`` if its migration ended and nobody released
    the snapshot.

    The field is empty if the snapshot is not an orphan.
    """


@dataclass(frozen=True)
class SnapshotList:
    """A page of existing snapshots, with the page's total size and cost. The field ``price`` is the price per GiB and month."""

    snapshots: tuple[ListedSnapshot, ...]
    next_token: str
    size_gib: int
    cost_per_month: float
    price: float
    currency: str


@dataclass(frozen=True)
class SnapshotGroupSum:
    """The number of snapshots in a category, their total size, and their total cost per month."""

    group: str
    number: int
    size_gib: int
    cost_per_month: float


@dataclass(frozen=True)
class SnapshotGroups:
    """For each category, the sums over the snapshots in one part of the ledger. A client adds up the sums of all parts, until
    ``next_token`` is empty. The field ``price`` is the price per GiB and month.
    """

    groups: tuple[SnapshotGroupSum, ...]
    next_token: str
    price: float
    currency: str
