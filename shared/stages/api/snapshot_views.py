"""The API's answers about snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SnapshotView:
    """One snapshot held for a migration. ``cost_per_month`` is in the currency of the list."""

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
    """Why a snapshot with SMC's name counts as somebody else's and is never deleted; empty for our own snapshots."""


@dataclass(frozen=True)
class ListedSnapshot(SnapshotView):
    """A snapshot in the list, with its group."""

    group: str
    """``inUse``, ``held`` (the retention runs), ``due`` (deleted within a day) or ``orphan`` (deleted only if a person acts)."""
    orphan: str
    """Why it is an orphan: ``otherOwner``, ``ended`` (the migration, unreleased) or ``noMigration``; empty in other groups."""


@dataclass(frozen=True)
class SnapshotList:
    """A page of the snapshots held, with the page's total size and cost. ``price`` is per GiB and month."""

    snapshots: tuple[ListedSnapshot, ...]
    next_token: str
    size_gib: int
    cost_per_month: float
    price: float
    currency: str


@dataclass(frozen=True)
class SnapshotGroupSum:
    """How many snapshots a group has, their size, and their cost per month."""

    group: str
    number: int
    size_gib: int
    cost_per_month: float


@dataclass(frozen=True)
class SnapshotGroups:
    """The groups of a part of the ledger: add the parts until ``next_token`` is empty. ``price`` is per GiB and month."""

    groups: tuple[SnapshotGroupSum, ...]
    next_token: str
    price: float
    currency: str
