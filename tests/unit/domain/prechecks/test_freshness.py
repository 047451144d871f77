"""When the guest has changed so much that its assessment no longer applies."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.guest import LinuxFacts, PackageSummary, ServiceFacts
from shared.domain.prechecks.freshness import changed_facts
from tests.support.facts import LINUX_GUEST, WINDOWS_GUEST


def test_what_changes_by_itself_does_not_count() -> None:
    mounts = tuple(replace(mount, available_mib=mount.available_mib - 5) for mount in LINUX_GUEST.mounts or ())
    services = tuple(replace(service, active=False) for service in LINUX_GUEST.services or ())
    later = replace(LINUX_GUEST, memory_available_mib=100, mounts=mounts, services=services, listening=())
    assert changed_facts(LINUX_GUEST, later) == ()


def test_what_lasts_counts() -> None:
    linux = LINUX_GUEST.linux or LinuxFacts()
    later = replace(
        LINUX_GUEST,
        kernel="4.0",
        packages=PackageSummary(421),
        services=(ServiceFacts("nginx", False, True),),
        linux=replace(linux, fstab=()),
    )
    assert changed_facts(LINUX_GUEST, later) == ("fstab", "kernel", "packages", "services")
    assert "windows" not in changed_facts(LINUX_GUEST, WINDOWS_GUEST)
    assert "os_id" in changed_facts(LINUX_GUEST, WINDOWS_GUEST)
