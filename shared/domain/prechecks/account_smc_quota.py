"""There must be room for one more SMC job and source. Source: quotas (1,000 jobs per account)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
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


RULE = Rule(
    code="Account.SmcQuotaReached",
    severity=Severity.ERROR,
    unknown=Severity.INFO,
    needs=Needs.ACCOUNT,
    title="No room for another SMC job or source",
    why="CreateReplicationJob answers QuotaExceeded.ReplicationJob.",
    remedy="Delete finished jobs and their sources, or ask for a higher quota.",
    source="quotas: replication jobs, sources",
    check=check,
    command="aliyun smc DescribeReplicationJobs --Status Finished",
)
