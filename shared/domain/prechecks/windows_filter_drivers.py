"""Filter drivers on the disks. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells those of the disk class that are not Windows' own."""
    return listed(of_windows(facts, lambda guest: guest.filter_drivers), "the guest did not list its disk filters")


RULE = Rule(
    code="Guest.DiskFilterDrivers",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Disk filter drivers are installed",
    why="Encryption, backup or copy drivers below the file system may not load in the new system: it does not start.",
    remedy="Uninstall the software they belong to.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="fltmc filters",
)
