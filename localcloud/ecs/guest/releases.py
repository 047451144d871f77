"""Operating systems: which release an instance's OSName means, and what a system of that release shows about itself.

Kernel versions of CentOS and Alibaba Cloud Linux are documented (facts, section 2). The other texts are those that the
distributions ship in /etc. Windows builds are Microsoft's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A Linux release: ``id`` and ``version`` as in /etc/os-release, ``kernel`` without the architecture."""

    id: str
    version: str
    pretty: str
    release: str
    kernel: str
    release_file: str
    packages: str
    """The mark in the names of its packages (el7, al8)."""

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


LINUX = {
    ("centos", 7): Release(
        "centos",
        "7",
        "CentOS Linux 7 (Core)",
        "CentOS Linux release 7.9.2009 (Core)",
        "3.10.0-1160.119.1.el7",
        "centos-release",
        "el7",
    ),
    ("centos", 8): Release(
        "centos", "8", "CentOS Linux 8", "CentOS Linux release 8.5.2111", "4.18.0-348.7.1.el8_5", "centos-release", "el8"
    ),
    ("rhel", 7): Release(
        "rhel",
        "7.9",
        "Red Hat Enterprise Linux Server 7.9 (Maipo)",
        "Red Hat Enterprise Linux Server release 7.9 (Maipo)",
        "3.10.0-1160.119.1.el7",
        "",
        "el7",
    ),
    ("rhel", 8): Release(
        "rhel",
        "8.10",
        "Red Hat Enterprise Linux 8.10 (Ootpa)",
        "Red Hat Enterprise Linux release 8.10 (Ootpa)",
        "4.18.0-553.16.1.el8_10",
        "",
        "el8",
    ),
    ("rhel", 9): Release(
        "rhel",
        "9.4",
        "Red Hat Enterprise Linux 9.4 (Plow)",
        "Red Hat Enterprise Linux release 9.4 (Plow)",
        "5.14.0-427.33.1.el9_4",
        "",
        "el9",
    ),
    ("rhel", 10): Release(
        "rhel",
        "10.0",
        "Red Hat Enterprise Linux 10.0 (Coughlan)",
        "Red Hat Enterprise Linux release 10.0 (Coughlan)",
        "6.12.0-55.9.1.el10_0",
        "",
        "el10",
    ),
    ("alinux", 2): Release(
        "alinux",
        "2.1903",
        "Alibaba Cloud Linux 2.1903 LTS (Hunting Beagle)",
        "Alibaba Cloud Linux release 2.1903 LTS (Hunting Beagle)",
        "4.19.91-28.1.al7",
        "alinux-release",
        "al7",
    ),
    ("alinux", 3): Release(
        "alinux",
        "3",
        "Alibaba Cloud Linux 3 (OpenAnolis Edition)",
        "Alibaba Cloud Linux release 3 (OpenAnolis Edition)",
        "5.10.134-18.al8",
        "alinux-release",
        "al8",
    ),
    ("anolis", 7): Release("anolis", "7.9", "Anolis OS 7.9", "Anolis OS release 7.9", "4.19.91-27.8.an7", "anolis-release", "an7"),
    ("anolis", 8): Release("anolis", "8.9", "Anolis OS 8.9", "Anolis OS release 8.9", "5.10.134-17.2.an8", "anolis-release", "an8"),
}
_OTHERS = {"ubuntu": "5.4.0-200-generic", "debian": "5.10.0-33-amd64", "rocky": "5.14.0-427.el9", "almalinux": "5.14.0-427.el9"}
_FAMILIES = (
    ("alinux", r"(?:alibaba cloud|aliyun) linux"),
    ("anolis", r"anolis"),
    ("centos", r"centos"),
    ("rhel", r"red ?hat"),
    ("ubuntu", r"ubuntu"),
    ("debian", r"debian"),
    ("rocky", r"rocky"),
    ("almalinux", r"alma ?linux"),
)
WINDOWS_BUILDS = {
    "2008 R2": ("6.1.7601", 7601),
    "2012": ("6.2.9200", 9200),
    "2012 R2": ("6.3.9600", 9600),
    "2016": ("10.0.14393", 14393),
    "2019": ("10.0.17763", 17763),
    "2022": ("10.0.20348", 20348),
    "2025": ("10.0.26100", 26100),
}
VENDORS = {"centos": "CentOS", "rhel": "Red Hat, Inc.", "alinux": "Alibaba Cloud", "anolis": "OpenAnolis"}
"""The vendor that signs the distribution's own packages."""
_EDITIONS = (("Datacenter", r"data ?center|数据中心"), ("Enterprise", r"enterprise|企业"), ("Standard", r"standard|标准"))


def linux_named(os_name: str) -> Release:
    """The release that an OSName or a destination's name means (``CentOS 7.9 64 位``). An unknown name gives a generic release."""
    low = os_name.lower()
    family = next((id for id, pattern in _FAMILIES if re.search(pattern, low)), "linux")
    found = re.search(r"(\d+)(?:\.(\d+))?", re.sub(r"\b(64|32)[ -]?(bit|位)", "", low))
    major = int(found.group(1)) if found else 1
    return linux(family, found.group(0) if found else str(major))


def linux(id: str, version: str) -> Release:
    """The release of an id and version. The minor version is the given one, if the release shows minor versions."""
    known = LINUX.get((id, int(version.split(".")[0])))
    if known is None:
        name = {"ubuntu": "Ubuntu", "debian": "Debian GNU/Linux"}.get(id, id.capitalize())
        return Release(id, version, f"{name} {version}", f"{name} release {version}", _OTHERS.get(id, "4.18.0-1"), "", "")
    minor = version.partition(".")[2]
    if id not in ("centos", "rhel", "anolis") or not minor:
        return known
    text = re.sub(r"\d+\.\d+(\.\d+)?", lambda old: version if not old.group(1) else f"{version}{old.group(1)}", known.release)
    pretty = re.sub(r"\d+\.\d+", version, known.pretty)
    return Release(id, known.version if id == "centos" else version, pretty, text, known.kernel, known.release_file, known.packages)


def windows_named(os_name: str) -> tuple[str, str]:
    """(version, edition) of a Windows OSName: ("2008 R2", "Enterprise")."""
    found = re.search(r"(20\d\d)\s*(r2)?", os_name.lower())
    year = found.group(1) if found else "2019"
    version = f"{year} R2" if found and found.group(2) else year
    edition = next((name for name, pattern in _EDITIONS if re.search(pattern, os_name.lower())), "Datacenter")
    return version, edition


def language_of(os_name: str) -> str:
    """zh-CN if an OSName says Chinese, else en-US."""
    return "zh-CN" if re.search(r"chinese|中文", os_name.lower()) else "en-US"
