"""SELinux enforcing. Source: ECS usage notes (do not enable SELinux)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when it enforces."""
    mode = of_linux(facts, lambda guest: guest.selinux)
    return flagged(None if mode is None else mode == "enforcing", "SELinux is enforcing", "the mode of SELinux was not told")


RULE = Rule(
    code="Guest.SelinuxEnforcing",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="SELinux is enforcing",
    why="Replaced files may carry wrong labels, and services fail after the restart.",
    remedy="Set it to permissive for the time.",
    source="ECS usage notes: SELinux",
    check=check,
    applies=linux,
    command="setenforce 0; sed -i s/^SELINUX=enforcing/SELINUX=permissive/ /etc/selinux/config",
)
