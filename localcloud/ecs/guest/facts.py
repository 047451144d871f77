"""What is known of a guest: the facts a fleet document gives, completed by what an instance's record lets one guess.

Facts (all optional): os_release {id, version, pretty_name}, kernel, arch, disks [{disk_id, device, size_gib, category, mount,
used_gib, encrypted, status, files {path: text; a program if it begins with #!}, links {path: target}}], free_mib {mount: MiB},
memory_mib, services, users, packages, listening, mysql, language, edition, windows_dir_mib, pending_reboot,
health {clock, metadata, names, updates: bool}, heartbeat_age_s, agent_lost, snapshot_in_progress,
smc {fail_attempts, cause, puts_back, drills}.
"""

from __future__ import annotations

from typing import Any

from localcloud.ecs.guest import releases

Facts = dict[str, Any]
_LINUX_SERVICES = ("aliyun", "chronyd", "crond", "dbus", "NetworkManager", "rsyslog", "sshd", "systemd-journald")
_WINDOWS_SERVICES = ("AliyunService", "Dhcp", "Dnscache", "EventLog", "LanmanServer", "TermService", "W32Time")


def complete(record: dict[str, Any], given: Facts) -> Facts:
    """The complete facts of an instance (``record`` as DescribeInstances shows it)."""
    windows = record["OSType"] == "windows"
    facts: Facts = {
        "os_type": record["OSType"],
        "hostname": record["HostName"] or record["InstanceId"],
        "ip": private_ip(record),
        "cpu": record["Cpu"],
        "memory_mib": record["Memory"],
        "arch": "aarch64" if "arm" in record["OSNameEn"].lower() else "x86_64",
        "language": releases.language_of(record["OSName"]),
        "free_mib": {},
        "users": ["Administrator"] if windows else ["root"],
        "packages": [],
        "services": [],
        "listening": ["tcp:3389"] if windows else ["tcp:22"],
        **{name: value for name, value in given.items() if name != "disks"},
    }
    facts["services"] = _services(facts["services"], _WINDOWS_SERVICES if windows else _LINUX_SERVICES)
    facts["disks"] = [_disk(disk, index) for index, disk in enumerate(given.get("disks") or [{}])]
    facts["os"] = _windows(record, given) if windows else _linux(record, given)
    return facts


def private_ip(record: dict[str, Any]) -> str:
    """An instance's first private address; empty if it has none."""
    addresses = (
        record["VpcAttributes"].get("PrivateIpAddress", {}).get("IpAddress") or record["InnerIpAddress"].get("IpAddress") or [""]
    )
    first: str = addresses[0]
    return first


def _services(given: list[Any], usual: tuple[str, ...]) -> list[dict[str, str]]:
    """The services by name. A service is running and enabled by default."""
    listed = [{"name": each} if isinstance(each, str) else dict(each) for each in given]
    names = {each["name"] for each in listed}
    listed += [{"name": name} for name in usual if name not in names]
    return [{"state": "running", "enabled": "enabled", **each} for each in sorted(listed, key=lambda each: each["name"])]


def _disk(given: dict[str, Any], index: int) -> dict[str, Any]:
    size = given.get("size_gib", 40)
    defaults = {
        "device": f"/dev/xvd{chr(ord('a') + index)}",
        "size_gib": size,
        "category": "cloud_essd",
        "mount": "/" if index == 0 else f"/data{index if index > 1 else ''}",
        "used_gib": round(size * 0.3, 2),
        "encrypted": False,
        "files": {},
        "links": {},
        "status": "In_use",
    }
    return {**defaults, **given}


def _linux(record: dict[str, Any], given: Facts) -> dict[str, Any]:
    stated = given.get("os_release") or {}
    if stated.get("id"):
        release = releases.linux(stated["id"], str(stated.get("version", "1")))
    else:
        release = releases.linux_named(record["OSNameEn"] or record["OSName"])
    return linux_os(release, pretty=stated.get("pretty_name"), kernel=given.get("kernel"), version=stated.get("version"))


def linux_os(
    release: releases.Release, *, pretty: str | None = None, kernel: str | None = None, version: Any = None
) -> dict[str, Any]:
    """The ``os`` part of a Linux guest's facts."""
    return {
        "id": release.id,
        "version": str(version or release.version),
        "pretty": pretty or release.pretty,
        "release": release.release,
        "release_file": release.release_file,
        "kernel": kernel or release.kernel,
        "mark": release.packages,
    }


def _windows(record: dict[str, Any], given: Facts) -> dict[str, Any]:
    version, edition = releases.windows_named(record["OSNameEn"] or record["OSName"])
    return windows_os(given.get("version", version), given.get("edition", edition))


def windows_os(version: str, edition: str) -> dict[str, Any]:
    """The ``os`` part of a Windows guest's facts."""
    number, build = releases.WINDOWS_BUILDS.get(version, ("10.0.0", 0))
    return {"id": "windows", "version": version, "edition": edition, "number": number, "build": build}
