"""Deliberate bugs in the rollback. See mutants.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters.compute import EcsCompute
from shared.domain.disk_reset import ResetState
from shared.domain.findings import sorted_assessment
from shared.domain.migration import Migration
from shared.domain.restore import disks_with_new_state
from shared.stages import (
    live_jobs,
    restore_disks,
    rollback,
)

Patch = Any


def only_the_system_disk() -> list[Patch]:
    """A rollback does not reset the data disks."""
    kinds: dict[str, str] = {}
    disks, reset = EcsCompute.disks_of_instance, EcsCompute.reset_disk

    def seen(self: EcsCompute, *arguments: Any) -> Any:
        found = disks(self, *arguments)
        kinds.update({each.disk_id: each.kind for each in found})
        return found

    def system_only(self: EcsCompute, region_id: str, disk_id: str, snapshot_id: str) -> None:
        if kinds.get(disk_id, "system") == "system":
            reset(self, region_id, disk_id, snapshot_id)

    return [mock.patch.object(EcsCompute, "disks_of_instance", seen), mock.patch.object(EcsCompute, "reset_disk", system_only)]


def only_one_disk() -> list[Patch]:
    """A rollback resets only the first disk, reports all disks as reset, and does not check the guest."""
    reset = restore_disks.reset_disks

    def first_only(migration: Migration, safe: Any, note: Any, ports: Any) -> Any:
        first = min(each.disk_id for each in migration.rollback_disks)
        resets = migration.rollback_disks
        for each in resets:
            if each.disk_id != first:
                resets = disks_with_new_state(resets, each.disk_id, ResetState.ACCEPTED, ports.clock.now())
        return reset(replace(note(resets, "one is enough"), rollback_disks=resets), safe, note, ports)

    return [mock.patch.object(restore_disks, "reset_disks", first_only), *unproved()]


def unproved() -> list[Patch]:
    """A rollback counts as done before the guest has answered."""

    def believed(migration: Migration, ports: Any) -> Any:
        ports.compute.start_instance(migration.region_id, migration.instance_id)
        return rollback._finish_rollback(migration, sorted_assessment([], {}), ports)

    return [mock.patch.dict(rollback._PHASES, {"starting": believed})]


def job_left() -> list[Patch]:
    """A rollback neither stops the job nor checks whether it runs."""
    return [
        mock.patch.object(live_jobs, "remove_jobs_of_migration", return_value=()),
        mock.patch.object(live_jobs, "unfinished_jobs", return_value=()),
    ]


def not_looked_at() -> list[Patch]:
    """A rollback begins without checking that every disk can be reset."""
    return [mock.patch.object(restore_disks, "why_snapshots_unusable", return_value=[])]


def false_rollback() -> list[Patch]:
    return [
        mock.patch.object(EcsCompute, "reset_disk"),
        mock.patch.object(rollback, "compare_after_rollback", return_value=sorted_assessment([], {})),
    ]
