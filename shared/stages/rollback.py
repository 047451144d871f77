"""Rollback: stop, take each disk back to its snapshot from before the first hop, start, and prove it in the guest."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import events
from shared.domain.effects import ReleaseLock
from shared.domain.errors import Permanent, Refused
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Finding
from shared.domain.guest import GuestFacts
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, step
from shared.domain.timing import LOOK_AGAIN, ROLLBACK_LIMIT
from shared.domain.validation import compare_restored
from shared.ports.ports import Ports
from shared.probes import ProbeUnreadable, finding_for_unreadable
from shared.stages import probe
from shared.stages.advance import advance, guarded, settle_all

STATES = frozenset({State.ROLLING_BACK})


def run(message: Message, ports: Ports) -> Outcome:
    """Take the rollback's next step; a rollback that cannot be proved is a failure, never a success."""
    return guarded(message, ports, STATES, ("rollback", events.ROLLBACK_FAILED), _run)


def _run(migration: Migration, ports: Ports) -> Outcome:
    if ports.clock.now() - migration.entered_at > ROLLBACK_LIMIT:
        raise Permanent(
            "Rollback.TimedOut",
            f"Not back within {ROLLBACK_LIMIT} (phase {migration.rollback_phase}).",
            "Look at the instance in the ECS console; its snapshots are kept. Then retry.",
        )
    if migration.owes and not settle_all(ports, migration, quietly=True):
        return Outcome("waiting", {"state": "rolling_back", "reason": "the job in SMC is being removed"})
    return _PHASES[migration.rollback_phase](migration, ports)


def _stopping(migration: Migration, ports: Ports) -> Outcome:
    status = ports.compute.statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if status is None:
        raise Permanent("Instance.NotFound", "The instance is gone.", "Make a disk of each snapshot; the ledger names them.")
    if status != "Stopped":
        ports.compute.stop(migration.region_id, migration.instance_id)
        return Outcome("waiting", {"state": "rolling_back", "phase": "stopping"})
    entries = _to_restore(migration, ports)
    for entry in entries:
        ports.compute.reset_disk(migration.region_id, entry.disk_id, entry.snapshot_id)
    return _go_on(migration, "starting", f"{len(entries)} disks reset", ports)


def _to_restore(migration: Migration, ports: Ports) -> list[LedgerEntry]:
    """One snapshot for each disk, all of the newest complete set from before the first hop."""
    entries = [
        entry
        for entry in ports.ledger.of_migration(migration.migration_id)
        if entry.hop == 0 and entry.owner == "replank" and entry.state is SnapshotState.ACCOMPLISHED
    ]
    newest = {entry.disk_id: entry for entry in sorted(entries, key=lambda entry: entry.created_at)}
    attached = {
        disk.disk_id for disk in ports.compute.disks(migration.region_id, migration.instance_id) if not disk.used_by_smc_transit
    }
    lost = sorted(set(newest) ^ attached)
    if lost or not newest:
        raise Permanent(
            "Rollback.DisksDiffer",
            f"Disks and snapshots do not match: {', '.join(lost) or 'there are no snapshots'}.",
            "A disk can only be reset from its own snapshot. Make disks of the snapshots by hand; the ledger names them.",
        )
    return [newest[disk_id] for disk_id in sorted(newest)]


def _starting(migration: Migration, ports: Ports) -> Outcome:
    status = ports.compute.statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if status == "Stopped":
        ports.compute.start(migration.region_id, migration.instance_id)
    agent = ports.guest.agents(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if status != "Running" or agent is None or not agent.alive:
        return Outcome("waiting", {"state": "rolling_back", "phase": "starting"})
    terms = ports.batches.terms(migration.batch_id)
    try:
        invocation_id = probe.send(migration, ports, "rollback", terms)
    except Refused:
        return Outcome("waiting", {"state": "rolling_back", "phase": "starting"})
    return _go_on(migration, "verifying", "the guest is back, probe sent", ports, invocation_id)


def _verifying(migration: Migration, ports: Ports) -> Outcome:
    found = probe.answer(migration, ports)
    if found is None:
        return Outcome("waiting", {"state": "rolling_back", "phase": "verifying"})
    if isinstance(found, ProbeUnreadable):
        return _go_on(migration, "starting", f"not yet: {finding_for_unreadable(found).code}", ports)
    baseline = ports.migrations.document(migration.migration_id, "baseline-0") or {}
    instance = ports.compute.describe(migration.region_id, migration.instance_id)
    before = GuestFacts.from_json(baseline.get("guest"))
    result = compare_restored(InstanceFacts.from_json(baseline.get("instance")), before, instance, found, catalog=ports.catalog)
    if result.blocked:
        worst: Finding = result.blocking[0]
        raise Permanent(worst.code, f"{worst.title}: {worst.seen}", worst.remedy)
    now = ports.clock.now()
    made = sum(bool(entry.snapshot_id) for entry in ports.ledger.of_migration(migration.migration_id))
    taken = step(
        migration,
        State.ROLLED_BACK,
        now=now,
        by="rollback",
        reason="the guest is as it was before",
        rollback_phase="",
        probe_invocation_id="",
        assessment=result,
        snapshots_made=made,
        finished_at=now,
    )
    effects = (ReleaseLock(migration.region_id, migration.instance_id),)
    advance(ports, replace(taken, effects=effects, events=(events.about(taken.after, events.ROLLED_BACK),)))
    return Outcome("done", {"state": "rolled_back"})


def _go_on(migration: Migration, phase: str, reason: str, ports: Ports, invocation_id: str = "") -> Outcome:
    now = ports.clock.now()
    taken = step(
        migration,
        State.ROLLING_BACK,
        now=now,
        by="rollback",
        reason=reason,
        rollback_phase=phase,
        probe_invocation_id=invocation_id,
        probe_count=migration.probe_count + bool(invocation_id),
        due_at=now + LOOK_AGAIN,
    )
    advance(ports, taken)
    return Outcome("waiting", {"state": "rolling_back", "phase": phase})


_PHASES = {"stopping": _stopping, "starting": _starting, "verifying": _verifying}
