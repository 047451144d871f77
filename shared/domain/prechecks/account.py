"""Rules on the account: its services and its quotas."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import outcome_of_flag, outcome_of_list, shortened_list
from shared.domain.prechecks.rule import PASSED, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed

SNAPSHOTS_PER_DISK = 256
"""Maximum number of manual snapshots of a disk (ECS documentation, CreateSnapshot). No API call shows whether an account has a
different quota.
"""
NEEDED = 2
"""Number of snapshots that a migration adds to each disk: the pipeline and SMC each make one snapshot."""


def _check_snapshot_service(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the snapshot service is not active."""
    active = facts.account.snapshot_service if facts.account else None
    return outcome_of_flag(
        None if active is None else not active,
        "ECS answers that the service is not open",
        "the region has no snapshot that would prove that the service is active",
    )


def _check_account_problems(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the API reported a problem with the account."""
    return outcome_of_list(facts.account.problems if facts.account else None, "the account was not checked")


def _check_snapshot_quota(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a disk has no room for two more snapshots."""
    limit = SNAPSHOTS_PER_DISK
    disks = facts.instance.user_disks
    full = [
        f"{d.disk_id} has {d.snapshot_count} of {limit}"
        for d in disks
        if d.snapshot_count is not None and d.snapshot_count + NEEDED > limit
    ]
    if full:
        return RuleFailed(shortened_list(full))
    return FactUnknown("the snapshots of some disk were not counted") if any(d.snapshot_count is None for d in disks) else PASSED


RULES = (
    Rule(
        code="Account.SnapshotServiceInactive",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.ACCOUNT,
        title="The Snapshot service is not activated",
        asks="the Snapshot service is activated",
        why="Without this service, no migration can be rolled back, and SMC cannot make its own snapshots.",
        remedy="Activate the service. It is free; snapshots are billed by size and time.",
        source="preconditions: Snapshot service activated",
        check=_check_snapshot_service,
        command="aliyun ecs OpenSnapshotService",
    ),
    Rule(
        code="Account.ProblemReported",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=NeededFacts.ACCOUNT,
        title="The account has a problem",
        asks="the account has a problem",
        why="The API refuses snapshots or jobs until the problem is solved.",
        remedy="Solve the problem that the code names: top up, finish real-name registration, or grant the permission.",
        source="error codes: NotEnoughBalance, RealNameAuthenticationError, Forbidden",
        check=_check_account_problems,
    ),
    Rule(
        code="Account.SnapshotQuotaReached",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=NeededFacts.ACCOUNT,
        title="A disk has no room for the snapshots",
        asks="every disk has room for two more snapshots",
        why="Each disk gets one snapshot of Replank and one of SMC. Beyond the quota, CreateSnapshot answers QuotaExceed.Snapshot.",
        remedy="Delete snapshots of this disk that you no longer need.",
        source="CreateSnapshot: 256 manual snapshots per disk",
        check=_check_snapshot_quota,
    ),
)
