"""The support matrix: each migration path from one release to another, with its architecture."""

from __future__ import annotations

from shared.domain.catalog.cited import MATRIX_LINUX, MATRIX_WINDOWS, RED_HAT_TOOL
from shared.domain.catalog.model import Architecture, MigrationPath

X86: Architecture = "x86_64"
ARM: Architecture = "arm64"
_RHEL_NOTE = "The minor version of Red Hat Enterprise Linux cannot be chosen."
_TOOL_NOTE = "SMC does not support this path; the guest driver has a recipe."
_ALINUX_2_NOTE = "CentOS 7 can be migrated to Alibaba Cloud Linux 2 on x86 only. The kernel changes from 3.10 to 4.19."


def _linux_path(source: str, destination: str, architecture: Architecture = X86, **more: str | bool) -> MigrationPath:
    return MigrationPath(
        source,
        destination,
        architecture,
        MATRIX_LINUX,
        str(more.get("exact", "")),
        bool(more.get("listed")),
        str(more.get("note", "")),
    )


def _windows_paths(sources: tuple[str, ...], *destinations: str) -> list[MigrationPath]:
    return [MigrationPath(f"windows-{s}", f"windows-{d}-datacenter", X86, MATRIX_WINDOWS) for s in sources for d in destinations]


PATHS: tuple[MigrationPath, ...] = (
    _linux_path("centos-7", "anolis-7"),
    _linux_path("centos-7", "anolis-8"),
    _linux_path("centos-7", "alinux-2", note=_ALINUX_2_NOTE),
    _linux_path("centos-7", "alinux-3"),
    _linux_path("centos-7", "rhel-7", exact="7.9", listed=True, note=_RHEL_NOTE),
    _linux_path("centos-8", "anolis-8"),
    _linux_path("centos-8", "alinux-3"),
    _linux_path("centos-8", "rhel-8", exact="8.5", listed=True, note=_RHEL_NOTE),
    _linux_path("centos-7", "anolis-7", ARM),
    _linux_path("centos-7", "anolis-8", ARM),
    _linux_path("centos-7", "alinux-3", ARM),
    _linux_path("centos-8", "anolis-8", ARM),
    _linux_path("centos-8", "alinux-3", ARM),
    _linux_path("rhel-7", "alinux-3", exact="7.9"),
    _linux_path("rhel-7", "rhel-8", exact="7.9", note=_RHEL_NOTE),
    _linux_path("rhel-8", "alinux-3"),
    _linux_path("rhel-8", "rhel-9", note=_RHEL_NOTE),
    _linux_path("alinux-2", "alinux-3"),
    MigrationPath("rhel-9", "rhel-10", X86, RED_HAT_TOOL, note=_TOOL_NOTE, tool_only=True),
    *_windows_paths(("2008r2-standard", "2008r2-enterprise"), "2012r2"),
    *_windows_paths(("2012r2-standard", "2012r2-datacenter"), "2016", "2019"),
    *_windows_paths(("2016-standard", "2016-datacenter"), "2019", "2022"),
    *_windows_paths(("2019-datacenter",), "2022"),
)
"""All supported migration paths. A migrated Windows guest keeps its language, and its edition becomes Datacenter."""

_TO_2019 = ("2008r2-standard", "2008r2-enterprise", "2012r2-standard", "2012r2-datacenter")
_TO_2022 = ("2016-standard", "2016-datacenter", "2019-datacenter")

DEFAULTS: dict[str, str] = {
    **dict.fromkeys(("centos-7", "centos-8", "rhel-7", "rhel-8", "alinux-2"), "alinux-3"),
    **dict.fromkeys((f"windows-{source}" for source in _TO_2019), "windows-2019-datacenter"),
    **dict.fromkeys((f"windows-{source}" for source in _TO_2022), "windows-2022-datacenter"),
}
"""The default destination of each release. Replank's authors chose the default destinations from practice; no document recommends
these destinations.
"""
