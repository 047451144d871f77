"""Carries out the effects of a step. Carrying out an effect twice has the same result as carrying it out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.domain.effects import (
    AdoptSnapshots,
    CleanUpDriver,
    CountOutcome,
    Effect,
    LaunchDriver,
    ReleaseLock,
    ReleaseSlot,
    RestoreProtection,
    RollBackUnasked,
    RunPostCommand,
    ScheduleSweep,
)
from shared.domain.errors import Transient
from shared.domain.ledger import SnapshotState, retention_end
from shared.domain.limits import TIME_DEPENDENT_LIMITS, Limit
from shared.domain.migration import ACTIVE, MOVING, DriverData, Migration, State
from shared.domain.timing import LOOK_AGAIN
from shared.ports.ports import Ports
from shared.stages.slots import (
    STATES_BEFORE_ADMISSION,
    current_blocking_limit,
    is_lock_kept_for_jobs,
    release_group_lock_if_grouped,
    release_slot,
    release_slot_of_earlier_attempt,
)

STATES_AFTER_RETRY = MOVING | STATES_BEFORE_ADMISSION
"""The possible states of a failed migration after a person has retried the migration.

A failure that a retry has undone does not count against the budget.
"""


LIMITS_OF_DELAYED_START = TIME_DEPENDENT_LIMITS | {Limit.HOLD}
"""The limits that are checked again if the job was not started immediately after its step was committed.

If the start is delayed for too long, the migration fails with Job.TimedOut.
"""


def perform_effect(effect: Effect, migration: Migration, ports: Ports) -> None:
    """Carry out one effect of the migration's step. Raises the errors of the ports that the effect uses."""
    _PERFORMERS[type(effect)](effect, migration, ports)


def _release_lock(effect: ReleaseLock, migration: Migration, ports: Ports) -> None:
    if migration.state in ACTIVE:
        return  # this effect belongs to an earlier end, which a retry has undone; the retry needs the lock
    if effect.after_jobs:
        from shared.stages.live_jobs import jobs_in_words, unfinished_jobs  # only the lock of a job that was given up needs it

        running = [job for job in unfinished_jobs(migration, ports) if job.runs]
        if running:
            raise Transient("Job.StillRunning", f"{migration.instance_id} stays locked: {jobs_in_words(running)}.")
    where = (effect.region_id, effect.instance_id)
    ports.admission.release_instance_lock(*where, migration.migration_id, migration.attempt, account=migration.account_id)
    release_group_lock_if_grouped(migration, ports)


_PLACE_RELEASED_WITH_LOCK = frozenset({State.CANCELLED, State.CONFIRMED, State.COMPLETED})
"""Final states in which a job may still run. While a job may run, the group's lock is released only together with the instance's
lock.
"""


def _release_slot(_: ReleaseSlot, migration: Migration, ports: Ports) -> None:
    if migration.state in STATES_BEFORE_ADMISSION:
        release_slot_of_earlier_attempt(migration, ports)
    elif migration.state not in MOVING:
        release_slot(migration, ports)
    if migration.state not in _PLACE_RELEASED_WITH_LOCK:
        release_group_lock_if_grouped(migration, ports)


def _update_outcome_counts(effect: CountOutcome, migration: Migration, ports: Ports) -> None:
    has_ended = migration.trace.ended is not None  # the job has ended; the state changes only after the guest has been asked
    if effect.outcome == "failed" and migration.state in STATES_AFTER_RETRY | {State.MIGRATED} and not has_ended:
        return
    if effect.outcome == "resumed":
        if not has_ended:
            ports.batches.write_attempt_outcome(migration.batch_id, migration.migration_id, "retried", migration.attempt + 1)
        return
    if effect.outcome == "moved":
        # Only the canary rule needs to know which migrations have moved. Without a canary they are not stored, because a batch of
        # thousands of migrations would make a row of thousands of columns.
        tally = ports.batches.load_tally(migration.batch_id)
        if len(tally.moved) >= tally.summary.policy.canary:
            return
    ports.batches.write_attempt_outcome(migration.batch_id, migration.migration_id, effect.outcome, migration.attempt)


def _launch_job_if_migrating(_: LaunchDriver, migration: Migration, ports: Ports) -> None:
    if migration.state is not State.MIGRATING:
        return  # the migration has already failed or was cancelled: no stage would watch a job that is started now
    launch_job(migration, ports)


def launch_job(migration: Migration, ports: Ports) -> None:
    """Start the job. If the job was not started immediately after its step was committed, check the limits again before the
    start.

    Raises Transient while a limit forbids the start.
    """
    held = current_blocking_limit(migration, ports) if ports.clock.now() - migration.entered_at > LOOK_AGAIN else None
    if held and held.limit in LIMITS_OF_DELAYED_START:
        raise Transient("Start.Held", f"The job is not started: {held.reason}.")
    ports.driver_with_name(migration.driver).launch_job(migration)


def _remove_resources_of_hop(effect: CleanUpDriver, migration: Migration, ports: Ports) -> None:
    """Remove the resources of the finished hop from SMC. If the next hop already uses the source server, the source server is not
    removed.
    """
    if migration.hop == effect.hop and migration.state in STATES_AFTER_RETRY:
        return  # this effect belongs to an earlier end, which a retry has undone; the retry uses the resources in SMC
    then = replace(migration, hop=effect.hop)
    begun = migration.hop > effect.hop and migration.handle != DriverData()
    ports.driver_with_name(migration.driver).clean_up_hop(then, effect.handle, sources=not begun)


def _adopt_snapshots(effect: AdoptSnapshots, migration: Migration, ports: Ports) -> None:
    from shared.stages.adopt import adopt_snapshots  # only the end of a job needs it

    adopt_snapshots(effect, migration, ports)


def _schedule_sweep(effect: ScheduleSweep, migration: Migration, ports: Ports) -> None:
    if migration.released_at is None:
        return
    sweep_at = retention_end(migration.released_at, effect.retention_days)
    for entry in ports.ledger.entries_of_migration(migration.migration_id):
        if entry.state is not SnapshotState.SWEPT:
            ports.ledger.write_entry(replace(entry, sweep_at=sweep_at))
    if migration.state is State.ROLLED_BACK:
        release_group_lock_if_grouped(migration, ports)  # a person has accepted the instance as it is


def _run_post_command(_: RunPostCommand, migration: Migration, ports: Ports) -> None:
    from shared.stages.commands import run_pending_post_command  # only batches with commands need it

    run_pending_post_command(migration, ports)
    if migration.group:
        now = ports.migrations.load(migration.migration_id)
        if not is_lock_kept_for_jobs(now, ports):
            release_group_lock_if_grouped(now, ports)  # the group's lock is kept until the post command has ended


def _roll_back_automatically(effect: RollBackUnasked, migration: Migration, ports: Ports) -> None:
    from shared.stages.unasked import roll_back_automatically  # only batches with automatic rollback need it

    roll_back_automatically(effect, migration, ports)


def _switch_off_protection(_: RestoreProtection, migration: Migration, ports: Ports) -> None:
    from shared.stages.protection import switch_off_protection_of_migration  # only the end of a migration needs it

    switch_off_protection_of_migration(migration, ports)


_PERFORMERS: dict[type[Effect], Callable[[Any, Migration, Ports], None]] = {
    ReleaseLock: _release_lock,
    ReleaseSlot: _release_slot,
    CountOutcome: _update_outcome_counts,
    LaunchDriver: _launch_job_if_migrating,
    CleanUpDriver: _remove_resources_of_hop,
    AdoptSnapshots: _adopt_snapshots,
    ScheduleSweep: _schedule_sweep,
    RunPostCommand: _run_post_command,
    RollBackUnasked: _roll_back_automatically,
    RestoreProtection: _switch_off_protection,
}
