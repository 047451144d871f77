"""The calls to ECS for disks with installation media. A part of the port ``Compute``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from shared.adapters.compute_facts import MEDIA_TAGS, MIGRATION_TAG, PURPOSE_TAG, data_disk
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import Expected, call_service, error_code_matcher, is_never_expected
from shared.adapters.sdk_errors import CloudError
from shared.domain.errors import Permanent, Refused
from shared.domain.media import MEDIA_PURPOSE, MediaDisk
from shared.ports.compute import DataDisk

CATEGORIES = ("cloud_essd", "cloud_auto", "cloud_essd_entry", "cloud_ssd", "cloud_efficiency")
"""The categories of which ECS can make a data disk. They are tried in this order."""
_MOST_TRIES = 3
_SMALLEST_GIB = {"cloud_auto": 40}
"""The smallest size of a category that does not begin with 20 GiB or less."""
_NOT_OFFERED = error_code_matcher(
    "InvalidDataDiskCategory.NotSupported", "InvalidDiskCategory.NotSupported", "OperationDenied.NoStock"
)
"""Whether ECS refused the category of a disk, or has none left in the zone."""
_NEVER_ATTACHED = error_code_matcher(
    "InvalidInstanceType.NotSupportDiskCategory",
    "InvalidDiskCategory.NotSupported",
    "InvalidDataDiskCategory.NotSupported",
    "ResourcesNotInSameZone",
)
"""Whether ECS refused to attach a disk because of its category or its zone, so that only another disk may help."""
_NOT_NOW = error_code_matcher("IncorrectDiskStatus", "IncorrectInstanceStatus", "DependencyViolation")
"""Whether ECS refused because of a state that changes by itself, or that an earlier call has changed already."""

_DENIED = error_code_matcher("Forbidden.RAM", "NoPermission")
"""Whether RAM refused the call."""


class MediaDiskCalls:
    """The methods for media disks. ``EcsCompute`` inherits them."""

    _clients: Clients

    def create_media_disk(self, row: MediaDisk, size_gib: int, *, token: str) -> str:
        from alibabacloud_ecs20140526 import models

        tags = {MIGRATION_TAG: row.migration_id, PURPOSE_TAG: MEDIA_PURPOSE}
        zone = self._zone_of_instance(row.region_id, row.instance_id)
        tried = self._categories_to_try(row)
        for category in (each for each in tried if each not in row.refused):
            request = models.CreateDiskRequest(
                region_id=row.region_id,
                zone_id=zone,
                snapshot_id=row.snapshot_id,
                size=max(size_gib, _SMALLEST_GIB.get(category, 20)),
                disk_category=category,
                disk_name=row.disk_name,
                description="Installation media of Windows for one migration; deleted at its end.",
                client_token=_token_for_category(token, category),
                tag=[models.CreateDiskRequestTag(key=key, value=value) for key, value in tags.items()],
            )
            with contextlib.suppress(CloudError):  # the category is not offered, so the next one is tried
                return str(self._call_ecs(row.region_id, "create_disk", request, expected=_NOT_OFFERED).disk_id)
        raise Permanent(
            "Media.CategoryMissing",
            f"The zone {zone} offers no disk of {', '.join(tried)} for the installation media that {row.instance_id} takes.",
            "Ask ECS which disks the zone offers for the instance's type (DescribeAvailableResource), and retry once it offers one "
            "of these. Or cancel, and move the instance by another driver.",
        )

    def _categories_to_try(self, row: MediaDisk) -> tuple[str, ...]:
        """The category of the instance's own system disk first, because the instance type surely takes it; then the common ones."""
        from alibabacloud_ecs20140526 import models

        request = models.DescribeDisksRequest(
            region_id=row.region_id, instance_id=row.instance_id, disk_type="system", max_results=10
        )
        found = self._call_ecs(row.region_id, "describe_disks", request).disks.disk or []
        own = [str(each.category) for each in found if str(each.category) in CATEGORIES]
        return tuple(dict.fromkeys([*own, *CATEGORIES]))[:_MOST_TRIES]

    def _zone_of_instance(self, region_id: str, instance_id: str) -> str:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeInstancesRequest(region_id=region_id, instance_ids=f'["{instance_id}"]', max_results=10)
        found = self._call_ecs(region_id, "describe_instances", request).instances.instance
        if not found:
            remedy = "The instance is gone, or in another region or account."
            raise Refused("Instance.NotFound", f"There is no instance {instance_id} in {region_id}.", remedy, status=404)
        return str(found[0].zone_id)

    def attach_disk(self, region_id: str, instance_id: str, disk_id: str) -> bool:
        from alibabacloud_ecs20140526 import models

        request = models.AttachDiskRequest(instance_id=instance_id, disk_id=disk_id, delete_with_instance=True)
        try:
            self._change_disk(region_id, "attach_disk", request, _NEVER_ATTACHED)
        except CloudError:
            return False
        return True

    def detach_disk(self, region_id: str, instance_id: str, disk_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        self._change_disk(region_id, "detach_disk", models.DetachDiskRequest(instance_id=instance_id, disk_id=disk_id))

    def delete_disk(self, region_id: str, disk_id: str) -> None:
        from alibabacloud_ecs20140526 import models

        self._change_disk(region_id, "delete_disk", models.DeleteDiskRequest(disk_id=disk_id))

    def _change_disk(self, region_id: str, operation: str, request: Any, is_final: Expected = is_never_expected) -> None:
        """Attach, detach or delete a disk. If ECS refuses because of the present state, nothing is raised: the caller looks again.

        RAM judges the call by the disk's tag. A disk that is gone has none, so a call that is repeated after a lost answer is
        refused. Such a refusal is no error. Raises CloudError if ``is_final`` is true for the error.
        """
        try:
            self._call_ecs(
                region_id, operation, request, expected=lambda error: _NOT_NOW(error) or _DENIED(error) or is_final(error)
            )
        except CloudError as error:
            if is_final(error):
                raise
            if not _DENIED(error) or self.data_disk(region_id, request.disk_id) is None:
                return
            try:
                self._call_ecs(region_id, operation, request, expected=lambda error: _NOT_NOW(error) or is_final(error))
            except CloudError as again:  # refused because of the state, as above
                if is_final(again):
                    raise

    def data_disk(self, region_id: str, disk_id: str) -> DataDisk | None:
        found = self._data_disks(region_id, disk_ids=f'["{disk_id}"]')
        return found[0] if found else None

    def media_disks_of_migration(self, region_id: str, migration_id: str) -> tuple[DataDisk, ...]:
        from alibabacloud_ecs20140526 import models

        tags = {MIGRATION_TAG: migration_id, **MEDIA_TAGS}
        wanted = [models.DescribeDisksRequestTag(key=key, value=value) for key, value in tags.items()]
        return self._data_disks(region_id, tag=wanted)

    def _data_disks(self, region_id: str, **wanted: Any) -> tuple[DataDisk, ...]:
        """At most 100 disks, in one call."""
        from alibabacloud_ecs20140526 import models

        request = models.DescribeDisksRequest(region_id=region_id, max_results=100, **wanted)
        body = self._call_ecs(region_id, "describe_disks", request)
        return tuple(data_disk(each) for each in body.disks.disk or [])

    def _call_ecs(self, region_id: str, operation: str, request: Any, *, expected: Expected = is_never_expected) -> Any:
        send: Callable[[Any, Any], Any] = getattr(self._clients.ecs_client(region_id), f"{operation}_with_options")
        return call_service(self._clients, lambda runtime: send(request, runtime), expected=expected)


def _token_for_category(token: str, category: str) -> str:
    """The client token for one category. ECS refuses a known token with other parameters.

    The token of cloud_essd is that of older versions, which knew no other category.
    """
    suffix = "" if category == "cloud_essd" else f"-{category.removeprefix('cloud_')}"
    return f"{token[: 64 - len(suffix)]}{suffix}"
