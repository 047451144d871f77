"""No package transaction may be running. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when yum or dnf holds its lock."""
    return flagged(
        of_linux(facts, lambda guest: guest.package_manager_busy),
        "yum or dnf is running",
        "whether the package manager is busy was not told",
    )


RULE = Rule(
    code="Guest.PackageManagerBusy",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The package manager is running",
    why="Two transactions at once destroy the package database.",
    remedy="Wait until it is done.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="cat /var/run/yum.pid",
)
