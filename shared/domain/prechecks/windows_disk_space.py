"""C: needs 20 GiB free, and more than C:\\Windows takes. Source: Windows limits."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the free space of C: with both limits."""
    guest = facts.guest
    drive = next((m for m in (guest.mounts if guest else None) or () if m.mount_point.upper().startswith("C:")), None)
    if drive is None:
        return Unknown("the guest did not say how much space C: has")
    free, least = drive.available_mib, catalog.minima["windows.disk.C:"].value
    size = guest.windows.windows_dir_mib if guest and guest.windows else None
    if free < least:
        return Failed(f"C: has {free} MiB free, {least} MiB needed")
    if size is None:
        return Unknown("the guest did not say how large C:\\Windows is")
    return PASSED if free > size else Failed(f"C: has {free} MiB free, C:\\Windows takes {size} MiB, more than that is needed")


RULE = Rule(
    code="Guest.SystemDriveTooFull",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="Too little free space on C:",
    why="Windows Setup keeps a copy of the old C:\\Windows until it is done.",
    remedy="Clean up C:, or extend the system disk and its partition.",
    source="Windows limits: C: 20 GiB and more than C:\\Windows",
    check=check,
    applies=windows,
    command="cleanmgr /sagerun:1",
)
