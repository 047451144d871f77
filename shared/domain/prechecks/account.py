"""The account: what it has activated, and what it still has room for."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, listed, names
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

DEFAULT_QUOTA = 256
"""Manual snapshots per disk unless the account has another quota."""
NEEDED = 2
"""Ours, and the copy SMC makes itself."""


def _smc_not_authorised(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the role is missing."""
    role = facts.account.smc_role if facts.account else None
    return flagged(
        None if role is None else not role, "the role AliyunServiceRoleForSMC does not exist", "the role was not looked for"
    )


def _snapshot_service_inactive(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when it is not."""
    active = facts.account.snapshot_service if facts.account else None
    return flagged(
        None if active is None else not active,
        "the Snapshot service is not activated",
        "whether the Snapshot service is activated was not asked",
    )


def _problem_reported(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the API answered with any."""
    return listed(facts.account.problems if facts.account else None, "the account was not asked")


def _smc_quota_reached(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares what is used with the quota the account has."""
    account = facts.account
    used = [
        ("replication jobs", account.smc_jobs if account else None, account.smc_jobs_quota if account else None),
        ("migration sources", account.smc_sources if account else None, account.smc_sources_quota if account else None),
    ]
    full = [
        f"{count} {what} of {quota}" for what, count, quota in used if count is not None and quota is not None and count >= quota
    ]
    if full:
        return Failed(" and ".join(full))
    unknown = [what for what, count, quota in used if count is None or quota is None]
    return Unknown(f"number or quota of {' and '.join(unknown)} was not asked") if unknown else PASSED


def _snapshot_quota_reached(facts: Facts, catalog: Catalog) -> Outcome:
    """Counts what every disk has."""
    quota = facts.account.snapshots_per_disk_quota if facts.account else None
    limit = DEFAULT_QUOTA if quota is None else quota
    disks = [disk for disk in facts.instance.disks if not disk.used_by_smc_transit]
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
        code="Account.SmcNotAuthorised",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=Needs.ACCOUNT,
        title="SMC is not authorised",
        asks="SMC is authorised",
        why="SMC snapshots, stops and starts instances through this role; without it CreateReplicationJob answers "
        "EntityNotExist.Role.",
        remedy="Authorise SMC once in its console; it creates the role. A RAM user needs AliyunSMCFullAccess.",
        source="preconditions: SMC authorised in RAM",
        check=_smc_not_authorised,
        command="aliyun ram GetRole --RoleName AliyunServiceRoleForSMC",
    ),
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
        code="Account.SmcQuotaReached",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=Needs.ACCOUNT,
        title="No room for another SMC job or source",
        asks="there is room for another SMC job and source",
        why="CreateReplicationJob answers QuotaExceeded.ReplicationJob.",
        remedy="Delete finished jobs and their sources, or ask for a higher quota.",
        source="quotas: replication jobs, sources",
        check=_smc_quota_reached,
        command="aliyun smc DescribeReplicationJobs --Status Finished",
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
