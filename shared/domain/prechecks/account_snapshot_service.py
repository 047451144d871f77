"""The Snapshot service must be activated. Source: preconditions."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when it is not."""
    active = facts.account.snapshot_service if facts.account else None
    return flagged(
        None if active is None else not active,
        "the Snapshot service is not activated",
        "whether the Snapshot service is activated was not asked",
    )


RULE = Rule(
    code="Account.SnapshotServiceInactive",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.ACCOUNT,
    title="The Snapshot service is not activated",
    why="Without snapshots nothing could be rolled back, and SMC cannot take its own.",
    remedy="Activate it (free; snapshots are billed by size and time).",
    source="preconditions: Snapshot service activated",
    check=check,
    command="aliyun ecs OpenSnapshotService",
)
