"""The migrate stage: prepares and starts the driver's job.

The step is committed before the destructive call that starts the job.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain import events
from shared.domain.batch import Batch
from shared.domain.effects import LaunchDriver
from shared.domain.errors import Permanent
from shared.domain.facts import user_disks
from shared.domain.ledger import SnapshotState, snapshots_since_precheck
from shared.domain.limits import (
    StartContext,
    blocking_limit,
    has_missed_window,
    kind_of_next_start,
    needs_new_snapshots,
    requeue_migration,
)
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, step_to_state
from shared.domain.timing import LOOK_AGAIN, PREPARE_LIMIT, WINDOWS_MISSED, duration_in_words
from shared.ports.driver import NOBODY, Driver, JobPhase, JobReport
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration, remove_received_outbox, run_stage_or_fail_migration
from shared.stages.consent import require_acknowledgement
from shared.stages.host_identity import host_identity
from shared.stages.slots import acquire_group_lock_if_grouped, batch_and_start_context

STATES = frozenset({State.SNAPSHOTTED})
_BACK_IN_SERVICE = "Start the instance if it is stopped, and wait until its Cloud Assistant agent answers; then retry."


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Prepare the driver's job, or start the job once the preparation is complete."""
    return run_stage_or_fail_migration(message, ports, STATES, ("migrate", events.START_FAILED), _prepare_or_start_job)


def _prepare_or_start_job(migration: Migration, ports: Ports) -> Outcome:
    driver = ports.driver_with_name(migration.driver)
    driver.check_settings()
    batch, scene = batch_and_start_context(migration, ports)
    _require_conditions_for_move(migration, batch, scene, ports)
    reason = _check_limits_and_acquire_group_lock(migration, scene, ports)
    if reason:
        return _release_slot_and_wait(migration, driver, reason, scene, ports)
    absent = _why_instance_not_ready(migration, ports) if migration.attempt > 1 else ""
    if absent:
        report = JobReport(JobPhase.PREPARING, migration.handle, remedy=absent, late_remedy=_BACK_IN_SERVICE)
        return _wait_for_driver(migration, report, ports)
    if migration.handle.began_at is None:
        migration = _begin_job_preparation(migration, ports)
    who = host_identity(migration, migration.hop, ports) if driver.traits.needs_identity else NOBODY
    report = driver.prepare_job(migration, who)
    if report.phase is JobPhase.FAILED:
        raise Permanent(report.code, report.message, report.remedy, log=report.log)
    if report.phase is JobPhase.PREPARING:
        return _wait_for_driver(migration, report, ports)
    return _start_job(migration, report, ports)


def _check_limits_and_acquire_group_lock(migration: Migration, scene: StartContext, ports: Ports) -> str:
    """Check the limits, and take the group's lock. Return, in words, why the job may not start; empty if the job may start.

    An older version of Replank, which knew no groups, may have admitted the migration without taking the group's lock.
    """
    held = blocking_limit(kind_of_next_start(migration), scene) or acquire_group_lock_if_grouped(migration, ports)
    if held:
        return held.reason
    return "its snapshots are from before the window opened" if needs_new_snapshots(migration, scene.summary, scene.now) else ""


def _release_slot_and_wait(migration: Migration, driver: Driver, reason: str, scene: StartContext, ports: Ports) -> Outcome:
    """Release the slot and make the migration wait. If a person has already started the job, only record that the job runs.

    Raises Permanent (Window.TooShort) if the snapshots came too late for several maintenance windows in a row.
    """
    if driver.traits.attended and migration.handle.began_at is not None:
        report = driver.prepare_job(migration, host_identity(migration, migration.hop, ports))
        if report.phase is JobPhase.RUNNING:
            return _start_job(migration, report, ports)
    missed = has_missed_window(migration, scene.summary, scene.now)
    if missed and migration.windows_missed + 1 >= WINDOWS_MISSED:
        raise Permanent(
            "Window.TooShort",
            f"The snapshots were ready too late for the maintenance window, {WINDOWS_MISSED} times in a row.",
            "Cancel the migration, then submit the instance with a longer window or a smaller cutoff.",
        )
    after = advance_migration(ports, requeue_migration(migration, reason, by="migrate", now=scene.now, missed=missed))
    return Outcome("waiting", {"state": after.state.value, "reason": reason})


def _start_job(migration: Migration, report: JobReport, ports: Ports) -> Outcome:
    now = ports.clock.now()
    taken = step_to_state(
        migration,
        State.MIGRATING,
        now=now,
        by="migrate",
        reason=f"{migration.driver} job {report.handle.job_id}".strip(),
        handle=replace(report.handle, started_at=now),
        progress=0,
        windows_missed=0,
        due_at=now + LOOK_AGAIN,
    )
    effects = (LaunchDriver(),) if report.phase is JobPhase.PREPARED else ()
    advance_migration(
        ports, replace(taken, effects=effects, events=(events.migration_event(taken.after, events.MIGRATION_STARTED),))
    )
    return Outcome("done", {"state": "migrating", "jobId": report.handle.job_id})


def _begin_job_preparation(migration: Migration, ports: Ports) -> Migration:
    """Commit the step that begins the preparation.

    If two invocations run at the same time, only one of them can commit the step.
    """
    now = ports.clock.now()
    handle = replace(migration.handle, began_at=now, command="")  # an earlier attempt may have acted with an older command
    reason = "preparing the job"
    return advance_migration(
        ports,
        step_to_state(migration, State.SNAPSHOTTED, now=now, by="migrate", reason=reason, handle=handle, due_at=now + LOOK_AGAIN),
    )


def _why_instance_not_ready(migration: Migration, ports: Ports) -> str:
    """Return, in words, why the instance is not running again after a failed attempt; empty if its agent answers."""
    status = ports.compute.instance_statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id, "gone")
    if status != "Running":
        return f"the instance is {status}, not Running"
    agent = ports.guest.agents_by_instance_id(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    return "" if agent is not None and agent.alive else "the Cloud Assistant agent is not back yet"


def _require_conditions_for_move(migration: Migration, batch: Batch, scene: StartContext, ports: Ports) -> None:
    """Before any destructive call, check the acknowledgement, the lock, the slot, and the snapshot of every disk.

    Raises Permanent if the acknowledgement, the lock, the slot or a finished snapshot is missing.
    """
    if scene.summary.acknowledgement is None or scene.summary.dry_run:
        raise Permanent("Batch.NotAcknowledged", "Nobody has acknowledged the risks.", "Acknowledge the batch, then retry.")
    require_acknowledgement(batch, migration, ports)
    where = (migration.region_id, migration.instance_id)
    if ports.admission.instance_lock_holder(*where, account=migration.account_id) != migration.migration_id:
        raise Permanent(
            "Instance.LockLost",
            "This migration does not hold the instance's lock.",
            "See which migration holds the lock, then retry.",
        )
    if not scene.standing.has_slot:
        raise Permanent("Batch.NoFreeSlot", "The migration holds no slot.", "Retry when fewer instances are moving.")
    safe = _record_finished_snapshots(migration, ports)
    attached = {disk.disk_id for disk in user_disks(ports.compute.disks_of_instance(migration.region_id, migration.instance_id))}
    bare = sorted((attached | set(migration.disks)) - safe)
    if bare:
        remedy = "Retry: the migration gets a new precheck and new snapshots. After a job has run, roll back or cancel instead."
        raise Permanent("Snapshot.Missing", f"No finished snapshot of {', '.join(bare)}.", remedy)


def _record_finished_snapshots(migration: Migration, ports: Ports) -> set[str]:
    """Record in the ledger which snapshots ECS has finished.

    Return the ids of the disks whose snapshot was requested after the hop's last precheck and is finished.
    """
    mine = [
        each
        for each in snapshots_since_precheck(migration, ports.ledger.entries_of_migration(migration.migration_id))
        if each.snapshot_id
    ]
    known = ports.compute.snapshots_by_id(migration.region_id, [entry.snapshot_id for entry in mine][:100])
    finished = [entry for entry in mine if entry.snapshot_id in known and known[entry.snapshot_id].status == "accomplished"]
    for entry in finished:
        if entry.state is not SnapshotState.ACCOMPLISHED:  # a slow duplicate of this message may have overwritten the entry
            size_gib = known[entry.snapshot_id].size_gib
            ports.ledger.write_entry(replace(entry, state=SnapshotState.ACCOMPLISHED, size_gib=size_gib))
    return {entry.disk_id for entry in finished}


def _wait_for_driver(migration: Migration, report: JobReport, ports: Ports) -> Outcome:
    now = ports.clock.now()
    # A retry may wait for its instance to run again. This wait has a limit with every driver. The preparation has no time limit
    # only while a person is to act in the console, and that comes later.
    began_at = migration.handle.began_at or migration.entered_at
    of = ports.driver_with_name(migration.driver).traits
    limit = of.prepare_limit if migration.handle.began_at else PREPARE_LIMIT
    if limit is not None and now - began_at > limit:
        waited_for = report.message or report.remedy
        why = f"The job was not ready within {duration_in_words(limit)}{': ' + waited_for.removesuffix('.') if waited_for else ''}."
        if report.late_remedy:
            raise Permanent("Driver.PrepareTimedOut", why, report.late_remedy, log=report.log)
        raise Permanent("Driver.PrepareTimedOut", why, f"Look at the instance, and at its job {of.job_seen_at}; then retry.")
    if report.handle != migration.handle:
        preparing = step_to_state(
            migration,
            State.SNAPSHOTTED,
            now=now,
            by="migrate",
            reason="the job is being prepared",
            handle=report.handle,
            due_at=now + LOOK_AGAIN,
        )
        advance_migration(ports, preparing)
    else:
        remove_received_outbox(migration, ports)
    return Outcome("waiting", {"state": "snapshotted", "reason": report.remedy or "the driver is preparing"})
