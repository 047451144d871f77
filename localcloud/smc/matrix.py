"""Which operating system can be migrated to which (facts, section 1). The destinations have localcloud's own names.

The real values for the destination are not published; these readable names are an assumption.
"""

from __future__ import annotations

import re
from typing import Any

_ALINUX2, _ALINUX3 = "Alibaba Cloud Linux 2", "Alibaba Cloud Linux 3"
_ANOLIS7, _ANOLIS8 = "Anolis OS 7", "Anolis OS 8"
_LINUX: dict[tuple[str, int, str], tuple[str, ...]] = {
    ("centos", 7, "x86_64"): (_ANOLIS7, _ANOLIS8, _ALINUX2, _ALINUX3, "Red Hat 7"),
    ("centos", 8, "x86_64"): (_ANOLIS8, _ALINUX3, "Red Hat 8"),
    ("centos", 7, "aarch64"): (_ANOLIS7, _ANOLIS8, _ALINUX3),
    ("centos", 8, "aarch64"): (_ANOLIS8, _ALINUX3),
    ("rhel", 7, "x86_64"): (_ALINUX3, "Red Hat 8"),
    ("rhel", 8, "x86_64"): (_ALINUX3, "Red Hat 9"),
    ("alinux", 2, "x86_64"): (_ALINUX3,),
}
_WINDOWS: dict[tuple[str, str], tuple[str, ...]] = {
    ("2008 R2", "Standard"): ("2012 R2",),
    ("2008 R2", "Enterprise"): ("2012 R2",),
    ("2012 R2", "Standard"): ("2016", "2019"),
    ("2012 R2", "Datacenter"): ("2016", "2019"),
    ("2016", "Standard"): ("2019", "2022"),
    ("2016", "Datacenter"): ("2019", "2022"),
    ("2019", "Datacenter"): ("2022",),
}


def targets(os: dict[str, Any]) -> list[str]:
    """The destinations of an installed system (id, version, arch, edition). Empty if the system is not supported."""
    if os["id"] == "windows":
        return [f"Windows Server {version} Datacenter" for version in _WINDOWS.get((os["version"], os["edition"]), ())]
    return list(_LINUX.get((os["id"], _major(os["version"]), os["arch"]), ()))


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found.group()) if found else 0


def name_of(os: dict[str, Any]) -> str:
    """The name of an installed system in an error message."""
    if os["id"] == "windows":
        return f"Windows Server {os['version']} {os['edition']}"
    return f"{os['id']} {os['version']} {os['arch']}"


def platform_of(os: dict[str, Any]) -> str:
    """The family's name alone, as DescribeSourceServers shows it (its sample is ``OpenSUSE``)."""
    names = {"centos": "CentOS", "rhel": "RedHat", "alinux": "Aliyun", "anolis": "Anolis", "windows": "Windows Server"}
    id: str = os["id"]
    return names.get(id, id.capitalize())
