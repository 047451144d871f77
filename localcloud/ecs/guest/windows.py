"""A Windows guest's system disk: facts.json, which shims/windows/powershell prints for every script except an import.

facts.json is one JSON object: os {caption, version, build, language, architecture}, hostname, memory_mib, cpu, volumes [{drive,
size_mib, free_mib, serial}], windows_dir_mib, services [{name, start_mode, state}], users, listening ["tcp ADDRESS PORT"],
pending_reboot, network {interfaces [{name, mac, addresses}], default_route, dns}, health {metadata, names, clock}, and the rarer
ones below. If the last line of a script is a string literal, its text is printed after the facts, as PowerShell would.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.ecs.guest.blob import Tree, files
from localcloud.ecs.guest.facts import Facts
from localcloud.ecs.guest.linux import mac

_MIB = 1024
_STATES = {"running": "Running", "dead": "Stopped", "exited": "Stopped", "failed": "Stopped", "stopped": "Stopped"}
_MODES = {"enabled": "Auto", "disabled": "Disabled", "static": "Manual", "manual": "Manual"}


def system_tree(facts: Facts) -> Tree:
    """The whole system disk."""
    return {
        **files({"Windows/win.ini": "; for 16-bit app support\n", **facts["disks"][0]["files"]}),
        **release_tree(facts),
    }


def release_tree(facts: Facts) -> Tree:
    """The files that identify the Windows version."""
    os_json = {**facts["os"], "arch": facts["arch"], "language": facts["language"]}
    shown = json.dumps(report(facts), ensure_ascii=False)
    return files({".guest/facts.json": shown + "\n", ".guest/os.json": json.dumps(os_json, sort_keys=True) + "\n"})


def report(facts: Facts) -> dict[str, Any]:
    """The output of a probe. ``report`` among the facts replaces single members."""
    os = facts["os"]
    return {
        "probe": 1,
        "os": {
            "caption": f"Microsoft Windows Server {os['version']} {os['edition']}",
            "version": os["number"],
            "build": str(os["build"]),
            "language": facts["language"].partition("-")[0],
            "architecture": "64-bit",
        },
        "hostname": facts["hostname"],
        "memory_mib": facts["memory_mib"],
        "cpu": facts["cpu"],
        "volumes": [_volume(facts, disk, index) for index, disk in enumerate(facts["disks"])],
        "windows_dir_mib": facts.get("windows_dir_mib", 14000),
        "services": [_service(each) for each in facts["services"]],
        "users": facts["users"],
        "listening": [f"tcp 0.0.0.0 {each.rpartition(':')[2]}" for each in facts["listening"]],
        "pending_reboot": bool(facts.get("pending_reboot", False)),
        "network": _network(facts["ip"]),
        "health": {name: facts.get("health", {}).get(name, True) for name in ("metadata", "names", "clock")},
        **_RARE,
        **facts.get("report", {}),
    }


_RARE: dict[str, Any] = {
    "domain_controller": False,
    "clustered": False,
    "bitlocker": False,
    "page_files": [],
    "activated": True,
    "antivirus": [],
    "filter_drivers": [],
    "checksums": None,
    "check": None,
    "unknown": [],
    "cut": [],
}


def _network(ip: str) -> dict[str, Any]:
    card = {"name": "Red Hat VirtIO Ethernet Adapter", "mac": mac(ip).upper(), "addresses": [ip]}
    return {"interfaces": [card], "default_route": f"{ip.rpartition('.')[0]}.253", "dns": ["100.100.2.136", "100.100.2.138"]}


def _volume(facts: Facts, disk: dict[str, Any], index: int) -> dict[str, Any]:
    drive = f"{chr(ord('C') + index)}:"
    size = disk["size_gib"] * _MIB
    free = facts["free_mib"].get(drive, size - round(disk["used_gib"] * _MIB))
    return {"drive": drive, "size_mib": size, "free_mib": free, "serial": f"{facts['hostname']}-{drive[0]}"}


def _service(service: dict[str, str]) -> dict[str, str]:
    state, mode = service["state"].lower(), service["enabled"].lower()
    return {"name": service["name"], "start_mode": _MODES.get(mode, "Auto"), "state": _STATES.get(state, "Running")}
