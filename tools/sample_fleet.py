"""Writes examples/fleet.json, guests.json and scenario.json: the fleet that `make run` migrates. ``python -m tools.sample_fleet``.

Every instance tests one case, which its name states. The scenario file has the expected result of each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FOLDER = Path(__file__).resolve().parent.parent / "examples"
PAGE = 16


@dataclass(frozen=True)
class Os:
    """ECS's name of an operating system. ``image`` is the id of a public image with that system."""

    name: str
    name_en: str
    type: str
    image: str
    arm: bool = False


CENTOS_7 = Os("CentOS  7.9 64位", "CentOS  7.9 64 bit", "linux", "centos_7_9_x64_20G_alibase_20240403.vhd")
CENTOS_7_ARM = Os(
    "CentOS  7.9 64位 ARM版", "CentOS  7.9 64 bit with ARM", "linux", "centos_7_9_arm64_20G_alibase_20240403.vhd", arm=True
)
CENTOS_8 = Os("CentOS  8.5 64位", "CentOS  8.5 64 bit", "linux", "centos_8_5_x64_20G_alibase_20220428.vhd")
CENTOS_8_ARM = Os(
    "CentOS  8.4 64位 ARM版", "CentOS  8.4 64 bit with ARM", "linux", "centos_8_4_arm64_20G_alibase_20210824.vhd", arm=True
)
ALINUX_2 = Os(
    "Alibaba Cloud Linux  2.1903 LTS 64位",
    "Alibaba Cloud Linux  2.1903 LTS 64 bit",
    "linux",
    "aliyun_2_1903_x64_20G_alibase_20240628.vhd",
)
ALINUX_2_ARM = Os(
    "Alibaba Cloud Linux  2.1903 LTS 64位 ARM版",
    "Alibaba Cloud Linux  2.1903 LTS 64 bit ARM Edition",
    "linux",
    "aliyun_2_1903_arm64_20G_alibase_20240628.vhd",
    arm=True,
)
RHEL_7 = Os(
    "Red Hat Enterprise Linux 7.9 64位", "Red Hat Enterprise Linux 7.9 64 bit", "linux", "rhel_7_9_x64_20G_alibase_20230323.vhd"
)
RHEL_7_6 = Os(
    "Red Hat Enterprise Linux 7.6 64位", "Red Hat Enterprise Linux 7.6 64 bit", "linux", "rhel_7_6_x64_20G_alibase_20190619.vhd"
)
RHEL_8 = Os(
    "Red Hat Enterprise Linux 8.10 64位", "Red Hat Enterprise Linux 8.10 64 bit", "linux", "rhel_8_10_x64_20G_alibase_20240926.vhd"
)
WIN_2008 = Os(
    "Windows Server  2008 R2 企业版 64位中文版",
    "Windows Server  2008 R2 Enterprise Edition 64 bit Chinese Edition",
    "windows",
    "win2008r2_sp1_x64_ent_zh-cn_40G_alibase_20191024.vhd",
)
WIN_2008_STANDARD = Os(
    "Windows Server  2008 R2 标准版 64位英文版",
    "Windows Server  2008 R2 Standard Edition 64 bit English Edition",
    "windows",
    "win2008r2_sp1_x64_std_en-us_40G_alibase_20191024.vhd",
)
WIN_2012 = Os(
    "Windows Server  2012 R2 数据中心版 64位英文版",
    "Windows Server  2012 R2 Data Center 64 bit English Edition",
    "windows",
    "win2012r2_9600_x64_dtc_en-us_40G_alibase_20231010.vhd",
)


@dataclass(frozen=True)
class Member:
    """One instance and its expected result (``result``; for a refusal, ``code`` is among its reasons)."""

    name: str
    os: Os
    result: str = "completed"
    code: str = ""
    disks: tuple[tuple[int, str, str], ...] = ()
    """Data disks: size in GiB, mount point, category."""
    facts: Json = field(default_factory=dict)
    record: Json = field(default_factory=dict)
    leads_to: str = ""
    """The destination of the guest driver; empty if another driver is used."""
    tool: str = ""
    """How the tool in the guest fails; empty if it succeeds."""
    console: bool = False
    """Whether a person starts its job in the ECS console."""


ESSD, SSD, EFFICIENCY = "cloud_essd", "cloud_ssd", "cloud_efficiency"
MEMBERS = (
    Member("web-01", CENTOS_7, facts={"services": ["nginx"], "listening": ["tcp:22", "tcp:80", "tcp:443"]}),
    Member("web-02", CENTOS_7, facts={"services": ["nginx"], "listening": ["tcp:22", "tcp:80", "tcp:443"]}),
    Member("app-01", CENTOS_7, disks=((100, "/data", ESSD),), facts={"users": ["root", "app"]}),
    Member("app-02", CENTOS_7, disks=((100, "/data", ESSD), (200, "/srv", EFFICIENCY)), facts={"users": ["root", "app"]}),
    Member("queue-01", CENTOS_7, disks=((60, "/var/lib/rabbitmq", SSD),), facts={"services": ["rabbitmq-server"]}),
    Member(
        "retry-01",
        CENTOS_7,
        disks=((40, "/data", ESSD),),
        facts={
            "smc": {"fail_attempts": 1, "cause": "The repository mirrors.cloud.aliyuncs.com was not reachable.", "at": "Syncing"}
        },
    ),
    Member("ledger-01", CENTOS_7, result="rolled_back", disks=((100, "/data", ESSD), (500, "/archive", EFFICIENCY))),
    Member("arm-01", CENTOS_7_ARM, disks=((80, "/data", ESSD),)),
    Member("arm-02", CENTOS_7_ARM),
    Member("stopped-01", CENTOS_7, "refused", "Instance.NotRunning", record={"Status": "Stopped"}),
    Member("silent-01", CENTOS_7, "refused", "Instance.AgentOffline", facts={"heartbeat_age_s": 30 * 3600}),
    Member("i686-01", CENTOS_7, "refused", "Guest.I686Packages", facts={"packages": ["libgcc-4.8.5-44.el7.i686"]}),
    Member(
        "backup-01",
        CENTOS_7,
        "refused",
        "Instance.SnapshotInProgress",
        disks=((1000, "/backup", EFFICIENCY),),
        facts={"snapshot_in_progress": True},
    ),
    Member("batch-01", CENTOS_8, disks=((100, "/data", ESSD),)),
    Member("batch-02", CENTOS_8),
    Member("arm-03", CENTOS_8_ARM, disks=((80, "/data", ESSD),)),
    Member("full-01", CENTOS_8, "refused", "Guest.DiskSpaceTooLow", facts={"free_mib": {"/var": 2048}}),
    Member("cache-01", ALINUX_2, facts={"services": ["redis"], "listening": ["tcp:22", "tcp:6379"]}),
    Member("cache-02", ALINUX_2, disks=((40, "/data", ESSD),)),
    Member("arm-04", ALINUX_2_ARM, "refused", "Route.NotSupported"),
    Member("erp-01", RHEL_7, disks=((200, "/u01", ESSD),)),
    Member("old-01", RHEL_7_6, "refused", "Route.NotSupported", facts={"os_release": {"id": "rhel", "version": "7.6"}}),
    Member("small-01", RHEL_7, "refused", "Guest.MemoryTooLow", facts={"free_memory_mib": 300}, record={"Cpu": 1, "Memory": 1024}),
    Member("ad-01", WIN_2008, disks=((100, "D:", ESSD),)),
    Member("iis-01", WIN_2008_STANDARD),
    Member("full-02", WIN_2008, "refused", "Guest.SystemDriveTooFull", facts={"free_mib": {"C:": 10240}}),
    Member("sql-01", WIN_2012, disks=((200, "D:", ESSD), (300, "E:", EFFICIENCY))),
    Member("far-01", WIN_2008, "refused", "Instance.RegionNotSupported", record={"RegionId": "me-east-1", "ZoneId": "me-east-1a"}),
    Member("tiny-01", WIN_2012, "refused", "Instance.TooSmall", record={"Cpu": 1, "Memory": 1024}),
    Member("crm-01", RHEL_8, disks=((60, "/data", ESSD),), leads_to="rhel-9"),
    Member(
        "crm-02", RHEL_8, "failed", "Tool.Inhibited", leads_to="rhel-9", tool="inhibit=Use of a network driver that RHEL 9 lacks"
    ),
    Member("mail-01", CENTOS_8, disks=((60, "/var/spool", ESSD),), leads_to="rhel-8"),
    Member("mail-02", CENTOS_8, "rolled_back", disks=((60, "/var/spool", ESSD),), leads_to="rhel-8", tool="fail=middle"),
    Member("wiki-01", ALINUX_2, disks=((40, "/srv/wiki", ESSD),), facts={"services": ["httpd"]}, console=True),
)
POLICY = {"maxMoving": 12, "failureBudget": 3, "retentionDays": 1}
NOTICES = {
    "centos-7": ("CentOS 7", "2024-06-30"),
    "windows-2008r2": ("windows-2008r2", "2020-01-14"),
}
REST = ["centos-8", "alinux-2", "rhel-7", "windows-2012r2"]


def record(number: int, member: Member) -> Json:
    """The instance as DescribeInstances shows it."""
    family = "ecs.g8y" if member.os.arm else "ecs.g7"
    name = f"replank-{member.name}"
    return {
        "InstanceId": instance_id(number, member),
        "InstanceName": name,
        "HostName": name,
        "Description": "",
        "RegionId": "cn-hangzhou",
        "ZoneId": "cn-hangzhou-h",
        "OSName": member.os.name,
        "OSNameEn": member.os.name_en,
        "OSType": member.os.type,
        "Status": "Running",
        "Cpu": 2,
        "Memory": 8192,
        "ImageId": member.os.image,
        "InstanceType": f"{family}.large",
        "InstanceTypeFamily": family,
        "InstanceChargeType": "PostPaid",
        "InstanceNetworkType": "vpc",
        "CreationTime": "2020-03-05T02:00Z",
        "StartTime": "2024-05-06T02:00Z",
        "VpcAttributes": {
            "VpcId": "vpc-bp1replank000000000001",
            "VSwitchId": "vsw-bp1replank000000000001",
            "PrivateIpAddress": {"IpAddress": [f"172.16.8.{number + 10}"]},
            "NatIpAddress": "",
        },
        "Tags": {"Tag": [{"TagKey": "team", "TagValue": member.name.rpartition("-")[0]}]},
        **member.record,
    }


def instance_id(number: int, member: Member) -> str:
    """An id that is shaped like a real one and contains the name."""
    return f"i-bp1{number:02d}{member.name.replace('-', '')}".ljust(22, "0")[:22]


def guest(number: int, member: Member) -> Json:
    """The facts of the guest: disks with data, and the special feature of the instance."""
    disks = [disk(number, member, 0, (40, "/", ESSD))]
    disks += [disk(number, member, place, each) for place, each in enumerate(member.disks, start=1)]
    if member.tool:
        disks[0]["files"][".guest/tool"] = f"{member.tool}\n"
    return {"disks": disks, **member.facts}


def disk(number: int, member: Member, place: int, shape: tuple[int, str, str]) -> Json:
    """One disk. Its content differs from every other disk's."""
    size_gib, mount, category = shape
    words = f"{member.name} disk {place}\n"
    files = (
        {f"srv/{member.name}/notes.txt": words}
        if place == 0
        else {"orders/2024.csv": words * 40, "orders/2025.csv": words[::-1] * 60}
    )
    return {
        "disk_id": f"d-bp1{number:02d}{place}{member.name.replace('-', '')}".ljust(22, "0")[:22],
        "size_gib": size_gib,
        "category": category,
        "mount": mount,
        "used_gib": round(size_gib * 0.2, 1),
        "files": files,
    }


def pages(records: list[Json]) -> list[Json]:
    """The records in pages, as DescribeInstances returns them."""
    found = []
    for number, start in enumerate(range(0, len(records), PAGE), start=1):
        found.append(
            {
                "RequestId": f"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C8{number:02d}",
                "TotalCount": len(records),
                "PageNumber": number,
                "PageSize": PAGE,
                "Instances": {"Instance": records[start : start + PAGE]},
            }
        )
    return found


def notice(name: str, release: str, ended: str) -> Json:
    """An end-of-life notice."""
    return {
        "specversion": "1.0",
        "id": f"notice-{name}",
        "source": "acme.lifecycle",
        "type": "replank:OperatingSystem:EndOfLife",
        "subject": f"release/{name}",
        "datacontenttype": "application/json",
        "data": {"releases": [release], "endOfSupport": ended},
    }


def scenario(ids: dict[str, str]) -> Json:
    """What the run does beside sending the notices, and the expected results."""
    expected = {}
    for member in MEMBERS:
        entry = {"result": member.result}
        expected[ids[member.name]] = {**entry, "code": member.code} if member.code else entry
    by_tool = {ids[member.name]: member.leads_to for member in MEMBERS if member.leads_to}
    by_person = [ids[member.name] for member in MEMBERS if member.console]
    return {
        "batches": [
            {"releases": REST, "exclude": {"instanceIds": [*by_tool, *by_person]}, "policy": POLICY},
            {"instanceIds": list(by_tool), "destinations": by_tool, "policy": {**POLICY, "driver": "guest"}},
            {"instanceIds": by_person, "policy": {**POLICY, "driver": "console"}},
        ],
        "rollBack": [ids[member.name] for member in MEMBERS if member.result == "rolled_back"],
        "expected": expected,
    }


def write(path: Path, document: Any) -> None:
    """Write a document as JSON. The folder is created if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Write the files."""
    ids = {member.name: instance_id(number, member) for number, member in enumerate(MEMBERS)}
    write(FOLDER / "fleet.json", pages([record(number, member) for number, member in enumerate(MEMBERS)]))
    write(FOLDER / "guests.json", {ids[member.name]: guest(number, member) for number, member in enumerate(MEMBERS)})
    write(FOLDER / "scenario.json", scenario(ids))
    for name, (release, ended) in NOTICES.items():
        write(FOLDER / "notices" / f"{name}.json", notice(name, release, ended))


if __name__ == "__main__":
    main()
