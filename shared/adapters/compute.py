"""Reads and changes instances, disks and snapshots through ECS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from shared.adapters.account_facts import AccountFactsReader
from shared.adapters.auto_snapshots import next_snapshot_time, snapshot_policy_ids
from shared.adapters.compute_facts import (
    MIGRATION_TAG,
    disk_facts,
    instance_facts,
    instance_from_listing,
    listing_filter_parameters,
    snapshot_facts,
)
from shared.adapters.compute_media import MediaDiskCalls
from shared.adapters.guest import CloudAssistant
from shared.adapters.instance_types import InstanceTypeLimits
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import error_code_matcher, is_not_found
from shared.adapters.sdk_errors import CloudError, translate_error
from shared.domain.errors import Refused, Transient
from shared.domain.facts import AccountFacts, DiskFacts, InstanceFacts
from shared.ports.clock import Clock
from shared.ports.compute import NO_FILTER, FoundInstance, InstanceFilter, InstancePage, Snapshot

PAGE = 100
MAX_PAGES = 60
"""Maximum number of pages that one listing reads, enough for 6,000 items. An instance has at most 17 disks with 256 manual
snapshots each.
"""
_is_deletion_refused = error_code_matcher(
    "SnapshotCreatedImage",
    "SnapshotCreatedDisk",
    "Operation.Conflict",
    "IncorrectDiskStatus.CreatingSnapshot",
    "InvalidOperation.RelatedSnapshotNotFinished",
    "InvalidOperation.DeleteSharedSnapshotUnsupported",
    "InvalidOperation.ResourceManagedByCloudProduct",
)
"""Whether DeleteSnapshot refused a snapshot that is in use or not ready to be deleted."""
_WRONG_STATUS = error_code_matcher("IncorrectInstanceStatus", "IncorrectInstanceStatus.Initializing")


class EcsCompute(MediaDiskCalls):
    """Implements the port ``Compute`` with ECS."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._guest = CloudAssistant(clients)
        self._clock = clock
        self._account = AccountFactsReader(clients, clock)
        self._types = InstanceTypeLimits(clients)

    def account_facts(self, region_id: str) -> AccountFacts:
        return self._account.account_facts(region_id)

    def regions(self) -> frozenset[str]:
        from alibabacloud_ecs20140526 import models

        body = self._call_ecs(self._clients.account.region, "describe_regions", models.DescribeRegionsRequest())
        return frozenset(each.region_id for each in (body.regions.region if body.regions else None) or ())

    # Instances --------------------------------------------------------------------------------------------------------

    def instance_page(
        self, region_id: str, *, instance_ids: Sequence[str] = (), token: str = "", only: InstanceFilter = NO_FILTER
    ) -> InstancePage:
        wanted: dict[str, Any] = {"instance_ids": json.dumps(list(instance_ids))} if instance_ids else {}
        wanted |= listing_filter_parameters(only) if only != NO_FILTER else {}
        body = self._describe_instances(region_id, token, **wanted)
        found: list[FoundInstance] = [instance_from_listing(each) for each in body.instances.instance or []]
        return InstancePage(tuple(found), body.next_token or "")

    def instance_statuses(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, str]:
        return {each.instance_id: each.status for each in self.instance_page(region_id, instance_ids=instance_ids).instances}

    def hostnames_at_addresses(self, region_id: str, private_ips: Sequence[str]) -> dict[str, str]:
        if not private_ips:
            return {}
        # ECS applies this filter only to instances in a VPC, and only if the request names the network type (ECS,
        # DescribeInstances).
        wanted = {"instance_network_type": "vpc", "private_ip_addresses": json.dumps(list(private_ips))}

        def fetch_page(token: str) -> tuple[Any, str]:
            body = self._describe_instances(region_id, token, **wanted)
            return body.instances.instance, body.next_token

        return {each.instance_id: each.host_name or "" for each in _items_of_all_pages(fetch_page)}

    def instance_facts(self, region_id: str, instance_id: str, *, schedule: bool = False) -> InstanceFacts:
        instances = self._describe_instances(region_id, instance_ids=json.dumps([instance_id])).instances.instance
        if not instances:
            remedy = "The instance is gone, or in another region or account."
            raise Refused("Instance.NotFound", f"There is no instance {instance_id} in {region_id}.", remedy, status=404)
        disks = list(self._describe_disks(region_id, instance_id))
        agent = self._guest.agents_by_instance_id(region_id, [instance_id]).get(instance_id)
        facts = instance_facts(instances[0], disks, agent, list(self._describe_snapshots(region_id, instance_id=instance_id)))
        if not schedule:
            return facts
        # Only for Windows, SMC attaches a disk of its own. The instance type's limit of disks matters only there.
        kind = instances[0].instance_type if facts.os_type == "windows" else ""
        limit = self._types.data_disk_limit(region_id, kind) if kind else None
        due = next_snapshot_time(self._clients, region_id, snapshot_policy_ids(disks), self._clock.now())
        return replace(facts, auto_snapshot_at=due, data_disk_limit=limit)

    def stop_instance(self, region_id: str, instance_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        request = models.StopInstanceRequest(instance_id=instance_id, stopped_mode="KeepCharging")
        self._start_or_stop_instance(region_id, instance_id, "stop_instance", request, done=("Stopped", "Stopping"))

    def start_instance(self, region_id: str, instance_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        request = models.StartInstanceRequest(instance_id=instance_id)
        self._start_or_stop_instance(region_id, instance_id, "start_instance", request, done=("Running", "Starting"))

    def change_deletion_protection(self, region_id: str, instance_id: str, on: bool) -> None:
        from alibabacloud_ecs20140526 import models

        request = models.ModifyInstanceAttributeRequest(instance_id=instance_id, deletion_protection=on)
        self._call_ecs(region_id, "modify_instance_attribute", request)

    def _start_or_stop_instance(
        self, region_id: str, instance_id: str, operation: str, request: Any, *, done: tuple[str, ...]
    ) -> None:
        """Start or stop the instance.

        No error is raised if the instance already has the requested status, or is changing to this status.
        """
        try:
            self._call_ecs(region_id, operation, request, expected=_WRONG_STATUS)
        except CloudError as error:
            status = self.instance_statuses(region_id, [instance_id]).get(instance_id, "gone")
            if status not in done:
                raise Transient("Instance.Busy", f"{instance_id} is {status}: {error.message}") from error

    def _describe_instances(self, region_id: str, token: str = "", **wanted: Any) -> Any:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeInstancesRequest(region_id=region_id, max_results=PAGE, next_token=token or None, **wanted)
        return self._call_ecs(region_id, "describe_instances", request)

    # Disks ------------------------------------------------------------------------------------------------------------

    def disks_of_instance(self, region_id: str, instance_id: str) -> tuple[DiskFacts, ...]:
        return tuple(disk_facts(each) for each in self._describe_disks(region_id, instance_id))

    def check_disk_reset(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        request = models.ResetDiskRequest(disk_id=disk_id, snapshot_id=snapshot_id, dry_run=True)
        try:
            self._call_ecs(region_id, "reset_disk", request, expected=error_code_matcher("DryRunOperation"))
        except CloudError:
            return  # ECS reports a passed dry run as this error

    def reset_disk(self, region_id: str, disk_id: str, snapshot_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        self._call_ecs(region_id, "reset_disk", models.ResetDiskRequest(disk_id=disk_id, snapshot_id=snapshot_id))

    def _describe_disks(self, region_id: str, instance_id: str) -> Iterator[Any]:
        from alibabacloud_ecs20140526 import models

        def fetch_page(token: str) -> tuple[Any, str]:
            request = models.DescribeDisksRequest(
                region_id=region_id, instance_id=instance_id, max_results=PAGE, next_token=token or None
            )
            body = self._call_ecs(region_id, "describe_disks", request)
            return body.disks.disk, body.next_token

        return _items_of_all_pages(fetch_page)

    # Snapshots --------------------------------------------------------------------------------------------------------

    def create_snapshot(self, region_id: str, disk_id: str, *, name: str, token: str, migration_id: str) -> str:
        from alibabacloud_ecs20140526 import models

        tags = {MIGRATION_TAG: migration_id, "replank:purpose": "rollback"}
        request = models.CreateSnapshotRequest(
            disk_id=disk_id,
            snapshot_name=name,
            description="Made before an operating-system replacement; swept after its confirmation and retention.",
            client_token=token,
            tag=[models.CreateSnapshotRequestTag(key=key, value=value) for key, value in tags.items()],
        )
        return str(self._call_ecs(region_id, "create_snapshot", request).snapshot_id)

    def snapshots_by_id(self, region_id: str, snapshot_ids: Sequence[str]) -> dict[str, Snapshot]:
        if not snapshot_ids:
            return {}
        found = self._describe_snapshots(region_id, snapshot_ids=json.dumps(list(snapshot_ids)))
        return {each.snapshot_id: snapshot_facts(each) for each in found}

    def snapshots_of_instance(self, region_id: str, instance_id: str) -> list[Snapshot]:
        return [snapshot_facts(each) for each in self._describe_snapshots(region_id, instance_id=instance_id)]

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        from alibabacloud_ecs20140526 import models

        request = models.DeleteSnapshotRequest(snapshot_id=snapshot_id)
        try:
            self._call_ecs(
                region_id, "delete_snapshot", request, expected=lambda error: is_not_found(error) or _is_deletion_refused(error)
            )
        except CloudError as error:
            return is_not_found(error)
        return True

    def _describe_snapshots(self, region_id: str, **wanted: str) -> Iterator[Any]:
        from alibabacloud_ecs20140526 import models

        def fetch_page(token: str) -> tuple[Any, str]:
            request = models.DescribeSnapshotsRequest(region_id=region_id, max_results=PAGE, next_token=token or None, **wanted)
            body = self._call_ecs(region_id, "describe_snapshots", request)
            return body.snapshots.snapshot, body.next_token

        return _items_of_all_pages(fetch_page)


def _items_of_all_pages(page: Callable[[str], tuple[Any, str]]) -> Iterator[Any]:
    """All items of a listing, from all its pages.

    The function ``page`` takes the token of a page, and returns the page's items and the token of the next page.
    """
    token = ""
    for _ in range(MAX_PAGES):
        items, token = page(token)
        yield from items or ()
        if not token:
            return
    raise translate_error(CloudError("Listing.TooLong", f"More than {MAX_PAGES * PAGE} items.", 400))
