"""The guest must have answered. Practice: a green assessment of an instance nobody looked into would be worth nothing."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails without an answer; unknown when parts of it are missing."""
    if facts.guest is None:
        return Failed("no answer of the probe is at hand")
    gaps = [f"{part} ({why})" for part, why in (*facts.guest.unknown, *facts.guest.cut)]
    return Unknown("; ".join(gaps[:10])) if gaps else PASSED


RULE = Rule(
    code="Guest.NotProbed",
    severity=Severity.ERROR,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The guest was not asked, or not everything could be read",
    why="Most limits of the migration lie inside the guest.",
    remedy="Run the precheck on the running instance.",
    source=PRACTICE,
    check=check,
    command="replank precheck INSTANCE",
)
