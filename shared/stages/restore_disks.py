"""Resets the disks in a rollback. Every disk and snapshot is checked before the first reset. Each reset is recorded."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.disk_reset import DiskReset, ResetState
from shared.domain.errors import Permanent, Refused
from shared.domain.facts import user_disks
from shared.domain.migration import Migration
from shared.domain.restore import (
    SnapshotAttributes,
    are_all_disks_in_states,
    are_resets_valid,
    disks_with_new_state,
    has_reset_begun,
    newest_snapshot_set,
    why_snapshots_unusable,
)
from shared.ports.compute import FoundInstance
from shared.ports.ports import Ports

AT_REST = frozenset({"In_use", "Available"})
"""The disk states in which ECS accepts ResetDisk, according to the API reference of ResetDisk.

While ECS resets a disk, the disk has another state.
"""
_TO_DO = frozenset({ResetState.PENDING, ResetState.ASKED})
Note = Callable[[tuple[DiskReset, ...], str], Migration]
"""A function that commits the disks' states, with a reason for the journal, and returns the changed migration."""


def planned_disk_resets(migration: Migration, ports: Ports) -> tuple[DiskReset, ...]:
    """Return each disk with the snapshot from which the disk is reset. All disks and snapshots are checked in ECS.

    A disk that was reset before a retry keeps its recorded state. Raises Permanent with the code Rollback.DisksDiffer,
    Rollback.SnapshotUnusable or Rollback.InstanceLocked.
    """
    instance = ports.compute.instance_facts(migration.region_id, migration.instance_id)
    if instance.locked:
        raise Permanent(
            "Rollback.InstanceLocked",
            f"The instance is locked ({', '.join(instance.locked)}); ECS resets none of its disks. "
            "This check stopped and reset nothing.",
            "Remove the lock's cause (settle the bill, or see Security Center), then retry the rollback.",
        )
    attached = [disk.disk_id for disk in instance.user_disks]
    fresh = newest_snapshot_set(ports.ledger.entries_of_migration(migration.migration_id), attached)
    before = {(reset.disk_id, reset.snapshot_id): reset for reset in migration.rollback_disks}
    merged = tuple(before.get((reset.disk_id, reset.snapshot_id), reset) for reset in fresh)
    known = ports.compute.snapshots_by_id(migration.region_id, [reset.snapshot_id for reset in merged])
    seen = {id: SnapshotAttributes(each.disk_id, each.status, each.migration_id) for id, each in known.items()}
    bad = why_snapshots_unusable([reset for reset in merged if reset.state in _TO_DO], seen, migration.migration_id)
    if bad:
        raise Permanent(
            "Rollback.SnapshotUnusable",
            f"{' '.join(bad)} This check stopped and reset nothing.",
            "Without every snapshot the instance would be half old and half new. Keep it as it is and confirm it, or make disks "
            "from the remaining snapshots; the ledger names them.",
        )
    return merged


def why_disk_resets_must_wait(migration: Migration, ports: Ports) -> str:
    """Return, in words, why ECS would refuse a reset now; empty if ECS would accept a reset."""
    instance = ports.compute.instance_facts(migration.region_id, migration.instance_id)
    working = [f"disk {disk.disk_id} is {disk.status}" for disk in instance.user_disks if disk.status not in AT_REST]
    return ", ".join([*working, *(f"snapshot {id} is being made" for id in instance.snapshots_in_progress)])


def are_disk_resets_outdated(migration: Migration, instance: FoundInstance) -> bool:
    """Whether the instance may have written to its disks after they were reset."""
    valid = are_resets_valid(migration.rollback_disks, entered_at=migration.entered_at, started_at=instance.started_at)
    return has_reset_begun(migration.rollback_disks) and (instance.status != "Stopped" or not valid)


def check_resets_by_dry_run(migration: Migration, ports: Ports) -> None:
    """Use a dry run to check that ECS can reset every disk that is not reset yet."""
    for reset in migration.rollback_disks:
        if reset.state in _TO_DO:
            ports.compute.check_disk_reset(migration.region_id, reset.disk_id, reset.snapshot_id)


def reset_disks(migration: Migration, safe: Callable[[], bool], note: Note, ports: Ports) -> Migration | None:
    """Reset each disk that is not reset yet. Stop and return None as soon as ``safe`` returns False.

    Each reset is recorded before ECS is called. After a crash, the row shows which disks may have been reset.
    """
    resets = migration.rollback_disks
    for each in [each for each in resets if each.state in _TO_DO]:
        if not safe():
            return None
        resets = disks_with_new_state(resets, each.disk_id, ResetState.ASKED)
        note(resets, f"reset {each.disk_id} from {each.snapshot_id}")
        try:
            ports.compute.reset_disk(migration.region_id, each.disk_id, each.snapshot_id)
        except (Permanent, Refused):
            if _is_disk_ready_for_reset(migration, each.disk_id, ports):
                note(disks_with_new_state(resets, each.disk_id, ResetState.PENDING), f"ECS refused to reset {each.disk_id}")
            raise
        resets = disks_with_new_state(resets, each.disk_id, ResetState.ACCEPTED, ports.clock.now())
    return note(resets, "ECS resets every disk")


def _is_disk_ready_for_reset(migration: Migration, disk_id: str, ports: Ports) -> bool:
    """Whether ECS shows the disk in a state in which ECS accepts a reset.

    ECS refuses a second reset while the first reset runs, even if the first call got no answer. The disk's state shows whether a
    reset has begun.
    """
    disks = ports.compute.disks_of_instance(migration.region_id, migration.instance_id)
    return any(disk.disk_id == disk_id and disk.status in AT_REST for disk in disks)


def disk_resets_with_current_states(migration: Migration, ports: Ports) -> tuple[DiskReset, ...]:
    """Return the disk resets of the migration. Each reset that ECS has finished is marked as restored.

    Raises Permanent (Rollback.DisksDiffer) if a disk was attached or detached in the meantime.
    """
    disks = {
        disk.disk_id: disk.status
        for disk in user_disks(ports.compute.disks_of_instance(migration.region_id, migration.instance_id))
    }
    differing = sorted(set(disks) ^ {each.disk_id for each in migration.rollback_disks})
    if differing:
        raise Permanent(
            "Rollback.DisksDiffer",
            f"Disks were attached or detached during the rollback: {', '.join(differing)}.",
            "Attach the disks as they were, then retry the rollback.",
        )
    resets = migration.rollback_disks
    for each in resets:
        if each.state is ResetState.ACCEPTED and disks[each.disk_id] in AT_REST:
            resets = disks_with_new_state(resets, each.disk_id, ResetState.RESTORED, each.at)
    return resets


def are_all_disks_restored(migration: Migration) -> bool:
    """Whether ECS has finished the reset of every disk."""
    return are_all_disks_in_states(migration.rollback_disks, ResetState.RESTORED)
