"""Fields of DescribeReplicationJobs and DescribeSourceServers that are not stored: disks, and fields that stay empty.

Source: response models of alibabacloud-smc20190601 1.1.2. Partitions are not emulated, so their lists are empty. A job's
``InstanceId`` is the value given at its creation. Whether SMC fills it in for an operating system migration is not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.smc.world import Doc, without_sim

_JOB: Mapping[str, Any] = {
    "Description": "",
    "Frequency": 0,
    "ImageId": "",
    "ImageName": "",
    "InstanceId": "",
    "InstanceRamRole": "",
    "InstanceType": "",
    "LaunchTemplateId": "",
    "LaunchTemplateVersion": "",
    "LicenseType": "",
    "MaxNumberOfImageToKeep": 0,
    "NetMode": 0,
    "ReplicationParameters": "",
    "ResourceGroupId": "",
    "ScheduledStartTime": "",
    "SystemDiskParts": {"SystemDiskPart": []},
    "TargetType": "",
    "VSwitchId": "",
    "VpcId": "",
}
_SOURCE: Mapping[str, Any] = {"ResourceGroupId": "", "SystemDiskParts": {"SystemDiskPart": []}, "WorkgroupId": ""}


def job(doc: Doc, source: Doc | None) -> Doc:
    """A job as the API shows it. Its disks are those of its source, if the source is still registered."""
    record = without_sim(doc)
    if source is None:
        return {**_JOB, **record}
    size, data = record.get("SystemDiskSize", source["SystemDiskSize"]), source["DataDisks"]["DataDisk"]
    disks = {
        "System": {"DiskId": "0", "LVM": False, "Size": size, "Parts": {"Part": []}},
        "Data": {
            "Data": [{"DiskId": str(each["Index"]), "LVM": False, "Size": each["Size"], "Parts": {"Part": []}} for each in data]
        },
    }
    return {**_JOB, "SystemDiskSize": size, "DataDisks": {"DataDisk": _with_parts(data)}, "Disks": disks, **record}


def source(doc: Doc) -> Doc:
    """A source server as the API shows it."""
    record = without_sim(doc)
    data = record["DataDisks"]["DataDisk"]
    disks = {
        "System": {"Offset": 0, "Size": record["SystemDiskSize"], "Parts": {"Part": []}},
        "Data": {"Data": [{"Offset": 0, "Size": each["Size"], "Parts": {"Part": []}} for each in data]},
    }
    return {**_SOURCE, "Disks": disks, **record, "DataDisks": {"DataDisk": _with_parts(data)}}


def _with_parts(data: Sequence[Doc]) -> list[Doc]:
    return [{"Parts": {"Part": []}, **each} for each in data]
