"""Rules on the account: its services and its quotas."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, listed, names
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

SNAPSHOTS_PER_DISK = 256
"""Manual snapshots per disk, as CreateSnapshot documents; no call shows whether an account has another quota."""
NEEDED = 2
"""Snapshots per disk that a migration adds: ours, and the copy that SMC makes."""


def _snapshot_service_inactive(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the snapshot service is not active."""
    active = facts.account.snapshot_service if facts.account else None
    return flagged(
        None if active is None else not active,
        "ECS answers that it is not open",
        "the region has no snapshot that would prove it",
    )


def _problem_reported(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the API reported a problem with the account."""
    return listed(facts.account.problems if facts.account else None, "the account was not asked")


def _snapshot_quota_reached(facts: Facts, catalog: Catalog) -> Outcome:
    """Counts the snapshots of every disk."""
    limit = SNAPSHOTS_PER_DISK
    disks = facts.instance.own_disks
    full = [
        f"{d.disk_id} has {d.snapshot_count} of {limit}"
        for d in disks
        if d.snapshot_count is not None and d.snapshot_count + NEEDED > limit
    ]
    if full:
        return Failed(names(full))
    return Unknown("the snapshots of some disk were not counted") if any(d.snapshot_count is None for d in disks) else PASSED


RULES = (
    Rule(
        code="Account.SnapshotServiceInactive",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=Needs.ACCOUNT,
        title="The Snapshot service is not activated",
        asks="the Snapshot service is activated",
        why="Without snapshots nothing could be rolled back, and SMC cannot take its own.",
        remedy="Activate it (free; snapshots are billed by size and time).",
        source="preconditions: Snapshot service activated",
        check=_snapshot_service_inactive,
        command="aliyun ecs OpenSnapshotService",
    ),
    Rule(
        code="Account.ProblemReported",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=Needs.ACCOUNT,
        title="The account has a problem",
        asks="the account has a problem",
        why="The API refuses snapshots or jobs until it is solved; better now than in the middle.",
        remedy="Solve what the code says: top up, finish real-name registration, or grant the permission.",
        source="error codes: NotEnoughBalance, RealNameAuthenticationError, Forbidden",
        check=_problem_reported,
    ),
    Rule(
        code="Account.SnapshotQuotaReached",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=Needs.ACCOUNT,
        title="A disk has no room for the snapshots",
        asks="every disk has room for two more snapshots",
        why="Each disk gets one snapshot of ours and one of SMC's; beyond the quota CreateSnapshot answers QuotaExceed.Snapshot.",
        remedy="Delete snapshots of this disk that are not needed any more.",
        source="CreateSnapshot: 256 manual snapshots per disk",
        check=_snapshot_quota_reached,
    ),
)
