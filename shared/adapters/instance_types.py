"""Reads the limits of instance types from ECS.

Each instance type is read only once per process, because the limits of a type never change.
"""

from __future__ import annotations

from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import call_service
from shared.domain.errors import Permanent


class InstanceTypeLimits:
    """Reads the limits of instance types, and caches them."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._disks: dict[str, int] = {}

    def data_disk_limit(self, region_id: str, instance_type: str) -> int | None:
        """The maximum number of data disks of an instance type, without the system disk; None if ECS does not report the maximum.

        Raises Transient.
        """
        if instance_type not in self._disks:
            try:
                self._disks.update(self._fetch_disk_limits(region_id, instance_type))
            except Permanent:
                return None  # if the role lacks the permission, the rule's answer is unknown, which refuses no instance
        disks = self._disks.get(instance_type)
        return None if disks is None else disks - 1

    def _fetch_disk_limits(self, region_id: str, instance_type: str) -> dict[str, int]:
        """Maps each instance type to its maximum number of cloud disks.

        The maximum includes the system disk (docs/assumptions.md).
        """
        from alibabacloud_ecs20140526 import models

        request = models.DescribeInstanceTypesRequest(instance_types=[instance_type])
        client = self._clients.ecs_client(region_id)
        body = call_service(self._clients, lambda runtime: client.describe_instance_types_with_options(request, runtime))
        found = body.instance_types.instance_type if body.instance_types else None
        return {each.instance_type_id: each.disk_quantity for each in found or () if each.disk_quantity}
