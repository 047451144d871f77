"""Rules on the disks that ECS shows: every disk needs a snapshot."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import outcome_of_list, shortened_list
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_windows

LOCAL = ("local_", "ephemeral", "elastic_ephemeral")


def _check_disks_in_use(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for disks that are being attached, detached or reset."""
    disks = facts.instance.user_disks
    if not any(disk.kind == "system" for disk in disks):
        return FactUnknown("no system disk is known")
    return outcome_of_list(
        [f"{disk.disk_id} is {disk.status or 'in an unknown state'}" for disk in disks if disk.status != "In_use"], ""
    )


def _check_snapshot_support(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the category of a disk allows no snapshots."""
    local = [f"{disk.disk_id} ({disk.category})" for disk in facts.instance.disks if disk.category.startswith(LOCAL)]
    if local:
        return RuleFailed(shortened_list(local))
    return (
        FactUnknown("the category of some disk is not known") if any(not disk.category for disk in facts.instance.disks) else PASSED
    )


def _check_multi_attach(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for every multi-attach disk."""
    return outcome_of_list([disk.disk_id for disk in facts.instance.disks if disk.multi_attach], "")


def _check_encryption(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports every encrypted disk."""
    return outcome_of_list([disk.disk_id for disk in facts.instance.user_disks if disk.encrypted], "")


def _check_transit_disk_slot(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the instance type allows no further data disk."""
    limit = facts.instance.data_disk_limit
    data = sum(disk.kind == "data" for disk in facts.instance.user_disks)
    if limit is None:
        return FactUnknown(f"{data} data disks; ECS did not report how many this instance type allows")
    return RuleFailed(f"{data} data disks of {limit}") if data >= limit else PASSED


RULES = (
    Rule(
        code="Instance.DiskNotInUse",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.INSTANCE,
        title="A disk is not in use",
        asks="every disk is in use",
        why="A snapshot of this disk would fail, and a migration needs a snapshot of every disk.",
        remedy="Wait until the disk is attached, or detach it.",
        source="CreateSnapshot: disk In_use",
        check=_check_disks_in_use,
        command="aliyun ecs DescribeDisks --InstanceId INSTANCE",
    ),
    Rule(
        code="Instance.DiskCannotBeSnapshotted",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.INSTANCE,
        title="A local disk has no snapshots",
        asks="every disk can have snapshots",
        why="The data on a local disk cannot be rolled back.",
        remedy="Move the data to a cloud disk, and change the instance to a type without local disks.",
        source="CreateSnapshot: disk categories",
        check=_check_snapshot_support,
    ),
    Rule(
        code="Instance.MultiAttachDisk",
        severity=Severity.OVERRIDABLE,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="A disk is attached to several instances",
        why="Other instances write to the disk during the migration. Its snapshot would not fit the other snapshots, and a "
        "rollback would also reset their data.",
        remedy="Detach the disk during the migration, or override this finding if no instance writes to the disk.",
        source="CreateSnapshotGroup: multi-attach",
        check=_check_multi_attach,
    ),
    Rule(
        code="Instance.EncryptedDisk",
        severity=Severity.WARNING,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="A disk is encrypted",
        why="No document says whether SMC migrates encrypted disks; the service role may lack the key.",
        remedy="Try the migration on a copy of the instance first.",
        source=PRACTICE,
        check=_check_encryption,
    ),
    Rule(
        code="Instance.NoSlotForTransitDisk",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.INSTANCE,
        title="The instance has no free slot for the transit disk",
        asks="the instance has a slot for the transit disk",
        why="SMC and the guest driver attach a disk with the installation media. This fails if the instance already has its "
        "maximum number of disks.",
        remedy="Detach one data disk during the migration, or change to an instance type that allows more disks.",
        source="Windows: transit disk",
        check=_check_transit_disk_slot,
        applies=is_windows,
        command="aliyun ecs DescribeInstanceTypes",
    ),
)
