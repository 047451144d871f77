"""Rules on the instance that ECS shows: its state, its agent, its size, and possible conflicts."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.catalog import Catalog
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.days import moment_in_words
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import outcome_of_flag, outcome_of_list
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux, is_windows

HEARTBEAT_LIMIT = timedelta(hours=24)
"""Maximum age of the Cloud Assistant agent's last heartbeat, from the preconditions in Alibaba Cloud's migration document."""
EXPIRY_MARGIN = timedelta(days=2)
"""The maximum time that a route of several hops takes, including the time spent waiting for maintenance windows."""
SNAPSHOT_MARGIN = timedelta(hours=4)
"""The time that Replank's snapshots, SMC's snapshots, the migration and the initialisation take together."""
SMALL_MIB = 2048


def _check_shown_release(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the OS type in ECS differs from the source of the hop; unknown if only the release differs.

    No document says whether OSName changes, so ECS may still show the old name after the first hop. The rule Guest.ReleaseMismatch
    therefore checks the release that the guest itself reports.
    """
    instance = facts.instance
    source = catalog.releases.get(facts.hop.source)
    if source is not None and source.os_type != instance.os_type:
        return RuleFailed(f"OSType {instance.os_type}, but the hop starts at {source.name}")
    named = identify_release_in_catalog(catalog, instance.os_name, instance.os_name_en)
    if named is None or named.key != facts.hop.source:
        shown = instance.os_name_en or instance.os_name or "nothing"
        return FactUnknown(f"ECS shows {shown[:100]!r}, but the hop starts at {catalog.release_name(facts.hop.source)}")
    return PASSED


def _check_region(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if SMC does not migrate Windows in the region."""
    region = facts.instance.region_id
    if not region:
        return FactUnknown("the region of the instance is not known")
    return PASSED if region in catalog.windows_regions else RuleFailed(f"region {region}")


def _check_instance_running(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the instance is not running."""
    status = facts.instance.status
    if not status:
        return FactUnknown("the state of the instance is not known")
    return (
        PASSED
        if status == "Running"
        else RuleFailed(f"state {status}", f"aliyun ecs StartInstance --InstanceId {facts.instance.instance_id}")
    )


def _check_agent_heartbeat(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the last heartbeat is too old; unknown if the agent never sent a heartbeat."""
    seen = facts.instance.agent_heartbeat_at
    if seen is None:
        return FactUnknown("no heartbeat of the agent is known: the agent is not installed, or never sent one")
    age = facts.now - seen
    return RuleFailed(f"last heartbeat {age.total_seconds() / 3600:.1f} hours ago") if age > HEARTBEAT_LIMIT else PASSED


def _check_snapshots_in_progress(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails while a snapshot is in progress."""
    running = facts.instance.snapshots_in_progress
    return RuleFailed(f"{len(running)} in creation: {', '.join(running[:5])}") if running else PASSED


def _check_locks(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the instance is locked, and names the reasons."""
    return outcome_of_list(facts.instance.locked, "")


def _check_other_migration(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if another migration is active on the instance."""
    other = facts.instance.active_migration_id
    return outcome_of_flag(
        None if other is None else bool(other), f"migration {other}", "nobody checked whether another migration is active"
    )


def _check_expiry(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the instance expires or is released within two days."""
    ends = {"expires": facts.instance.expires_at, "is released": facts.instance.auto_release_at}
    soon = [
        f"{what} {moment_in_words(at, facts.now)}" for what, at in ends.items() if at is not None and at - facts.now < EXPIRY_MARGIN
    ]
    return outcome_of_list(soon, "")


def _check_spot_instance(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for spot instances."""
    return outcome_of_flag(facts.instance.spot, "ECS may release the instance at any time", "")


def _check_scaling_group(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for members of a scaling group."""
    group = facts.instance.scaling_group_id
    return outcome_of_flag(
        None if group is None else bool(group),
        f"scaling group {group}",
        "nobody checked whether the instance is in a scaling group",
    )


def _check_next_automatic_snapshot(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the next automatic snapshot is due within four hours."""
    at = facts.instance.auto_snapshot_at
    if at is None or not timedelta(0) <= at - facts.now < SNAPSHOT_MARGIN:
        return PASSED
    return RuleFailed(f"next automatic snapshot {moment_in_words(at, facts.now)}")


def _check_small_memory(facts: Facts, catalog: Catalog) -> Outcome:
    """Warns if the instance has less than 2 GiB of memory. Alibaba Cloud's document gives no number, so Replank's authors chose the
    limit.
    """
    memory = facts.instance.memory_mib
    if not memory:
        return FactUnknown("ECS did not report the instance's memory")
    return RuleFailed(f"{memory} MiB") if memory < SMALL_MIB else PASSED


def _check_size_for_windows(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the instance has fewer CPUs or less memory than a Windows migration needs."""
    cpu, memory = facts.instance.cpu, facts.instance.memory_mib
    least_cpu, least_memory = catalog.minima["windows.cpu"].value, catalog.minima["windows.memory"].value
    if not cpu or not memory:
        return FactUnknown("ECS did not report the size of the instance")
    if cpu < least_cpu or memory < least_memory:
        return RuleFailed(f"{cpu} vCPU and {memory} MiB, {least_cpu} vCPU and {least_memory} MiB needed")
    return PASSED


RULES = (
    Rule(
        code="Instance.ReleaseMismatch",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.INSTANCE,
        title="The instance runs another release than the hop's source",
        asks="the instance runs the release from which the hop starts",
        why="A migration that was planned for another release would not start, or would break the system.",
        remedy="Plan the route again from the release that the guest itself reports.",
        source="supported paths",
        check=_check_shown_release,
    ),
    Rule(
        code="Instance.RegionNotSupported",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.INSTANCE,
        title="Windows cannot be migrated in this region",
        asks="Windows can be migrated in this region",
        why="Alibaba Cloud offers the installation media only in the listed regions.",
        remedy="Copy an image of the instance to a listed region and migrate there, or build a new instance.",
        source="Windows: regions",
        check=_check_region,
        applies=is_windows,
        link="https://www.alibabacloud.com/help/en/smc/user-guide/windows-operating-system-migration",
    ),
    Rule(
        code="Instance.NotRunning",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.INSTANCE,
        title="The instance is not running",
        asks="the instance is running",
        why="The Cloud Assistant agent starts the migration inside the running system.",
        remedy="Start the instance and wait until its agent is online.",
        source="preconditions: state Running",
        check=_check_instance_running,
    ),
    Rule(
        code="Instance.AgentOffline",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.INSTANCE,
        title="The Cloud Assistant agent has not been seen within 24 hours",
        asks="the Cloud Assistant agent is online",
        why="The migration, the guest's prechecks and the validation all run through the agent. Instances that were "
        "bought before 2017-12-01 or made from uploaded images may lack the agent.",
        remedy="Install or start the agent and wait for its heartbeat.",
        source="preconditions: Cloud Assistant within 24 h",
        check=_check_agent_heartbeat,
        command="systemctl start aliyun.service  # Windows: sc start AliyunService",
    ),
    Rule(
        code="Instance.SnapshotInProgress",
        severity=Severity.ERROR,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="A snapshot of the instance is being created",
        why="The migration makes snapshots of all disks itself, and refuses to start while another snapshot is being created.",
        remedy="Wait until the snapshot is complete, then run the precheck again.",
        source="general limits: no snapshot in creation",
        check=_check_snapshots_in_progress,
        command="aliyun ecs DescribeSnapshots --Status progressing",
    ),
    Rule(
        code="Instance.Locked",
        severity=Severity.ERROR,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="The instance is locked",
        why="ECS refuses snapshots, restarts and rollbacks of locked instances.",
        remedy="Remove the reason for the lock (payment, security), then run the precheck again.",
        source="error codes: InstanceLockedForSecurity, InstanceExpiredOrInArrears",
        check=_check_locks,
    ),
    Rule(
        code="Instance.MigrationActive",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.INSTANCE,
        title="Another migration of this instance is active",
        asks="another migration of this instance is active",
        why="Two migrations at once can destroy the system. SMC allows one unfinished job per source.",
        remedy="Wait for the end of the other migration, or cancel it.",
        source="SMC: one unfinished job per source",
        check=_check_other_migration,
        command="replank status",
    ),
    Rule(
        code="Instance.ExpiresSoon",
        severity=Severity.OVERRIDABLE,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="The instance expires or is released soon",
        why="ECS would stop or delete the instance in the middle of the migration, with its snapshots.",
        remedy="Renew the instance, or clear the release time.",
        source=PRACTICE,
        check=_check_expiry,
        command="aliyun ecs ModifyInstanceAutoReleaseTime",
    ),
    Rule(
        code="Instance.Spot",
        severity=Severity.OVERRIDABLE,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="The instance is a spot instance",
        why="ECS can release a spot instance at five minutes' notice. A migration takes half an hour and several restarts.",
        remedy="Change the instance to pay-as-you-go, or replace it instead of migrating it.",
        source=PRACTICE,
        check=_check_spot_instance,
    ),
    Rule(
        code="Instance.InScalingGroup",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.INSTANCE,
        title="The instance belongs to a scaling group",
        asks="the instance belongs to a scaling group",
        why="Auto Scaling treats a restarting instance as unhealthy and releases it. New members still get the old image.",
        remedy="Set the instance to standby or protected during the migration, and give the group a new image.",
        source=PRACTICE,
        check=_check_scaling_group,
        command="aliyun ess EnterStandby --ScalingGroupId GROUP --InstanceId.1 INSTANCE",
    ),
    Rule(
        code="Instance.AutoSnapshotCollides",
        severity=Severity.OVERRIDABLE,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="An automatic snapshot is due soon",
        why="While a snapshot is being created, the migration cannot start, and restarts during the migration would make "
        "the snapshot fail.",
        remedy="Migrate after the automatic snapshot, or remove the snapshot policy from the disks during the migration.",
        source=PRACTICE,
        check=_check_next_automatic_snapshot,
        command="aliyun ecs CancelAutoSnapshotPolicy --diskIds DISKS",
    ),
    Rule(
        code="Instance.SmallMemory",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.INSTANCE,
        title="The instance is small",
        asks="the instance is small",
        why="The migration may fail for lack of resources while services run.",
        remedy="Stop services during the migration, or change to a larger instance type.",
        source="general limits: small instances",
        check=_check_small_memory,
        applies=is_linux,
    ),
    Rule(
        code="Instance.TooSmall",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.INSTANCE,
        title="The instance is too small for Windows migration",
        asks="the instance is large enough for Windows migration",
        why="Windows Setup of the newer version does not run on a smaller instance.",
        remedy="Change to an instance type with at least 2 vCPU and 2 GiB.",
        source="Windows limits: 2 vCPU, 2 GiB",
        check=_check_size_for_windows,
        applies=is_windows,
        command="aliyun ecs ModifyInstanceSpec ...",
    ),
)
