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
    """Its last start, to the minute."""
    account_id: str = ""
    """The member account that it was found in; empty for the deployment's own."""


@dataclass(frozen=True)
class Found:
    """One page of instances; ``next_token`` is empty on the last."""

    instances: tuple[FoundInstance, ...]
    next_token: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as ECS shows it; ``status`` is progressing, accomplished or failed.

    ``migration_id`` is what ``create_snapshot`` tagged it with, empty for one that somebody else made.
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
        """The ids of the regions that ECS knows for this account, asked of the function's own region."""

    def find(self, region_id: str, *, instance_ids: Sequence[str] = (), token: str = "") -> Found:
        """A page of the region's instances (at most 100), all or those asked for."""

    def describe(self, region_id: str, instance_id: str, *, schedule: bool = False) -> InstanceFacts:
        """Everything the rules ask about an instance: itself, its disks, its agent, snapshots in progress.

        With ``schedule`` also when the next automatic snapshot is due.

        Raises Refused (Instance.NotFound).
        """

    def account(self, region_id: str) -> AccountFacts:
        """What the account allows in the region, as of the last two minutes; what cannot be asked is None."""

    def disks(self, region_id: str, instance_id: str) -> tuple[DiskFacts, ...]:
        """The disks attached now."""

    def statuses(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, str]:
        """Status by instance id (Running, Stopped ...); an instance that is gone is missing. At most 100 ids."""

    def hosts_at(self, region_id: str, private_ips: Sequence[str]) -> dict[str, str]:
        """Hostname by instance id of the region's instances with one of these addresses: networks may use the same ones."""

    def create_snapshot(self, region_id: str, disk_id: str, *, name: str, token: str, migration_id: str) -> str:
        """Ask for a snapshot (kept until deleted, tagged as ours); the same token again returns the same id."""

    def snapshots(self, region_id: str, snapshot_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Snapshots by id; one that is gone is missing. At most 100 ids."""

    def snapshots_of(self, region_id: str, instance_id: str) -> list[Snapshot]:
        """All snapshots of the instance's disks."""

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        """Delete it; True also if it was gone already, False if it cannot go now (an image or disk was made of it)."""

    def stop(self, region_id: str, instance_id: str) -> None:
        """Ask the instance to stop, still charged (the mode in which it surely starts again); nothing if it is stopped."""

    def start(self, region_id: str, instance_id: str) -> None:
        """Ask the instance to start; nothing if it runs."""

    def check_reset(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Let ECS say whether the disk can be reset now; nothing is changed. Raises as ``reset_disk`` would."""

    def reset_disk(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Roll a disk back to a snapshot made from it; the instance must be stopped.

        Raises Transient while another reset of the disk is at work: whose it is, and from which snapshot, ECS does not say.
        """
