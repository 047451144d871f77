"""Converts the SDK's ECS models to the domain's facts. The module sends no requests to the cloud."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from shared.adapters.clock import parse_time, parse_time_or_none
from shared.domain.facts import DiskFacts, InstanceFacts
from shared.domain.media import MEDIA_PURPOSE
from shared.ports.compute import DataDisk, FoundInstance, InstanceFilter, Snapshot
from shared.ports.guest import Agent

_ARM_FAMILY = re.compile(r"^ecs\.[a-z]+\d+[ry](?:[.-]|$)")
"""Matches the instance types that have Arm processors.

The name of a family with Arm processors ends in r or y, for example g6r (Ampere) or g8y (Yitian). ECS does not report the
processor.
"""
MIGRATION_TAG = "replank:migration"
"""The tag that marks the pipeline's snapshots. A snapshot's name proves nothing, because anybody can give a snapshot any name."""
PURPOSE_TAG = "replank:purpose"
"""The tag that says what Replank made a snapshot or a disk for."""
MEDIA_TAGS = {PURPOSE_TAG: MEDIA_PURPOSE}
"""The tag of a disk with installation media that Replank made."""
_SCALING_TAG = "acs:autoscaling:scalingGroupId"
"""The system tag of instances that Auto Scaling made."""
_SMC_DISK = "SMC_"
"""The name of SMC's transit disk probably begins with this text. SMC attaches the transit disk to Windows instances.

No document gives the disk's name, but the names of SMC's snapshots begin with this text.
"""


def instance_from_listing(instance: Any) -> FoundInstance:
    """The few fields of an instance that a listing of the fleet needs."""
    return FoundInstance(
        instance.instance_id,
        instance.region_id,
        instance.instance_name or "",
        instance.osname or "",
        instance.osname_en or "",
        instance.ostype or "",
        instance.status or "",
        parse_time_or_none(instance.start_time),
        tags=_tags_of_resource(instance),
        resource_group_id=instance.resource_group_id or "",
        vpc_id=(instance.vpc_attributes.vpc_id or "") if instance.vpc_attributes else "",
        deletion_protection=_deletion_protection(instance),
    )


def listing_filter_parameters(only: InstanceFilter) -> dict[str, Any]:
    """The parameters of DescribeInstances for this filter."""
    from alibabacloud_ecs20140526 import models

    tags = [models.DescribeInstancesRequestTag(key=key, value=value) for key, value in only.tags]
    found = {"tag": tags, "resource_group_id": only.resource_group_id, "vpc_id": only.vpc_id, "instance_name": only.name}
    return {name: value for name, value in found.items() if value}


def disk_facts(disk: Any, snapshot_count: int | None = None) -> DiskFacts:
    """The facts of one disk. The argument ``snapshot_count`` is the number of the disk's manual snapshots, for which ECS has a
    quota.
    """
    return DiskFacts(
        disk_id=disk.disk_id,
        kind="system" if disk.type == "system" else "data",
        device=disk.device or "",
        category=disk.category or "",
        size_gib=int(disk.size or 0),
        encrypted=bool(disk.encrypted),
        multi_attach=disk.multi_attach == "Enabled",
        status=disk.status or "",
        used_by_smc_transit=(disk.disk_name or "").startswith(_SMC_DISK) or _is_media_disk(disk),
        snapshot_count=snapshot_count,
    )


def data_disk(disk: Any) -> DataDisk:
    """The state of one disk that may be a media disk."""
    tags = dict(_tags_of_resource(disk))
    return DataDisk(
        disk.disk_id,
        disk.disk_name or "",
        disk.status or "",
        disk.instance_id or "",
        tags.get(MIGRATION_TAG, ""),
        _is_media_disk(disk),
        disk.category or "",
    )


def _is_media_disk(disk: Any) -> bool:
    """Whether the disk is one that Replank made for installation media, by its tag."""
    return dict(_tags_of_resource(disk)).get(PURPOSE_TAG) == MEDIA_PURPOSE


def snapshot_facts(snapshot: Any) -> Snapshot:
    """The facts of one snapshot. ECS reports the progress of a snapshot as text, for example ``45%``."""
    return Snapshot(
        snapshot.snapshot_id,
        snapshot.snapshot_name or "",
        snapshot.source_disk_id or "",
        snapshot.status or "",
        int((snapshot.progress or "0").rstrip("%") or 0),
        parse_time(snapshot.creation_time),
        int(snapshot.source_disk_size or 0),
        dict(_tags_of_resource(snapshot)).get(MIGRATION_TAG, ""),
    )


def likely_architecture(instance_type: str) -> Literal["x86_64", "arm64"]:
    """The architecture that the instance type's name suggests.

    The real architecture is known only after the probe has run in the guest.
    """
    return "arm64" if _ARM_FAMILY.match(instance_type) else "x86_64"


def instance_facts(instance: Any, disks: Sequence[Any], agent: Agent | None, snapshots: Sequence[Any]) -> InstanceFacts:
    """All facts that ECS and Cloud Assistant show about one instance."""
    manual = [each.source_disk_id for each in snapshots if each.snapshot_type == "user"]
    tags = _tags_of_resource(instance)
    return InstanceFacts(
        instance_id=instance.instance_id,
        region_id=instance.region_id,
        name=instance.instance_name or "",
        os_name=instance.osname or "",
        os_name_en=instance.osname_en or "",
        os_type="windows" if instance.ostype == "windows" else "linux",
        architecture=likely_architecture(instance.instance_type or ""),
        status=instance.status or "",
        cpu=int(instance.cpu or 0),
        memory_mib=int(instance.memory or 0),
        image_id=instance.image_id or "",
        hostname=instance.host_name or "",
        private_ips=_private_ips(instance),
        public_ips=_public_ips(instance),
        vpc_id=instance.vpc_attributes.vpc_id or "" if instance.vpc_attributes else "",
        serial_number=instance.serial_number or "",
        disks=tuple(disk_facts(disk, manual.count(disk.disk_id)) for disk in disks),
        tags=tags,
        locked=_instance_lock_reasons(instance),
        spot=(instance.spot_strategy or "NoSpot") != "NoSpot",
        expires_at=parse_time_or_none(instance.expired_time) if instance.instance_charge_type == "PrePaid" else None,
        auto_release_at=parse_time_or_none(instance.auto_release_time),
        agent_heartbeat_at=agent.heartbeat_at if agent else None,
        snapshots_in_progress=tuple(each.snapshot_id for each in snapshots if each.status == "progressing"),
        scaling_group_id=dict(tags).get(_SCALING_TAG, ""),
    )


def _deletion_protection(instance: Any) -> bool | None:
    """Whether deletion protection is on; None if ECS does not offer deletion protection for the instance. According to the ECS
    guide, only pay-as-you-go instances can have deletion protection.
    """
    offered = instance.instance_charge_type == "PostPaid" and (instance.spot_strategy or "NoSpot") == "NoSpot"
    return bool(instance.deletion_protection) if offered else None


def _tags_of_resource(resource: Any) -> tuple[tuple[str, str], ...]:
    tags = resource.tags.tag if resource.tags else None
    return tuple((each.tag_key, each.tag_value or "") for each in tags or ())


def _instance_lock_reasons(instance: Any) -> tuple[str, ...]:
    locks = instance.operation_locks.lock_reason if instance.operation_locks else None
    return tuple(each.lock_reason for each in locks or ())


def _private_ips(instance: Any) -> tuple[str, ...]:
    """The instance's private addresses in its VPC, or in the classic network."""
    vpc = instance.vpc_attributes
    inside = vpc.private_ip_address.ip_address if vpc and vpc.private_ip_address else None
    classic = instance.inner_ip_address.ip_address if instance.inner_ip_address else None
    return tuple(inside or classic or ())


def _public_ips(instance: Any) -> tuple[str, ...]:
    fixed = instance.public_ip_address.ip_address if instance.public_ip_address else None
    elastic = instance.eip_address.ip_address if instance.eip_address else None
    return tuple(fixed or ()) + ((elastic,) if elastic else ())
