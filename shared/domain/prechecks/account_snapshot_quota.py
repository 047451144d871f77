"""Each disk needs room for two more snapshots: ours and SMC's. Source: CreateSnapshot (256 manual snapshots per disk)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import names
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

DEFAULT_QUOTA = 256
"""Manual snapshots per disk unless the account has another quota."""
NEEDED = 2
"""Ours, and the copy SMC makes itself."""


def check(facts: Facts, catalog: Catalog) -> Outcome:
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


RULE = Rule(
    code="Account.SnapshotQuotaReached",
    severity=Severity.ERROR,
    unknown=Severity.INFO,
    needs=Needs.ACCOUNT,
    title="A disk has no room for the snapshots",
    why="Each disk gets one snapshot of ours and one of SMC's; beyond the quota CreateSnapshot answers QuotaExceed.Snapshot.",
    remedy="Delete snapshots of this disk that are not needed any more.",
    source="CreateSnapshot: 256 manual snapshots per disk",
    check=check,
)
