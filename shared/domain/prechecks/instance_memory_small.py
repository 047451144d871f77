"""On small instances services should be stopped first. Source: general limits."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, linux

SMALL_MIB = 2048


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at the size of the instance: below 2 GiB is small (our reading; the document gives no number)."""
    memory = facts.instance.memory_mib
    if not memory:
        return Unknown("ECS did not say how much memory the instance has")
    return Failed(f"{memory} MiB") if memory < SMALL_MIB else PASSED


RULE = Rule(
    code="Instance.SmallMemory",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.INSTANCE,
    title="A small instance",
    why="The migration may fail for lack of resources while services run.",
    remedy="Stop services for the time of the migration, or change to a larger type for it.",
    source="general limits: small instances",
    check=check,
    applies=linux,
)
