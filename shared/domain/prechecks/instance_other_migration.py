"""One migration per instance at a time. Source: one unfinished job per source (CreateReplicationJob)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when another one is at work."""
    other = facts.instance.active_migration_id
    return flagged(
        None if other is None else bool(other), f"migration {other}", "whether another migration is active was not asked"
    )


RULE = Rule(
    code="Instance.MigrationActive",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.INSTANCE,
    title="Another migration of this instance is active",
    why="Two at once can destroy the system; SMC allows one unfinished job per source.",
    remedy="Wait for it, or cancel it.",
    source="SMC: one unfinished job per source",
    check=check,
    command="replank status",
)
