"""An automatic snapshot must not start in the middle of the migration. Practice: SMC refuses to start beside a snapshot."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule

MARGIN = timedelta(hours=4)
"""Own snapshots, SMC's snapshots, migration and initialisation together."""


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the policy's next run is within four hours."""
    at = facts.instance.auto_snapshot_at
    if at is None or not timedelta(0) <= at - facts.now < MARGIN:
        return PASSED
    return Failed(f"next automatic snapshot {at.isoformat()}")


RULE = Rule(
    code="Instance.AutoSnapshotCollides",
    severity=Severity.OVERRIDABLE,
    unknown=None,
    needs=Needs.INSTANCE,
    title="An automatic snapshot is due soon",
    why="A snapshot in creation stops the migration from starting, and restarts in the middle make the snapshot fail.",
    remedy="Migrate after it, or take the policy off the disks for the time.",
    source=PRACTICE,
    check=check,
    command="aliyun ecs CancelAutoSnapshotPolicy --diskIds DISKS",
)
