"""The system's file systems must be writable. Practice (convert2rhel checks the same)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at the file systems under /, /usr, /var and /boot."""
    guest = facts.guest
    if guest is None or guest.mounts is None:
        return Unknown("the guest did not list its file systems")
    held = {m.mount_point for d in ("/", "/usr", "/var", "/boot") if (m := guest.mount(d)) and m.read_only}
    return listed(sorted(held), "")


RULE = Rule(
    code="Guest.FileSystemReadOnly",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="A system file system is read-only",
    why="Nothing can be replaced on it; it may also be a sign of a damaged disk.",
    remedy="Find out why; mount it writable.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="mount -o remount,rw /",
)
