"""Enabled module streams (release 8). Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells the enabled modules."""
    return listed(of_linux(facts, lambda guest: guest.dnf_modules), "module streams were not looked for")


RULE = Rule(
    code="Guest.ModuleStreams",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Module streams are enabled",
    why="The destination may not have the same streams; their packages then stay as they are.",
    remedy="Compare with `dnf module list` of the destination.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="dnf module list --enabled",
)
