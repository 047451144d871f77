"""The instance is a domain controller. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the guest says so."""
    return flagged(of_windows(facts, lambda guest: guest.domain_controller), "a domain controller", "the guest did not say")


RULE = Rule(
    code="Guest.DomainController",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The instance is a domain controller",
    why="An in-place upgrade changes the schema, and a rollback by snapshot can split the domain.",
    remedy="Add a new domain controller, move the roles, and demote this one.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="netdom query fsmo",
)
