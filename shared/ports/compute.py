"""The port for ECS: instances, disks and snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.domain.record import dataclass

if TYPE_CHECKING:
    from shared.domain.facts import AccountFacts, DiskFacts, InstanceFacts
    from shared.domain.media import MediaDisk


@dataclass(frozen=True)
class FoundInstance:
    """An instance with the facts that a listing of the fleet returns."""

    instance_id: str
    region_id: str
    name: str
    os_name: str
    os_name_en: str
    os_type: str
    status: str
    started_at: datetime | None = None
    """The time of the instance's last start, to the minute."""
    account_id: str = ""
    """The id of the member account that owns the instance; empty for the deployment's own account."""
    tags: tuple[tuple[str, str], ...] = ()
    resource_group_id: str = ""
    vpc_id: str = ""
    deletion_protection: bool | None = None
    """Whether deletion protection is on; None if ECS does not offer deletion protection for the instance."""


@dataclass(frozen=True)
class InstanceFilter:
    """A filter that ECS applies to a listing of instances. The filter only makes the listing shorter. The selection still checks
    each listed instance.
    """

    tags: tuple[tuple[str, str | None], ...] = ()
    """Tag keys with their values; a value of None matches any value. An instance must have all of these tags."""
    resource_group_id: str = ""
    vpc_id: str = ""
    name: str = ""
    """A pattern for the instance's name, in which ``*`` stands for any characters."""

    @property
    def is_listing_limited(self) -> bool:
        """Whether ECS returns at most ``MOST_FILTERED`` instances for this filter."""
        return bool(self.tags or self.resource_group_id)


NO_FILTER = InstanceFilter()
MOST_FILTERED = 1000
"""If DescribeInstances filters by tags or by resource group, all its pages together contain at most this number of instances."""


@dataclass(frozen=True)
class InstancePage:
    """One page of instances. On the last page, ``next_token`` is empty."""

    instances: tuple[FoundInstance, ...]
    next_token: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot, with the fields that ECS shows. The status is progressing, accomplished or failed.

    The migration id comes from the tag that ``create_snapshot`` sets. If Replank did not make the snapshot, the migration id is
    empty.
    """

    snapshot_id: str
    name: str
    disk_id: str
    status: str
    progress: int
    created_at: datetime
    size_gib: int
    migration_id: str = ""


@dataclass(frozen=True)
class DataDisk:
    """The state of a disk that may be a media disk. ``status`` is a word of ECS, such as Creating, Available or In_use."""

    disk_id: str
    name: str
    status: str
    instance_id: str
    """The instance to which the disk is attached; empty if the disk is not attached."""
    migration_id: str = ""
    """The migration id in the disk's tag; empty if Replank did not make the disk."""
    is_media: bool = False
    """Whether the disk's tag says that Replank made it for installation media."""
    category: str = ""
    """The disk's category, such as cloud_essd."""


class Compute(Protocol):
    """The operations of ECS that the pipeline needs.

    Every method raises Transient for throttling and time-outs, Permanent for missing permissions, and Refused for all other errors.
    """

    def regions(self) -> frozenset[str]:
        """The ids of the regions that the account may use. The request goes to the function's own region."""

    def instance_page(
        self, region_id: str, *, instance_ids: Sequence[str] = (), token: str = "", only: InstanceFilter = NO_FILTER
    ) -> InstancePage:
        """A page of at most 100 instances in the region. If no ids and no filter are given, the pages list all instances in the
        region.

        If the filter names a resource group, the pages also contain the instances of the default group.
        """

    def instance_facts(self, region_id: str, instance_id: str, *, schedule: bool = False) -> InstanceFacts:
        """The facts that the precheck rules need about an instance, including its disks, its agent and the snapshots in progress.

        If ``schedule`` is true, the facts include the time of the next automatic snapshot. Raises Refused (Instance.NotFound) if no
        such instance exists.
        """

    def account_facts(self, region_id: str) -> AccountFacts:
        """Facts about the account in the region, for example whether the snapshot service is active.

        The facts are at most two minutes old, and unknown facts are None.
        """

    def disks_of_instance(self, region_id: str, instance_id: str) -> tuple[DiskFacts, ...]:
        """The disks that are attached to the instance now."""

    def instance_statuses(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, str]:
        """Maps each instance id to the status of the instance, such as Running.

        Takes at most 100 ids. Deleted instances are left out.
        """

    def hostnames_at_addresses(self, region_id: str, private_ips: Sequence[str]) -> dict[str, str]:
        """Maps instance ids to hostnames, for all instances that have one of these addresses. Instances in different VPCs may have
        the same address.
        """

    def create_snapshot(self, region_id: str, disk_id: str, *, name: str, token: str, migration_id: str) -> str:
        """Request a snapshot with Replank's tag. ECS keeps the snapshot until somebody deletes it.

        A repeated call with the same token returns the same snapshot id.
        """

    def snapshots_by_id(self, region_id: str, snapshot_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Maps each of these snapshot ids to the snapshot. Takes at most 100 ids. Deleted snapshots are left out."""

    def snapshots_of_instance(self, region_id: str, instance_id: str) -> list[Snapshot]:
        """All snapshots of the instance's disks."""

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        """Delete the snapshot. Returns True if the snapshot no longer exists, and False while an image or a disk depends on the
        snapshot.
        """

    def stop_instance(self, region_id: str, instance_id: str) -> None:
        """Stop the instance in the mode that keeps its resources (KeepCharging).

        No error is raised if the instance is already stopped.
        """

    def start_instance(self, region_id: str, instance_id: str) -> None:
        """Start the instance. No error is raised if the instance is already running."""

    def change_deletion_protection(self, region_id: str, instance_id: str, on: bool) -> None:
        """Switch the instance's deletion protection on or off. Raises Refused (Instance.NotFound) if no such instance exists."""

    def check_disk_reset(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Ask ECS whether the disk can be reset now, without resetting it. Raises the same errors as ``reset_disk``."""

    def reset_disk(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        """Reset a disk to one of the disk's snapshots. The instance must be stopped.

        Raises Transient while the disk is already being reset. ECS does not show who began a reset, or which snapshot the reset
        uses.
        """

    def create_media_disk(self, row: MediaDisk, size_gib: int, *, token: str) -> str:
        """Request a disk from the row's snapshot, in the zone of the row's instance, with Replank's tags. Returns the disk's id.

        Raises Permanent (Media.CategoryMissing) if the zone offers no category that the row does not call refused.
        A repeated call with the same token returns the same disk id.
        """

    def data_disk(self, region_id: str, disk_id: str) -> DataDisk | None:
        """The disk with this id; None if it does not exist."""

    def media_disks_of_migration(self, region_id: str, migration_id: str) -> tuple[DataDisk, ...]:
        """The media disks whose tags name the migration."""

    def attach_disk(self, region_id: str, instance_id: str, disk_id: str) -> bool:
        """Attach the disk to the instance. No error is raised if the state of the disk or of the instance does not allow it now.

        Returns False if the instance can never take this disk, because of its category or its zone. ECS deletes the disk together
        with the instance.
        """

    def detach_disk(self, region_id: str, instance_id: str, disk_id: str) -> None:
        """Detach the disk from the instance. No error is raised if it is not attached, or if the state does not allow it now."""

    def delete_disk(self, region_id: str, disk_id: str) -> None:
        """Delete the disk, which must not be attached. No error is raised if the disk does not exist."""
