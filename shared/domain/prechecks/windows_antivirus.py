"""Third-party antivirus. Practice: Windows Setup stops on incompatible ones."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells the services found."""
    return listed(of_windows(facts, lambda guest: guest.antivirus), "the guest did not list its services")


RULE = Rule(
    code="Guest.Antivirus",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Third-party antivirus is installed",
    why="Its drivers stop Windows Setup, or the new system from starting.",
    remedy="Uninstall it, and install a current version afterwards.",
    source=PRACTICE,
    check=check,
    applies=windows,
)
