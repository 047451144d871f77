"""The snapshot stage: takes a slot, and then makes a snapshot of every disk.

Each snapshot is entered in the ledger before it is requested from ECS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from shared.domain import events
from shared.domain.batch import BatchSummary
from shared.domain.errors import Permanent, Transient
from shared.domain.facts import user_disks
from shared.domain.ledger import LedgerEntry, SnapshotState, name_of_snapshot
from shared.domain.limits import BlockingLimit, requeue_migration
from shared.domain.message import Message, Outcome
from shared.domain.migration import ADMITTED, Migration, State, step_to_state
from shared.domain.timing import LOST, PRECHECK_AGE, SNAPSHOT_LIMIT, duration_in_words
from shared.ports.compute import Snapshot
from shared.ports.ports import Ports
from shared.stages import commands, probe
from shared.stages.advance import advance_migration, run_stage_or_fail_migration
from shared.stages.consent import require_acknowledgement
from shared.stages.protection import protect_instance
from shared.stages.slots import admit_migration

STATES = ADMITTED | {State.SNAPSHOTTING}


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Admit a waiting migration if the limits allow it, make its snapshots, and wait until they are finished."""
    offered = message.type != events.PRECHECK_PASSED
    return run_stage_or_fail_migration(
        message,
        ports,
        STATES,
        ("snapshot", events.SNAPSHOT_FAILED),
        partial(_admit_migration_or_continue_snapshots, offered=offered),
    )


def _admit_migration_or_continue_snapshots(migration: Migration, ports: Ports, *, offered: bool) -> Outcome:
    if migration.state is State.SNAPSHOTTING:
        return _continue_snapshots(migration, ports)
    held = admit_migration(migration, ports, offered=offered)
    if held:
        return _wait_for_limit(migration, held, ports)
    return _begin_admitted_migration(migration, ports)


def _continue_snapshots(migration: Migration, ports: Ports) -> Outcome:
    """Check the progress of the pre command or of the snapshots. The time limit for snapshots applies even if every call to ECS
    fails.
    """
    try:
        return _run_pre_command_then_snapshots(migration, ports, begun=True)
    except Transient as error:
        _check_snapshot_time_limit(migration, ports, f" {error.message}")
        raise


def _begin_admitted_migration(migration: Migration, ports: Ports) -> Outcome:
    batch = ports.batches.load(migration.batch_id)
    require_acknowledgement(batch, migration, ports)
    if migration.state is State.WAITING:
        return _continue_retry(migration, ports)
    now = ports.clock.now()
    why = _why_precheck_outdated(migration, batch.summary, ports)
    if why:
        outdated = step_to_state(migration, State.ACCEPTED, now=now, by="snapshot", reason=why, due_at=now)
        told = events.migration_event(outdated.after, events.PRECHECK_OUTDATED, stage="precheck", reason=why)
        advance_migration(ports, replace(outdated, events=(told,)))
        return Outcome("waiting", {"state": "accepted"})
    more = commands.changes_to_begin_pre_command(migration, batch.summary, ports)
    begun = step_to_state(migration, State.SNAPSHOTTING, now=now, by="snapshot", reason="admitted", due_at=now + LOST, **more)
    return _run_pre_command_then_snapshots(advance_migration(ports, begun), ports, begun=False)


def _run_pre_command_then_snapshots(migration: Migration, ports: Ports, *, begun: bool) -> Outcome:
    """Run the pre command before the snapshots.

    The snapshots therefore contain everything that programs wrote to the disks because of the pre command.
    """
    drained = commands.run_pre_command(migration, ports) if migration.commands.phase else migration
    if drained is None:
        return Outcome("waiting", {"state": "snapshotting", "reason": "the pre command runs"})
    return _request_and_check_snapshots(drained, ports, begun=begun)


def _wait_for_limit(migration: Migration, held: BlockingLimit, ports: Ports) -> Outcome:
    """Release the slot and wait until the limit allows a start. Other migrations can use the released slot."""
    if ports.admission.slot_use(migration.batch_id, migration.migration_id).since:
        advance_migration(ports, requeue_migration(migration, held.reason, by="snapshot", now=ports.clock.now()))
    return Outcome("waiting", {"state": migration.state.value, "reason": held.reason})


def _continue_retry(migration: Migration, ports: Ports) -> Outcome:
    """Continue a retry that needs no new snapshots: start the driver's job, or repeat the validation."""
    now = ports.clock.now()
    to = State.RESTARTING if migration.resumes == "validate" else State.SNAPSHOTTED
    taken = step_to_state(migration, to, now=now, by="snapshot", reason="admitted", due_at=now)
    if to is State.SNAPSHOTTED:
        taken = replace(taken, events=(events.migration_event(taken.after, events.SNAPSHOT_READY, stage="migrate"),))
    advance_migration(ports, taken)
    return Outcome("done", {"state": to.value})


def _why_precheck_outdated(migration: Migration, summary: BatchSummary, ports: Ports) -> str:
    """Return, in words, why the precheck must be repeated; empty if the precheck is still valid.

    A precheck is outdated if it is too old, if it lacks the batch's own check, or if the instance's disks have changed.
    """
    if migration.prechecked_at is None or ports.clock.now() - migration.prechecked_at > PRECHECK_AGE:
        return "the precheck is out of date"
    if not migration.check_asked and probe.has_batch_check(summary):
        return "the precheck was made without the batch's files and check"
    attached = {disk.disk_id for disk in user_disks(ports.compute.disks_of_instance(migration.region_id, migration.instance_id))}
    return "the disks have changed since the precheck" if attached != set(migration.disks) else ""


def _request_and_check_snapshots(migration: Migration, ports: Ports, *, begun: bool) -> Outcome:
    """Request the missing snapshots, and check the snapshots that were requested before.

    Move to the next state once every disk has a finished snapshot.
    """
    noted = {entry.key: entry for entry in ports.ledger.entries_of_migration(migration.migration_id)} if begun else {}
    if not any(_ledger_entry_key(migration, disk_id) in noted for disk_id in migration.disks):
        protect_instance(migration, ports)
    entries = [_request_snapshot(migration, disk_id, noted, ports) for disk_id in migration.disks]
    known = ports.compute.snapshots_by_id(migration.region_id, [entry.snapshot_id for entry in entries])
    done = 0
    for entry in entries:
        done += _record_snapshot_if_finished(entry, known.get(entry.snapshot_id), ports)
    if done == len(entries):
        return _finish_snapshots(migration, ports)
    _check_snapshot_time_limit(migration, ports)
    return Outcome("waiting", {"state": "snapshotting", "done": done, "of": len(entries)})


def _check_snapshot_time_limit(migration: Migration, ports: Ports, why: str = "") -> None:
    if ports.clock.now() - migration.entered_at > SNAPSHOT_LIMIT:
        sentence = f"The snapshots were not finished within {duration_in_words(SNAPSHOT_LIMIT)}.{why}"
        raise Permanent("Snapshot.TimedOut", sentence, "Look at the snapshots in the ECS console, then retry.")


def _record_snapshot_if_finished(entry: LedgerEntry, snapshot: Snapshot | None, ports: Ports) -> bool:
    """Record a finished snapshot in the ledger. Return whether the snapshot is finished.

    Raises Permanent (Snapshot.Failed) if the snapshot has failed or is gone. A snapshot that was just requested does not count as
    gone, although ECS's list may not show it yet.
    """
    if snapshot is None and ports.clock.now() - entry.created_at < LOST:
        return False
    if snapshot is None or snapshot.status == "failed":
        ports.ledger.write_entry(replace(entry, state=SnapshotState.FAILED))
        raise Permanent(
            "Snapshot.Failed",
            f"Snapshot {entry.snapshot_id} of disk {entry.disk_id} {'is gone' if snapshot is None else 'failed'}.",
            "Look at the disk in the ECS console, then retry: every disk gets a new snapshot.",
        )
    if snapshot.status != "accomplished":
        return False
    if entry.state is not SnapshotState.ACCOMPLISHED or not entry.size_gib:
        ports.ledger.write_entry(replace(entry, state=SnapshotState.ACCOMPLISHED, size_gib=snapshot.size_gib))
    return True


def _request_snapshot(migration: Migration, disk_id: str, noted: Mapping[str, LedgerEntry], ports: Ports) -> LedgerEntry:
    """Request a disk's snapshot, and return its ledger entry.

    The entry is written before the request, so the ledger knows every snapshot even after a crash.
    """
    words = (migration.hop, migration.attempt, disk_id)
    key = _ledger_entry_key(migration, disk_id)
    entry = noted.get(key) or ports.ledger.write_new_entry(
        LedgerEntry(
            migration_id=migration.migration_id,
            key=key,
            region_id=migration.region_id,
            account_id=migration.account_id,
            instance_id=migration.instance_id,
            disk_id=disk_id,
            hop=migration.hop,
            owner="replank",
            state=SnapshotState.INTENDED,
            created_at=ports.clock.now(),
            prechecked_version=migration.prechecked_version,
        )
    )
    if entry.snapshot_id:
        return entry
    snapshot_id = ports.compute.create_snapshot(
        migration.region_id,
        disk_id,
        name=name_of_snapshot(migration.migration_id, *words),
        token=migration.client_token("snap", *words),
        migration_id=migration.migration_id,
    )
    # The entry's time is the time of ECS's answer. The delay of ECS's listing counts from then, even if the disk was busy for long
    # before.
    asked = replace(entry, snapshot_id=snapshot_id, state=SnapshotState.CREATING, created_at=ports.clock.now())
    ports.ledger.write_entry(asked)
    return asked


def _ledger_entry_key(migration: Migration, disk_id: str) -> str:
    """The key of the ledger entry for a disk's snapshot in this attempt."""
    return f"{migration.hop}-{migration.attempt}-{disk_id}"


def _finish_snapshots(migration: Migration, ports: Ports) -> Outcome:
    now = ports.clock.now()
    taken = step_to_state(
        migration,
        State.SNAPSHOTTED,
        now=now,
        by="snapshot",
        reason="every disk has its snapshot",
        snapshots_made=migration.snapshots_made + len(migration.disks),
        due_at=now + LOST,
    )
    advance_migration(ports, replace(taken, events=(events.migration_event(taken.after, events.SNAPSHOT_READY, stage="migrate"),)))
    return Outcome("done", {"state": "snapshotted", "disks": len(migration.disks)})
