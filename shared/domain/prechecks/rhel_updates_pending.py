"""Before CentOS to Red Hat, all updates must be installed. Source: CentOS to RHEL, before starting."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import between, flagged, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the package manager has updates."""
    return flagged(
        of_linux(facts, lambda guest: guest.updates_pending),
        "the package manager has updates",
        "pending updates were not asked for",
    )


RULE = Rule(
    code="Guest.UpdatesPending",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.GUEST,
    title="Updates are pending",
    why="The conversion compares every package with the newest; older ones stop it.",
    remedy="Install them and restart.",
    source="CentOS to RHEL: before starting",
    check=check,
    applies=between("centos", "rhel"),
    command="yum -y update && reboot",
)
