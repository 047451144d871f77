"""Packages of other vendors. Practice: the documents do not say what becomes of them."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import names
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells how many and the first."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return Unknown("the guest did not list its packages")
    return Failed(names(packages.third_party, packages.third_party_total)) if packages.third_party else PASSED


RULE = Rule(
    code="Guest.ThirdPartyPackages",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Packages of other vendors are installed",
    why="They are neither replaced nor tested by the migration, and their repositories may have nothing for the new system.",
    remedy="Make sure that each has a version for the destination.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="rpm -qa --qf '%{NAME} %{VENDOR}\\n'",
)
