"""Every disk must be in use, so that it can be snapshotted. Source: CreateSnapshot."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for disks being attached, detached or reset."""
    disks = [disk for disk in facts.instance.disks if not disk.used_by_smc_transit]
    if not any(disk.kind == "system" for disk in disks):
        return Unknown("no system disk is known")
    return listed([f"{disk.disk_id} is {disk.status or 'in an unknown state'}" for disk in disks if disk.status != "In_use"], "")


RULE = Rule(
    code="Instance.DiskNotInUse",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.INSTANCE,
    title="A disk is not in use",
    why="A snapshot of it would fail, and a migration without a snapshot of every disk does not start.",
    remedy="Wait until it is attached, or detach it.",
    source="CreateSnapshot: disk In_use",
    check=check,
    command="aliyun ecs DescribeDisks --InstanceId INSTANCE",
)
