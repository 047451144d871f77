"""No i386/i686 packages may be installed. Source: general limits and feature table."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails with the number and the first names."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return Unknown("the guest did not list its packages")
    if not packages.i686 and not packages.i686_total:
        return PASSED
    total = max(packages.i686_total, len(packages.i686))
    shown = ", ".join(packages.i686[:10]) + (f" and {total - 10} more" if total > 10 else "")
    return Failed(f"{total} packages: {shown}")


RULE = Rule(
    code="Guest.I686Packages",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="32-bit packages are installed",
    why="Anolis OS and Alibaba Cloud Linux ship no i386/i686 packages; a system that has them cannot be migrated.",
    remedy="Remove them first, after checking that no program needs them.",
    source="general limits: i386/i686 packages",
    check=check,
    applies=linux,
    command="yum remove '*.i686' '*.i386'",
)
