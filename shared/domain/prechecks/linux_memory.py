"""Linux guests need 600 MiB of free memory. Source: general limits."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares what the kernel says is available (free and reclaimable) with the limit."""
    available = facts.guest.memory_available_mib if facts.guest else None
    limit = catalog.minima["linux.memory_available"].value
    if available is None:
        return Unknown("the guest did not say how much memory is available")
    return Failed(f"{available} MiB available, {limit} MiB needed") if available < limit else PASSED


RULE = Rule(
    code="Guest.MemoryTooLow",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="Too little free memory",
    why="The package transaction runs in memory; on small instances it is killed half way.",
    remedy="Stop services for the time of the migration, or use a larger instance type.",
    source="general limits: free memory 600 MiB",
    check=check,
    applies=linux,
    command="free -m; ps aux --sort=-rss | head",
)
