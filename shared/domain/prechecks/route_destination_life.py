"""The hop ends on a release that is itself out of support. Practice.

The matrix offers such destinations; the planner asks before it ends a route on one.
"""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the destination's end of support with today."""
    life = catalog.life(facts.hop.destination)
    if life is None or life.ends_on is None:
        return Unknown(f"no life-cycle date of {catalog.name(facts.hop.destination)} is known")
    if life.ended(facts.now.date()):
        return Failed(f"{catalog.name(facts.hop.destination)}: support ended {life.ends_on.isoformat()}")
    return PASSED


RULE = Rule(
    code="Route.DestinationEndOfLife",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.INSTANCE,
    title="The destination of this hop is out of support",
    why="No security fixes are published for it; passing through is fine, staying is not.",
    remedy="Plan the next hop, or choose a later destination.",
    source=PRACTICE,
    check=check,
    command="replank catalog releases",
)
