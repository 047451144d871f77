"""Checks that the same file systems are mounted at the same mount points, are as large as before, and are writable."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.fstab import is_mounted_on_demand, may_device_be_missing
from shared.domain.guest import FstabFacts, GuestFacts, MountFacts
from shared.domain.validation.view import (
    Comparison,
    expected_finding,
    failure_finding,
    joined_names,
    not_compared_finding,
    warning_finding,
)

SHRUNK = 0.95
"""A file system with less than this share of its old size counts as shrunk. The share is below 1, because a new kernel may count
blocks differently.
"""


def check_mounts(view: Comparison) -> Iterator[Finding]:
    """Compare the file systems by mount point (Windows: by drive)."""
    if view.before.mounts is None or view.after.mounts is None:
        yield not_compared_finding("MountsUnknown", "mounted file systems")
        return
    before = {m.mount_point: m for m in view.before.mounts}
    after = {m.mount_point: m for m in view.after.mounts}
    yield from _lost_mount_findings(view, [m for m in before.values() if m.mount_point not in after])
    added = after.keys() - before.keys()
    if added:
        yield expected_finding(
            "MountAdded", "A file system is new", joined_names(added), "A new system mounts some file systems of its own."
        )
    yield from _changed_mount_findings([(before[point], after[point]) for point in sorted(before.keys() & after.keys())])


def _lost_mount_findings(view: Comparison, lost: list[MountFacts]) -> Iterator[Finding]:
    """Findings for file systems that are no longer mounted. The lines of fstab show which file systems need not be mounted at every
    start."""
    entries = {e.mount_point.rstrip("/") or "/": e for guest in (view.before, view.after) for e in _fstab_entries(guest)}
    told: dict[str, list[str]] = {"": [], "demand": [], "device": []}
    for mount in lost:
        entry = entries.get(mount.mount_point)
        told[_why_unmounted(entry) if entry else ""].append(f"{mount.mount_point} ({mount.device})")
    if told[""]:
        remedy = "mount -a; compare /etc/fstab with the snapshot's."
        yield failure_finding("MountLost", "A file system is not mounted", joined_names(told[""]), remedy)
    if told["device"]:
        remedy = "Check whether you need the file system: systemctl status iscsi, or attach its disk."
        yield warning_finding(
            "MountOptional", "A file system is not mounted, because its device is missing", joined_names(told["device"]), remedy
        )
    if told["demand"]:
        why = "fstab says noauto or automount: a person mounts the file system, or its first use does."
        yield expected_finding("MountOnDemand", "A file system is not mounted at boot", joined_names(told["demand"]), why)


def _why_unmounted(entry: FstabFacts) -> str:
    """Why a file system need not be mounted now; empty if the file system should be mounted."""
    if is_mounted_on_demand(entry):
        return "demand"
    return "device" if may_device_be_missing(entry) and entry.present is not True else ""


def _fstab_entries(guest: GuestFacts) -> tuple[FstabFacts, ...]:
    return (guest.linux.fstab if guest.linux else None) or ()


def _changed_mount_findings(pairs: list[tuple[MountFacts, MountFacts]]) -> Iterator[Finding]:
    swapped = [
        f"{b.mount_point}: {b.serial} before, {a.serial} now" for b, a in pairs if b.serial and a.serial and b.serial != a.serial
    ]
    if swapped:
        yield failure_finding(
            "MountSwapped",
            "Another file system is mounted at the same place",
            joined_names(swapped),
            "Correct /etc/fstab; it must name file systems by UUID.",
        )
    shrunk = [
        f"{b.mount_point}: {b.size_mib} MiB before, {a.size_mib} MiB now" for b, a in pairs if 0 < a.size_mib < b.size_mib * SHRUNK
    ]
    if shrunk:
        yield failure_finding(
            "MountShrunk",
            "A file system is smaller",
            joined_names(shrunk),
            "Compare the file system with its snapshot before you continue.",
        )
    frozen = [a.mount_point for b, a in pairs if a.read_only and not b.read_only]
    if frozen:
        yield failure_finding(
            "MountReadOnly",
            "A file system is read-only now",
            joined_names(frozen),
            "Look for errors in dmesg and check the file system, then mount -o remount,rw.",
        )
    converted = [
        f"{b.mount_point}: {b.file_system} before, {a.file_system} now"
        for b, a in pairs
        if b.file_system and a.file_system and b.file_system != a.file_system
    ]
    if converted:
        yield warning_finding(
            "MountConverted",
            "A file system has another type",
            joined_names(converted),
            "Make sure that somebody intended this change.",
        )
