"""When an assessment is too old, or the guest is no longer the one that was assessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain.guest import LinuxFacts, PackageSummary, ServiceFacts
from shared.domain.prechecks.freshness import changed, outdated
from tests.support.facts import LINUX_GUEST, NOW, WINDOWS_GUEST


def test_age() -> None:
    assert outdated(NOW, NOW + timedelta(hours=24)) == ""
    assert outdated(NOW, NOW + timedelta(hours=25)) == "the precheck is 25.0 hours old, more than 24"
    assert outdated(NOW, NOW + timedelta(hours=2), max_age=timedelta(hours=1)) != ""
    assert "after now" in outdated(NOW, NOW - timedelta(seconds=1))


def test_what_changes_by_itself_does_not_count() -> None:
    mounts = tuple(replace(mount, available_mib=mount.available_mib - 5) for mount in LINUX_GUEST.mounts or ())
    services = tuple(replace(service, active=False) for service in LINUX_GUEST.services or ())
    later = replace(LINUX_GUEST, memory_available_mib=100, mounts=mounts, services=services, listening=())
    assert changed(LINUX_GUEST, later) == ()


def test_what_lasts_counts() -> None:
    linux = LINUX_GUEST.linux or LinuxFacts()
    later = replace(
        LINUX_GUEST,
        kernel="4.0",
        packages=PackageSummary(421),
        services=(ServiceFacts("nginx", False, True),),
        linux=replace(linux, fstab=()),
    )
    assert changed(LINUX_GUEST, later) == ("fstab", "kernel", "packages", "services")
    assert "windows" not in changed(LINUX_GUEST, WINDOWS_GUEST)
    assert "os_id" in changed(LINUX_GUEST, WINDOWS_GUEST)
