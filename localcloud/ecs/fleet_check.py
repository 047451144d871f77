"""Whether a fleet document can be loaded; the first thing wrong is named by its record and field."""

from __future__ import annotations

from typing import Any

from localcloud.core.regions import REGIONS

SETTINGS: dict[str, tuple[type, ...]] = {
    "event_form": (str,),
    "snapshots_fail": (dict,),
    "snapshots_per_disk": (int,),
    "concurrent_snapshots": (int,),
    "auto_snapshot_policies": (dict,),
    "account": (str,),
    "system_disk_replaced": (bool,),
    "smc_concurrent_jobs": (int,),
    "smc_role_missing": (bool,),
}
"""Options: the form of events (content, cloudmonitor, mixed); failures per disk or instance id; quotas (0: none); policies of
automatic snapshots by id (TimePoints, RepeatWeekdays); the account's state (normal, arrears, no_snapshot_service); whether SMC
gives an instance a new system disk; SMC's quota and role."""
_RECORD: dict[str, tuple[type, ...]] = {
    "InstanceName": (str,),
    "HostName": (str,),
    "OSName": (str,),
    "OSNameEn": (str,),
    "OSType": (str,),
    "Status": (str,),
    "Cpu": (int,),
    "Memory": (int,),
    "ImageId": (str,),
    "ZoneId": (str,),
    "Tags": (dict,),
    "VpcAttributes": (dict,),
    "OperationLocks": (dict,),
}
_GUEST: dict[str, tuple[type, ...]] = {
    "os_release": (dict,),
    "kernel": (str,),
    "arch": (str,),
    "disks": (list,),
    "free_mib": (dict,),
    "free_memory_mib": (int,),
    "memory_mib": (int,),
    "services": (list,),
    "users": (list,),
    "packages": (list,),
    "listening": (list,),
    "modules": (list,),
    "mysql": (str,),
    "language": (str,),
    "version": (str,),
    "edition": (str,),
    "windows_dir_mib": (int,),
    "pending_reboot": (bool,),
    "report": (dict,),
    "health": (dict,),
    "heartbeat_age_s": (int,),
    "agent_lost": (bool,),
    "snapshot_in_progress": (bool,),
    "smc": (dict,),
}
_DISK: dict[str, tuple[type, ...]] = {
    "disk_id": (str,),
    "disk_name": (str,),
    "device": (str,),
    "size_gib": (int,),
    "category": (str,),
    "mount": (str,),
    "used_gib": (int, float),
    "encrypted": (bool,),
    "multi_attach": (str,),
    "auto_snapshot_policy": (str,),
    "files": (dict,),
    "links": (dict,),
    "status": (str,),
}
_SMC: dict[str, tuple[type, ...]] = {
    "fail_attempts": (int,),
    "cause": (str,),
    "code": (str,),
    "at": (str,),
    "puts_back": (bool,),
    "drills": (int,),
}
_STATES = ("Running", "Stopped", "Starting", "Stopping", "Pending")


class FleetInvalid(ValueError):
    """A fleet document is wrong; the text says where."""


def check(document: Any) -> None:
    """Raise FleetInvalid unless the document can be loaded."""
    _fields(document, {"pages": (list,), "guests": (dict,), "faults": (dict,)}, "fleet", strict=True)
    if "pages" not in document:
        raise FleetInvalid("fleet: pages is missing")
    ids: set[str] = set()
    for number, page in enumerate(document["pages"]):
        for index, record in enumerate(_records(page, f"pages[{number}]")):
            _record(record, f"pages[{number}].Instances.Instance[{index}]", ids)
    _fields(document.get("faults", {}), SETTINGS, "faults", strict=True)
    for id, guest in document.get("guests", {}).items():
        if id not in ids:
            raise FleetInvalid(f"guests.{id}: no instance of that id is in pages")
        _guest(guest, f"guests.{id}")


def _records(page: Any, where: str) -> list[Any]:
    try:
        found = page["Instances"]["Instance"]
    except (KeyError, TypeError):
        found = None
    if not isinstance(found, list):
        raise FleetInvalid(f"{where}: Instances.Instance is not a list")
    return found


def _record(record: Any, where: str, ids: set[str]) -> None:
    _fields(record, {"InstanceId": (str,), **_RECORD}, where, strict=False)
    id = record.get("InstanceId", "")
    if not id.startswith("i-"):
        raise FleetInvalid(f"{where}.InstanceId: {id!r} is not an instance id")
    if id in ids:
        raise FleetInvalid(f"{where}.InstanceId: {id} occurs twice")
    ids.add(id)
    if record.get("RegionId", "cn-hangzhou") not in REGIONS:
        raise FleetInvalid(f"{where}.RegionId: {record['RegionId']!r} is no region known here")
    if record.get("Status", "Running") not in _STATES:
        raise FleetInvalid(f"{where}.Status: must be one of {', '.join(_STATES)}")
    if record.get("OSType", "linux").lower() not in ("linux", "windows"):
        raise FleetInvalid(f"{where}.OSType: must be linux or windows")


def _guest(guest: Any, where: str) -> None:
    _fields(guest, _GUEST, where, strict=True)
    _fields(guest.get("smc", {}), _SMC, f"{where}.smc", strict=True)
    for index, disk in enumerate(guest.get("disks", [])):
        here = f"{where}.disks[{index}]"
        _fields(disk, _DISK, here, strict=True)
        for kind in ("files", "links"):
            for path, text in disk.get(kind, {}).items():
                if ".." in path.split("/") or not isinstance(text, str):
                    raise FleetInvalid(f"{here}.{kind}[{path!r}]: must be a path without '..' and a text")


def _fields(found: Any, known: dict[str, tuple[type, ...]], where: str, *, strict: bool) -> None:
    if not isinstance(found, dict):
        raise FleetInvalid(f"{where}: is not an object")
    for name, value in found.items():
        if name not in known:
            if strict:
                raise FleetInvalid(f"{where}.{name}: is not a known field")
            continue
        wrong_bool = isinstance(value, bool) and bool not in known[name]
        if value is not None and (wrong_bool or not isinstance(value, known[name])):
            wanted = " or ".join(each.__name__ for each in known[name])
            raise FleetInvalid(f"{where}.{name}: must be {wanted}, is {type(value).__name__}")
