"""Migrate: hand a snapshotted instance to its driver. The destructive call follows the committed step, never leads it."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import events
from shared.domain.effects import LaunchDriver
from shared.domain.errors import Permanent
from shared.domain.facts import InstanceFacts
from shared.domain.ledger import SnapshotState
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, step
from shared.domain.timing import LOOK_AGAIN, PREPARE_LIMIT
from shared.ports.driver import Phase, Report
from shared.ports.ports import Ports
from shared.stages.advance import advance, guarded

STATES = frozenset({State.SNAPSHOTTED})


def run(message: Message, ports: Ports) -> Outcome:
    """Take the driver's next harmless step, or start the job once everything stands ready."""
    return guarded(message, ports, STATES, ("migrate", events.START_FAILED), _run)


def _run(migration: Migration, ports: Ports) -> Outcome:
    driver = ports.drivers[migration.driver]
    driver.check()
    _safe_to_move(migration, ports)
    absent = _absent(migration, ports) if migration.attempt > 1 else ""
    if absent:
        return _wait(migration, Report(Phase.PREPARING, migration.handle, remedy=absent), ports)
    report = driver.prepare(migration, _private_ips(migration, ports))
    if report.phase is Phase.FAILED:
        raise Permanent(report.code, report.message, report.remedy)
    if report.phase is Phase.PREPARING:
        return _wait(migration, report, ports)
    now = ports.clock.now()
    taken = step(
        migration,
        State.MIGRATING,
        now=now,
        by="migrate",
        reason=f"{migration.driver} job {report.handle.job_id}".strip(),
        handle=replace(report.handle, started_at=now),
        progress=0,
        due_at=now + LOOK_AGAIN,
    )
    effects = (LaunchDriver(),) if report.phase is Phase.PREPARED else ()
    advance(ports, replace(taken, effects=effects, events=(events.about(taken.after, events.MIGRATION_STARTED),)))
    return Outcome("done", {"state": "migrating", "jobId": report.handle.job_id})


def _absent(migration: Migration, ports: Ports) -> str:
    """What keeps an instance from being tried again: after a failed attempt it may still be coming up."""
    status = ports.compute.statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id, "gone")
    if status != "Running":
        return f"the instance is {status}, not Running"
    agent = ports.guest.agents(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    return "" if agent is not None and agent.alive else "the Cloud Assistant agent is not back yet"


def _safe_to_move(migration: Migration, ports: Ports) -> None:
    """The last look before anything destructive: acknowledgement, lock, slot, and a finished snapshot of every disk."""
    batch = ports.batches.load(migration.batch_id)
    if batch.acknowledgement is None or batch.dry_run:
        raise Permanent("Batch.NotAcknowledged", "Nobody has acknowledged the risks.", "Acknowledge the batch, then retry.")
    if ports.admission.holder(migration.region_id, migration.instance_id) != migration.migration_id:
        raise Permanent(
            "Instance.LockLost", "The instance's lock is not this migration's.", "See which migration has it, then retry."
        )
    if migration.migration_id not in ports.admission.slots().held:
        raise Permanent("Batch.NoFreeSlot", "The migration holds no slot of its wave.", "Retry when fewer instances are moving.")
    since = migration.prechecked_at or migration.created_at
    safe = {
        entry.disk_id
        for entry in ports.ledger.of_migration(migration.migration_id)
        if entry.hop == migration.hop
        and entry.owner == "replank"
        and entry.state is SnapshotState.ACCOMPLISHED
        and entry.created_at >= since
    }
    attached = {
        disk.disk_id for disk in ports.compute.disks(migration.region_id, migration.instance_id) if not disk.used_by_smc_transit
    }
    bare = sorted((attached | set(migration.disks)) - safe)
    if bare:
        raise Permanent(
            "Snapshot.Missing", f"No finished snapshot of {', '.join(bare)}.", "Cancel it and submit the instance again."
        )


def _private_ips(migration: Migration, ports: Ports) -> tuple[str, ...]:
    document = ports.migrations.document(migration.migration_id, f"instance-{migration.hop}")
    return InstanceFacts.from_json(document).private_ips


def _wait(migration: Migration, report: Report, ports: Ports) -> Outcome:
    now = ports.clock.now()
    if migration.driver != "console" and now - migration.entered_at > PREPARE_LIMIT:
        raise Permanent("Driver.PrepareTimedOut", f"Not ready within {PREPARE_LIMIT}.", report.remedy or "Look at SMC, then retry.")
    if report.handle != migration.handle:
        preparing = step(
            migration,
            State.SNAPSHOTTED,
            now=now,
            by="migrate",
            reason="preparing the job",
            handle=report.handle,
            due_at=now + LOOK_AGAIN,
        )
        advance(ports, preparing)
    return Outcome("waiting", {"state": "snapshotted", "reason": report.remedy or "the driver is preparing"})
