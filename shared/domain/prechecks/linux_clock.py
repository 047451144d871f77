"""The clock should be synchronised. Practice: signed downloads fail with a wrong clock."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when no time service runs."""
    synchronised = of_linux(facts, lambda guest: guest.clock_synchronised)
    return flagged(
        None if synchronised is None else not synchronised, "no time service runs", "whether the clock is synchronised was not told"
    )


RULE = Rule(
    code="Guest.ClockNotSynchronised",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The clock is not synchronised",
    why="Certificates and signatures are checked against it.",
    remedy="Start chronyd or ntpd.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="systemctl enable --now chronyd",
)
