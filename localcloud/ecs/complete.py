"""Fields of DescribeInstances and DescribeDisks that are not stored, because they can be derived from stored fields. Real clients
read them.

Sources: the response models of alibabacloud-ecs20140526 7.11.8; for the performance of disks,
alibabacloud.com/help/en/ecs/user-guide/essds. A stored field takes precedence over a derived one. A derived id is the same each
time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from localcloud.ecs.store import Doc
from localcloud.ecs.world import shown

_PLAIN: Mapping[str, Any] = {
    "AdditionalInfo": {"EnableHighDensityMode": False},
    "CreditSpecification": "",
    "DedicatedHostAttribute": {"DedicatedHostId": "", "DedicatedHostName": "", "DedicatedHostClusterId": ""},
    "DedicatedInstanceAttribute": {"Affinity": "", "Tenancy": ""},
    "DeploymentSetId": "",
    "EcsCapacityReservationAttr": {"CapacityReservationId": "", "CapacityReservationPreference": ""},
    "HibernationOptions": {"Configured": False},
    "HpcClusterId": "",
    "ISP": "",
    "ImageOptions": {"LoginAsNonRoot": False},
    "KeyPairName": "",
    "LocalStorageCapacity": 0,
    "MetadataOptions": {"HttpEndpoint": "", "HttpPutResponseHopLimit": 0, "HttpTokens": ""},
    "RdmaIpAddress": {"IpAddress": []},
    "SpotDuration": 0,
    "SpotInterruptionBehavior": "",
    "VlanId": "",
}
_EIP = {"AllocationId": "", "Bandwidth": 0, "InternetChargeType": "", "IpAddress": "", "IsSupportUnassociate": False}
_MOST = {"PL0": (12, 10_000, 0.25, 180, 100), "PL1": (50, 50_000, 0.5, 350, 120), "PL2": (50, 100_000, 0.5, 750, 120)}
_MOST["PL3"] = (50, 1_000_000, 0.5, 4_000, 120)
"""By performance level: IOPS per GiB, maximum IOPS, MB/s per GiB, maximum MB/s, and base MB/s."""


def instance(doc: Doc) -> Doc:
    """An instance as DescribeInstances shows it."""
    record = shown(doc)
    vpc = {"NatIpAddress": "", "VSwitchId": "", "VpcId": "", **record["VpcAttributes"]}
    cores = max(1, record["Cpu"] // 2)
    made = {
        "CpuOptions": {"CoreCount": cores, "Numa": "", "ThreadsPerCore": record["Cpu"] // cores},
        "NetworkInterfaces": {"NetworkInterface": _interfaces(record)},
    }
    return {**_PLAIN, **made, **record, "VpcAttributes": vpc, "EipAddress": {**_EIP, **record["EipAddress"]}}


def _interfaces(record: Doc) -> list[Doc]:
    """The primary network interface with the instance's private address. Empty in the classic network."""
    addresses = record["VpcAttributes"].get("PrivateIpAddress", {}).get("IpAddress", [])
    return _primary(record["InstanceId"], tuple(addresses)) if addresses else []


@lru_cache(maxsize=4096)
def _primary(instance_id: str, addresses: tuple[str, ...]) -> list[Doc]:
    """The interface in a list. It is made once, because instances are listed often. Callers must not change it."""
    number = hashlib.sha256(f"eni {instance_id}".encode()).hexdigest()
    private = [{"PrivateIpAddress": each, "Primary": at == 0} for at, each in enumerate(addresses)]
    return [
        {
            "NetworkInterfaceId": f"eni-bp1{number[:17]}",
            "MacAddress": ":".join(("00", "16", "3e", number[20:22], number[22:24], number[24:26])),
            "Type": "Primary",
            "PrimaryIpAddress": addresses[0],
            "PrivateIpSets": {"PrivateIpSet": private},
            "Ipv6Sets": {"Ipv6Set": []},
            "Ipv4PrefixSets": {"Ipv4PrefixSet": []},
            "Ipv6PrefixSets": {"Ipv6PrefixSet": []},
        }
    ]


def disk(doc: Doc) -> Doc:
    """A disk as DescribeDisks shows it."""
    record = shown(doc)
    made: dict[str, Any] = {"BdfId": "", "BurstingEnabled": False, "KMSKeyId": "", "ProductCode": "", "ProvisionedIops": 0}
    made |= {"StorageSetId": "", "StorageSetPartitionNumber": 0, "MountInstanceNum": len(record["MountInstances"]["MountInstance"])}
    if record["Category"] == "cloud_essd" and record["PerformanceLevel"] in _MOST:
        made |= _performance(record["PerformanceLevel"], record["Size"])
    return {**made, **record}


def _performance(level: str, size_gib: int) -> Doc:
    each, most, each_mbs, most_mbs, base_mbs = _MOST[level]
    iops, throughput = min(1800 + each * size_gib, most), min(int(base_mbs + each_mbs * size_gib), most_mbs)
    return {
        "IOPS": iops,
        "IOPSRead": iops,
        "IOPSWrite": iops,
        "Throughput": throughput,
        "ThroughputRead": throughput,
        "ThroughputWrite": throughput,
    }
