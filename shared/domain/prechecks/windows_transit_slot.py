"""Windows migration attaches a transit disk for a while, so one slot must be free. Source: Windows migration (media disk)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares data disks with the type's limit."""
    limit = facts.instance.data_disk_limit
    data = sum(disk.kind == "data" and not disk.used_by_smc_transit for disk in facts.instance.disks)
    if limit is None:
        return Unknown(f"{data} data disks; how many this instance type takes was not asked")
    return Failed(f"{data} data disks of {limit}") if data >= limit else PASSED


RULE = Rule(
    code="Instance.NoSlotForTransitDisk",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.INSTANCE,
    title="No slot for the transit disk",
    why="SMC attaches a disk with the installation media; beyond the limit that fails.",
    remedy="Detach one data disk for the time, or change to a type that takes more.",
    source="Windows: transit disk",
    check=check,
    applies=windows,
    command="aliyun ecs DescribeInstanceTypes",
)
