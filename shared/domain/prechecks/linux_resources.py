"""Rules on memory and disk space of a Linux guest."""

from __future__ import annotations

from collections import defaultdict

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.guest import GuestFacts
from shared.domain.prechecks.rule import PASSED, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux

DIRECTORIES = ("/usr", "/var", "/boot")


def _check_available_memory(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the kernel reports less available memory (free and reclaimable) than the limit."""
    available = facts.guest.memory_available_mib if facts.guest else None
    limit = catalog.minima["linux.memory_available"].value
    if available is None:
        return FactUnknown("the guest did not report its available memory")
    return RuleFailed(f"{available} MiB available, {limit} MiB needed") if available < limit else PASSED


def _disk_space_shortages(guest: GuestFacts, catalog: Catalog) -> list[str]:
    """One line for each file system with too little space."""
    needs: dict[str, list[str]] = defaultdict(list)
    for directory in DIRECTORIES:
        mount = guest.mount_of_path(directory)
        needs[mount.mount_point if mount else ""].append(directory)
    lines = []
    for mount in guest.mounts or ():
        wanted = needs.get(mount.mount_point, [])
        total = sum(catalog.minima[f"linux.disk.{directory}"].value for directory in wanted)
        if mount.available_mib < total:
            lines.append(f"{mount.mount_point} has {mount.available_mib} MiB, {total} MiB needed for {' and '.join(wanted)}")
    return lines


def _check_disk_space(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a file system has too little space; unknown if the file system of a directory is not known.

    If directories share a file system, the rule adds up the space that the directories need. Blocks that are reserved for root do
    not count as free space.
    """
    guest = facts.guest
    if guest is None or guest.mounts is None or any(guest.mount_of_path(directory) is None for directory in DIRECTORIES):
        return FactUnknown("the guest did not report the space of its file systems")
    short = _disk_space_shortages(guest, catalog)
    return RuleFailed("; ".join(short)) if short else PASSED


RULES = (
    Rule(
        code="Guest.MemoryTooLow",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="Too little free memory",
        asks="enough memory is free",
        why="The package transaction needs memory. On small instances, the system ends the transaction half way.",
        remedy="Stop services during the migration, or use a larger instance type.",
        source="general limits: free memory 600 MiB",
        check=_check_available_memory,
        applies=is_linux,
        command="free -m; ps aux --sort=-rss | head",
    ),
    Rule(
        code="Guest.DiskSpaceTooLow",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="Too little free disk space",
        asks="enough disk space is free",
        why="During the migration, the old and the new packages and kernels are on the disk at the same time.",
        remedy="Free space, or extend the disk and its file system. Remove old kernels from /boot with package-cleanup.",
        source="general limits: /usr 250 MiB, /var 4 GiB, /boot 100 MiB",
        check=_check_disk_space,
        applies=is_linux,
        command="df -h /usr /var /boot; yum clean all; package-cleanup --oldkernels --count=1",
    ),
)
