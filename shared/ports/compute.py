"""ECS: instances, disks and snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.facts import AccountFacts, DiskFacts, InstanceFacts


@dataclass(frozen=True)
class FoundInstance:
    """An instance as a fleet listing shows it."""

    instance_id: str
    region_id: str
    name: str
    os_name: str
    os_name_en: str
    os_type: str
    status: str
    started_at: datetime | None = None
    """The instance's last start, to the minute."""
    account_id: str = ""
    """The member account in which it was found; empty for the deployment's own."""
    tags: tuple[tuple[str, str], ...] = ()
    resource_group_id: str = ""
    vpc_id: str = ""


@dataclass(frozen=True)
class Sieve:
    """What a listing of instances is narrowed by, as far as ECS can do it: a first sieve, never the judge."""

    tags: tuple[tuple[str, str | None], ...] = ()
    """Keys and values; None for any value. An instance must have all."""
    resource_group_id: str = ""
    vpc_id: str = ""
    name: str = ""
    """A pattern, in which ``*`` stands for any characters."""

    @property
    def is_capped(self) -> bool:
        """Whether ECS answers with at most ``MOST_FILTERED`` instances."""
        return bool(self.tags or self.resource_group_id)


WITHOUT_SIEVE = Sieve()
MOST_FILTERED = 1000
"""Maximum instances that a listing by tags or by resource group shows (ECS, DescribeInstances)."""


@dataclass(frozen=True)
class Found:
    """One page of instances; ``next_token`` is empty on the last."""

    instances: tuple[FoundInstance, ...]
    next_token: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as ECS shows it; ``status`` is progressing, accomplished or failed.

    ``migration_id`` is the tag by ``create_snapshot``; empty if somebody else made the snapshot.
    """

    snapshot_id: str
    name: str
    disk_id: str
    status: str
    progress: int
    created_at: datetime
    size_gib: int
    migration_id: str = ""


class Compute(Protocol):
    """Raises Transient for throttling and time-outs, Permanent for missing permissions, Refused for the rest."""

    def regions(self) -> frozenset[str]:
        """The ids of the regions that ECS knows for this account, read from the function's own region."""

    def find(self, region_id: str, *, instance_ids: Sequence[str] = (), token: str = "", only: Sieve = WITHOUT_SIEVE) -> Found:
        """A page of the region's instances (at most 100): all of them, those with the ids given, or those that pass the filter.

        A filter by resource group also lets instances of the default group pass.
        """

    def describe(self, region_id: str, instance_id: str, *, schedule: bool = False) -> InstanceFacts:
        """Everything the rules need of an instance: itself, its disks, its agent and snapshots in progress.

        ``schedule`` adds the time of the next automatic snapshot.

        Raises Refused (Instance.NotFound).
        """

    def account(self, region_id: str) -> AccountFacts:
        """What the account allows in the region, at most two minutes old; unknown values are None."""

    def disks(self, region_id: str, instance_id: str) -> tuple[DiskFacts, ...]:
        """The disks attached now."""

    def statuses(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, str]:
        """Status by instance id (Running, Stopped ...); deleted instances are left out. At most 100 ids."""

    def hosts_at(self, region_id: str, private_ips: Sequence[str]) -> dict[str, str]:
        """Hostname by instance id of the region's instances with one of these addresses, which several networks may use."""

    def create_snapshot(self, region_id: str, disk_id: str, *, name: str, token: str, migration_id: str) -> str:
        """Request a snapshot (kept until deleted, tagged as ours); the same token returns the same id."""

    def snapshots(self, region_id: str, snapshot_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Snapshots by id; deleted ones are left out. At most 100 ids."""

    def snapshots_of(self, region_id: str, instance_id: str) -> list[Snapshot]:
        """All snapshots of the instance's disks."""

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        """Delete the snapshot; True if it is gone, False if it cannot be deleted now (an image or disk depends on it)."""

    def stop(self, region_id: str, instance_id: str) -> None:
        """Stop the instance in the mode that keeps charging, so that it surely starts again; no error if it is stopped."""

    def start(self, region_id: str, instance_id: str) -> None:
        """Start the instance; no error if it runs."""

    def check_reset(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Check with ECS that the disk can be reset now; changes nothing. Raises as ``reset_disk`` would."""

    def reset_disk(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Roll a disk back to a snapshot made from it; the instance must be stopped.

        Raises Transient while another reset of the disk runs; ECS does not show whose it is or from which snapshot.
        """
