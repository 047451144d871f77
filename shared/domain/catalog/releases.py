"""All releases, with their ECS names in Chinese and English and their ids in /etc/os-release. If the patterns of several releases
match a name, the name means the first of these releases.
"""

from __future__ import annotations

from shared.domain.catalog.cited import NAMES
from shared.domain.catalog.model import Release

_LINUX = (
    # family, name, pattern before the version, ID in os-release, versions known
    ("centos-stream", "CentOS Stream", r"centos stream", "centos", ("8", "9", "10")),
    ("centos", "CentOS", r"centos(?: linux)?", "centos", ("5", "6", "7", "8")),
    ("rhel", "Red Hat Enterprise Linux", r"red ?hat(?: enterprise linux)?(?: server)?", "rhel", ("6", "7", "8", "9", "10")),
    ("anolis", "Anolis OS", r"anolis ?(?:os)?", "anolis", ("7", "8", "23")),
    ("ubuntu", "Ubuntu", r"ubuntu", "ubuntu", ("14.04", "16.04", "18.04", "20.04", "22.04", "24.04", "26.04")),
    ("debian", "Debian", r"debian(?: gnu/linux)?", "debian", ("8", "9", "10", "11", "12", "13")),
    ("rocky", "Rocky Linux", r"rocky(?: linux)?", "rocky", ("8", "9", "10")),
    ("almalinux", "AlmaLinux", r"alma ?linux", "almalinux", ("8", "9", "10")),
    ("opensuse", "openSUSE Leap", r"opensuse(?: leap)?", "opensuse-leap", ("15", "42")),
    ("sles", "SUSE Linux Enterprise Server", r"(?:suse linux|sles)(?: enterprise)?(?: server)?", "sles", ("11", "12", "15")),
)

_ALINUX = (("2", r"2(?:\.1903)?"), ("3", r"3(?:\.2104)?"), ("4", r"4"))

_EDITIONS = (
    ("datacenter", "Datacenter", r"(?:data ?cent(?:er|re)|数据中心)"),
    ("standard", "Standard", r"(?:standard|标准)"),
    ("enterprise", "Enterprise", r"(?:enterprise|企业)"),
    ("web", "Web", r"web"),
)

_WINDOWS = (
    ("2003", r"2003(?: r2)?", ("standard", "enterprise", "web")),
    ("2008r2", r"2008 ?r2", ("standard", "enterprise", "datacenter", "web")),
    ("2008", r"2008(?! ?r2)", ("standard", "enterprise", "datacenter", "web")),
    ("2012r2", r"2012 ?r2", ("standard", "datacenter")),
    ("2012", r"2012(?! ?r2)", ("standard", "datacenter")),
    ("2016", r"2016", ("standard", "datacenter")),
    ("2019", r"2019", ("standard", "datacenter")),
    ("2022", r"2022", ("standard", "datacenter")),
    ("2025", r"2025", ("standard", "datacenter")),
)


def _linux_rows() -> list[Release]:
    rows = []
    for family, name, words, os_release_id, versions in _LINUX:
        for version in versions:
            pattern = rf"\b{words} (?P<version>{version.replace('.', '[.]')}(?:[.]\d+)*)(?![\d.])"
            key = f"{family}-{version}"
            rows.append(Release(key, family, version, f"{name} {version}", "linux", pattern, key, NAMES, os_release_id))
    for version, digits in _ALINUX:
        pattern = rf"\b(?:alibaba cloud|aliyun) linux(?: \(aliyun linux\))? (?P<version>{digits})(?![\d.])"
        key = f"alinux-{version}"
        rows.append(Release(key, "alinux", version, f"Alibaba Cloud Linux {version}", "linux", pattern, key, NAMES, "alinux"))
    return rows


def _windows_rows() -> list[Release]:
    names = {slug: (title, words) for slug, title, words in _EDITIONS}
    rows = []
    for version, digits, editions in _WINDOWS:
        for edition in editions:
            title, words = names[edition]
            product = f"windows-{version}"
            name = f"Windows Server {version.replace('r2', ' R2')} {title}"
            pattern = rf"windows server (?P<version>{digits})\b.*?{words}"
            if edition == "web":
                pattern = rf"windows (?:web server (?P<version>{digits})|server (?:{digits})\b.*?web)"
            rows.append(
                Release(f"{product}-{edition}", "windows", version, name, "windows", pattern, product, NAMES, edition=edition)
            )
    return rows


RELEASES: dict[str, Release] = {row.key: row for row in [*_linux_rows(), *_windows_rows()]}
"""A table of all known releases, with ``Release.key`` as the key. The table includes releases without a migration path, so that a
refusal can show their names.
"""
