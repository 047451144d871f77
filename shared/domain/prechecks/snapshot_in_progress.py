"""No snapshot of the instance may be in creation. Source: general limits (SMC, Linux and Windows)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails while any is progressing."""
    running = facts.instance.snapshots_in_progress
    return Failed(f"{len(running)} in creation: {', '.join(running[:5])}") if running else PASSED


RULE = Rule(
    code="Instance.SnapshotInProgress",
    severity=Severity.ERROR,
    unknown=None,
    needs=Needs.INSTANCE,
    title="A snapshot of the instance is being created",
    why="The migration takes snapshots of all disks itself and refuses to start beside another one.",
    remedy="Wait until the snapshot is accomplished, then ask again.",
    source="general limits: no snapshot in creation",
    check=check,
    command="aliyun ecs DescribeSnapshots --Status progressing",
)
