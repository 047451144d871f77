"""Leftovers of an earlier attempt. Practice: peers' users could not try again because of them."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells them."""
    return listed(of_linux(facts, lambda guest: guest.leftovers), "leftovers were not looked for")


RULE = Rule(
    code="Guest.LeftoversOfEarlierAttempt",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Something is left of an earlier attempt",
    why="It fills /boot or makes the tool believe that a migration is under way.",
    remedy="Clean up after the earlier tool.",
    source=PRACTICE,
    check=check,
    applies=linux,
)
