"""Small fleets for tests, in the form of DescribeInstances, with facts about their guests."""

from __future__ import annotations

from typing import Any

CENTOS_7 = ("CentOS  7.9 64位", "CentOS  7.9 64 bit", "linux")
CENTOS_8 = ("CentOS  8.5 64位", "CentOS  8.5 64 bit", "linux")
RHEL_8 = ("Red Hat Enterprise Linux 8.10 64位", "Red Hat Enterprise Linux 8.10 64 bit", "linux")
RHEL_9 = ("Red Hat Enterprise Linux 9.6 64位", "Red Hat Enterprise Linux 9.6 64 bit", "linux")
WINDOWS_2008 = (
    "Windows Server  2008 R2 企业版 64位中文版",
    "Windows Server 2008 R2 Enterprise Edition 64 bit Chinese Edition",
    "windows",
)
WINDOWS_2012R2 = (
    "Windows Server  2012 R2 数据中心版 64位中文版",
    "Windows Server 2012 R2 Datacenter Edition 64 bit Chinese Edition",
    "windows",
)
WINDOWS_2016 = (
    "Windows Server  2016 数据中心版 64位中文版",
    "Windows Server 2016 Datacenter Edition 64 bit Chinese Edition",
    "windows",
)
WINDOWS_2019 = (
    "Windows Server  2019 数据中心版 64位中文版",
    "Windows Server 2019 Datacenter Edition 64 bit Chinese Edition",
    "windows",
)


def instance(number: int, names: tuple[str, str, str] = CENTOS_7, **more: Any) -> dict[str, Any]:
    """One instance of a DescribeInstances answer."""
    os_name, os_name_en, os_type = names
    return {
        "InstanceId": f"i-test{number:04d}",
        "InstanceName": f"web-{number}",
        "HostName": f"web-{number}",
        "RegionId": "cn-hangzhou",
        "OSName": os_name,
        "OSNameEn": os_name_en,
        "OSType": os_type,
        "Status": "Running",
        "Cpu": 4,
        "Memory": 8192,
        **more,
    }


def fleet(*instances: dict[str, Any], guests: dict[str, Any] | None = None, faults: dict[str, Any] | None = None) -> dict[str, Any]:
    """A fleet document of these instances."""
    page = {"Instances": {"Instance": list(instances)}, "TotalCount": len(instances), "RequestId": "test", "NextToken": ""}
    return {"pages": [page], "guests": guests or {}, "faults": faults or {}}
