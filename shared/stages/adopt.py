"""Adds to the ledger the snapshots that SMC itself made of the disks.

If only a snapshot's name shows that SMC made the snapshot, the snapshot is added but never deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.adoption import CopyCandidate, JobRun, job_runs_in_journal, why_not_adopted
from shared.domain.drivers import driver_traits
from shared.domain.effects import AdoptSnapshots
from shared.domain.ledger import SMC_PREFIX, LedgerEntry, SnapshotState
from shared.domain.migration import Migration
from shared.ports.compute import Snapshot
from shared.ports.ports import Ports


def adopt_snapshots(effect: AdoptSnapshots, migration: Migration, ports: Ports) -> None:
    """Add to the ledger every snapshot that has SMC's name prefix and was made since the precheck.

    A snapshot that may belong to somebody else is marked as kept, with the reason. If the driver's job makes no copies, every such
    snapshot belongs to somebody else, and none is added.
    """
    if not driver_traits(migration.driver).copies_disks:
        return
    since = (migration.prechecked_at or migration.created_at).replace(microsecond=0)
    named = _snapshots_with_smc_name(migration.region_id, migration.instance_id, ports)
    entries = ports.ledger.entries_of_migration(migration.migration_id)
    known = {entry.snapshot_id for entry in entries}
    new = [each for each in named if each.created_at >= since and each.snapshot_id not in known]
    if not new:
        return
    runs = [_job_run_with_copied_disks(run, effect) for run in _job_runs_from_journal(migration, ports)]
    copies = _smc_copies_in_ecs_and_ledger(named, entries)
    for snapshot in new:
        hop = next((run.hop for run in runs if run.contains_time(snapshot.created_at)), migration.hop)
        why = why_not_adopted(_possible_copy_by_smc(snapshot), copies, runs, _migrated_disk_ids(entries, hop))
        ports.ledger.write_new_entry(_new_ledger_entry(migration, snapshot, hop, why))


def why_not_made_by_smc(entry: LedgerEntry, migration: Migration, ports: Ports) -> str:
    """Return, in words, why an adopted snapshot may belong to somebody else; empty if SMC made the snapshot.

    An adopted snapshot is judged again, because older versions adopted every snapshot with SMC's name prefix.
    """
    entries = ports.ledger.entries_of_migration(migration.migration_id)
    copies = _smc_copies_in_ecs_and_ledger(_snapshots_with_smc_name(entry.region_id, entry.instance_id, ports), entries)
    mine = CopyCandidate(entry.snapshot_id, entry.disk_id, entry.created_at)
    return why_not_adopted(mine, copies, _job_runs_from_journal(migration, ports), _migrated_disk_ids(entries, entry.hop))


def ledger_entry_with_other_owner(entry: LedgerEntry, why: str) -> LedgerEntry:
    """Return a copy of the ledger entry that marks the snapshot as somebody else's. The sweep never deletes a marked snapshot."""
    return replace(entry, owner="other", state=SnapshotState.SWEPT, kept=why)


def _job_runs_from_journal(migration: Migration, ports: Ports) -> list[JobRun]:
    return job_runs_in_journal(
        ports.migrations.journal(migration.migration_id), unseen=driver_traits(migration.driver).may_job_run_unseen
    )


def _job_run_with_copied_disks(run: JobRun, effect: AdoptSnapshots) -> JobRun:
    """Return the job run. If the effect says that SMC had copied the disks, the job run is marked accordingly.

    The journal of a failed job does not show whether SMC had copied the disks.
    """
    return replace(run, copied=True) if effect.copied and (run.hop, run.attempt) == (effect.hop, effect.attempt) else run


def _snapshots_with_smc_name(region_id: str, instance_id: str, ports: Ports) -> list[Snapshot]:
    found = ports.compute.snapshots_of_instance(region_id, instance_id)
    return [each for each in found if each.name.startswith(SMC_PREFIX)]


def _possible_copy_by_smc(snapshot: Snapshot) -> CopyCandidate:
    return CopyCandidate(snapshot.snapshot_id, snapshot.disk_id, snapshot.created_at, tagged=bool(snapshot.migration_id))


def _smc_copies_in_ecs_and_ledger(named: Sequence[Snapshot], entries: Sequence[LedgerEntry]) -> list[CopyCandidate]:
    """Return all snapshots with SMC's name prefix, from ECS and from the ledger."""
    there = {each.snapshot_id: _possible_copy_by_smc(each) for each in named}
    gone = {
        each.snapshot_id: CopyCandidate(each.snapshot_id, each.disk_id, each.created_at)
        for each in entries
        if each.owner != "replank" and each.snapshot_id
    }
    return list({**gone, **there}.values())


def _migrated_disk_ids(entries: Sequence[LedgerEntry], hop: int) -> set[str]:
    """Return the ids of the disks that the hop migrated.

    For each migrated disk, the ledger has a snapshot that the pipeline made.
    """
    return {entry.disk_id for entry in entries if entry.hop == hop and entry.owner == "replank"}


def _new_ledger_entry(migration: Migration, snapshot: Snapshot, hop: int, why: str) -> LedgerEntry:
    entry = LedgerEntry(
        migration_id=migration.migration_id,
        key=f"smc-{snapshot.snapshot_id}",
        region_id=migration.region_id,
        account_id=migration.account_id,
        instance_id=migration.instance_id,
        disk_id=snapshot.disk_id,
        hop=hop,
        owner="smc",
        state=SnapshotState.ACCOMPLISHED,
        created_at=snapshot.created_at,
        snapshot_id=snapshot.snapshot_id,
        size_gib=snapshot.size_gib,
        judged=True,
    )
    return ledger_entry_with_other_owner(entry, why) if why else entry
