"""A spot instance may be taken away in the middle. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for spot instances."""
    return flagged(facts.instance.spot, "a spot (preemptible) instance", "")


RULE = Rule(
    code="Instance.Spot",
    severity=Severity.OVERRIDABLE,
    unknown=None,
    needs=Needs.INSTANCE,
    title="A spot instance",
    why="It can be released at five minutes' notice; a migration takes half an hour and several restarts.",
    remedy="Change it to pay-as-you-go, or replace it instead of migrating it.",
    source=PRACTICE,
    check=check,
)
