"""The rollback stage: ends jobs, checks snapshots, stops the instance, resets its disks, starts the instance and verifies the
guest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain import events
from shared.domain.disk_reset import DiskReset, ResetState
from shared.domain.effects import ReleaseLock, effects_to_restore_protection, effects_to_run_post_command
from shared.domain.errors import Permanent, Refused, Transient
from shared.domain.findings import Assessment, Finding
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, step_to_state
from shared.domain.restore import all_disks_as_pending, are_all_disks_in_states, disk_states_in_words, has_reset_begun
from shared.domain.timing import LOOK_AGAIN, ROLLBACK_LIMIT, duration_in_words
from shared.domain.validation import compare_after_rollback
from shared.ports.driver import UnfinishedJob
from shared.ports.ports import Ports
from shared.probes import ProbeUnreadable, finding_for_unreadable_answer
from shared.stages import live_jobs, probe, restore_disks
from shared.stages.advance import advance_migration, run_stage_or_fail_migration, settle_outboxes
from shared.stages.observed import baseline_observation

STATES = frozenset({State.ROLLING_BACK})


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Take the rollback's next step.

    The rollback succeeds only if a probe proves that the guest is as it was before the migration.
    """
    return run_stage_or_fail_migration(message, ports, STATES, ("rollback", events.ROLLBACK_FAILED), _run_rollback_phase)


def _run_rollback_phase(migration: Migration, ports: Ports) -> Outcome:
    try:
        _check_rollback_time_limit(migration, ports)
        return _PHASES[migration.rollback_phase](migration, ports)
    except (Permanent, Refused) as error:
        after = ports.migrations.load(migration.migration_id)
        words = (error.message, disk_states_in_words(after.rollback_disks), _restart_instance_if_unchanged(after, ports))
        raise Permanent(error.code, " ".join(filter(None, words)), error.remedy) from error


def _restart_instance_if_unchanged(migration: Migration, ports: Ports) -> str:
    """Start the instance again if a failed rollback has stopped it without resetting a disk.

    Return a sentence about the instance for the failure's message; empty if the instance is not stopped. If a disk may have been
    reset, the instance stays stopped.
    """
    if migration.state not in STATES or not migration.rollback_disks:
        return ""
    try:
        if ports.compute.instance_statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id) != "Stopped":
            return ""
        if has_reset_begun(migration.rollback_disks):
            return "The instance is stopped."
        ports.compute.start_instance(migration.region_id, migration.instance_id)
    except (Permanent, Refused) as error:
        return f"The instance may be stopped, and could not be started: {error.message}"
    return "The instance was stopped, and has been started again."


def _check_rollback_time_limit(migration: Migration, ports: Ports) -> None:
    if ports.clock.now() - migration.entered_at <= ROLLBACK_LIMIT:
        return
    jobs = _blocking_jobs(live_jobs.unfinished_jobs(migration, ports))
    if jobs:
        raise Permanent(
            "Job.StillRunning",
            f"Not rolled back within {duration_in_words(ROLLBACK_LIMIT)}: {live_jobs.jobs_in_words(jobs)}. SMC does not stop it.",
            "Wait until the job has ended, or stop it in the SMC console; then retry the rollback.",
        )
    raise Permanent(
        "Rollback.TimedOut",
        f"Not rolled back within {duration_in_words(ROLLBACK_LIMIT)} (phase {migration.rollback_phase}).",
        "Look at the instance in the ECS console; its snapshots are kept. Then retry.",
    )


# Stopping: jobs, disks, the instance ----------------------------------------------------------------------------------


def _run_stopping_phase(migration: Migration, ports: Ports) -> Outcome:
    """End the jobs, carry out the outboxes, check every disk and snapshot, stop the instance, and then reset its disks."""
    source_ids = live_jobs.source_server_ids(migration, ports)
    jobs = _blocking_jobs(live_jobs.remove_jobs_of_migration(migration, source_ids, ports))
    if jobs:
        return _wait_for_jobs(migration, jobs, ports)
    if migration.owes and not settle_outboxes(ports, migration, quietly=True):
        return _write_wait_reason(migration, "the job in SMC is being removed", ports)
    found = ports.compute.instance_page(migration.region_id, instance_ids=[migration.instance_id]).instances
    if not found:
        raise Permanent(
            "Instance.NotFound", "The instance is gone.", "Make a disk from each snapshot; the ledger names the snapshots."
        )
    if restore_disks.are_disk_resets_outdated(migration, found[0]):
        migration = _record_disk_resets(
            migration,
            all_disks_as_pending(migration.rollback_disks),
            "the instance has run since: every disk is reset again",
            ports,
        )
    if are_all_disks_in_states(migration.rollback_disks, ResetState.ACCEPTED, ResetState.RESTORED):
        return _wait_for_disks(migration, ports)
    return _stop_instance_and_reset_disks(migration, found[0].status, source_ids, ports)


def _blocking_jobs(jobs: tuple[UnfinishedJob, ...]) -> list[UnfinishedJob]:
    """Return the jobs that forbid a reset: running jobs, and the migration's own jobs that could still be started.

    A job inside the instance does not count, because the job ends when the instance is stopped.
    """
    return [job for job in jobs if (job.runs or job.ours) and not job.ends_with_instance]


def _wait_for_jobs(migration: Migration, jobs: list[UnfinishedJob], ports: Ports) -> Outcome:
    """Wait until the jobs have ended. Afterwards every disk is reset again, because a running job may have written to a disk
    after its reset.
    """
    if has_reset_begun(migration.rollback_disks) and any(job.runs for job in jobs):
        migration = _record_disk_resets(
            migration,
            all_disks_as_pending(migration.rollback_disks),
            f"{live_jobs.jobs_in_words(jobs)}: every disk is reset again",
            ports,
        )
    return _write_wait_reason(migration, f"{live_jobs.jobs_in_words(jobs)}: it must end before the disks are reset", ports)


def _stop_instance_and_reset_disks(migration: Migration, status: str, source_ids: tuple[str, ...], ports: Ports) -> Outcome:
    if status == "Stopping":  # a check that fails now could not start the instance again
        return Outcome("waiting", {"state": "rolling_back", "phase": "stopping"})
    plan = restore_disks.planned_disk_resets(migration, ports)
    if plan != migration.rollback_disks:
        migration = _record_disk_resets(migration, plan, f"{len(plan)} disks and their snapshots were checked", ports)
    working = restore_disks.why_disk_resets_must_wait(migration, ports)
    if working:
        return _write_wait_reason(migration, f"{working}: it must end before the disks are reset", ports)
    if status != "Stopped":
        ports.compute.stop_instance(migration.region_id, migration.instance_id)
        return Outcome("waiting", {"state": "rolling_back", "phase": "stopping"})
    return _reset_disks(migration, source_ids, ports)


def _reset_disks(migration: Migration, source_ids: tuple[str, ...], ports: Ports) -> Outcome:
    try:
        restore_disks.check_resets_by_dry_run(migration, ports)
    except Transient as error:
        return _write_wait_reason(migration, f"ECS accepts no reset yet: {error.message}", ports)

    def is_reset_safe() -> bool:
        return not _blocking_jobs(live_jobs.unfinished_jobs(migration, ports, source_ids))

    latest = [migration]

    def record_disk_resets(resets: tuple[DiskReset, ...], reason: str) -> Migration:
        latest[0] = _record_disk_resets(latest[0], resets, reason, ports)
        return latest[0]

    try:
        done = restore_disks.reset_disks(migration, is_reset_safe, record_disk_resets, ports)
    except Transient as error:
        return _write_wait_reason(latest[0], f"ECS accepts no reset yet: {error.message}", ports)
    if done is None:
        return _wait_for_jobs(latest[0], list(live_jobs.unfinished_jobs(migration, ports, source_ids)), ports)
    return Outcome("waiting", {"state": "rolling_back", "phase": "stopping"})


def _wait_for_disks(migration: Migration, ports: Ports) -> Outcome:
    """Wait until ECS has finished the reset of every disk, and then start the instance."""
    resets = restore_disks.disk_resets_with_current_states(migration, ports)
    if resets != migration.rollback_disks:
        migration = _record_disk_resets(migration, resets, "disks restored", ports)
    if not restore_disks.are_all_disks_restored(migration):
        return _write_wait_reason(migration, "ECS to reset the disks", ports)
    return _enter_rollback_phase(migration, "starting", f"{len(resets)} disks reset", ports)


# Starting the instance and verifying the guest ------------------------------------------------------------------------


def _start_instance(migration: Migration, ports: Ports) -> Outcome:
    if not restore_disks.are_all_disks_restored(migration):
        return _restart_rollback(migration, "no record says that every disk was reset", ports)
    status = ports.compute.instance_statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if status == "Stopped":
        ports.compute.start_instance(migration.region_id, migration.instance_id)
    agent = ports.guest.agents_by_instance_id(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if status != "Running" or agent is None or not agent.alive:
        return Outcome("waiting", {"state": "rolling_back", "phase": "starting"})
    summary = ports.batches.load_summary(migration.batch_id)
    try:
        invocation_id = probe.send_probe(migration, ports, "rollback", summary)
    except Refused:
        return Outcome("waiting", {"state": "rolling_back", "phase": "starting"})
    return _enter_rollback_phase(migration, "verifying", "the guest is back, probe sent", ports, invocation_id)


def _verify_guest(migration: Migration, ports: Ports) -> Outcome:
    if not restore_disks.are_all_disks_restored(migration):
        return _restart_rollback(migration, "no record says that every disk was reset", ports)
    found = probe.fetch_probe_answer(migration, ports)
    if found is None:
        return Outcome("waiting", {"state": "rolling_back", "phase": "verifying"})
    if isinstance(found, ProbeUnreadable):
        return _enter_rollback_phase(migration, "starting", f"not yet: {finding_for_unreadable_answer(found).code}", ports)
    instance_before, before = baseline_observation(migration, ports, hop=0).facts_of_instance_and_guest()
    instance = ports.compute.instance_facts(migration.region_id, migration.instance_id)
    result = compare_after_rollback(instance_before, before, instance, found, catalog=ports.catalog)
    if result.is_blocked:
        worst: Finding = result.blocking_findings[0]
        raise Permanent(worst.code, f"{worst.title}: {worst.seen}", worst.remedy)
    return _finish_rollback(migration, result, ports)


def _finish_rollback(migration: Migration, result: Assessment, ports: Ports) -> Outcome:
    """Finish the rollback after the guest was verified.

    Jobs and disks are checked one last time. If a job could still undo the rollback, the rollback starts again from its first
    phase.
    """
    jobs = _blocking_jobs(live_jobs.unfinished_jobs(migration, ports))
    if jobs:
        return _restart_rollback(migration, f"{live_jobs.jobs_in_words(jobs)}: every disk is reset again", ports)
    restore_disks.disk_resets_with_current_states(migration, ports)
    now = ports.clock.now()
    made = sum(entry.belongs_to_pipeline for entry in ports.ledger.entries_of_migration(migration.migration_id))
    taken = step_to_state(
        migration,
        State.ROLLED_BACK,
        now=now,
        by="rollback",
        reason="the guest is as it was before",
        rollback_phase="",
        rollback_waits="",
        probe_invocation_id="",
        assessment=result,
        snapshots_made=made,
        finished_at=now,
        commands=migration.commands.progress_after_rollback(),
    )
    lock = ReleaseLock(migration.region_id, migration.instance_id)
    effects = (*effects_to_run_post_command(taken.after), *effects_to_restore_protection(migration), lock)
    advance_migration(ports, replace(taken, effects=effects, events=(events.migration_event(taken.after, events.ROLLED_BACK),)))
    return Outcome("done", {"state": "rolled_back"})


def _restart_rollback(migration: Migration, reason: str, ports: Ports) -> Outcome:
    """Start the rollback again from its first phase. Resetting a disk again from the same snapshot is safe."""
    return _enter_rollback_phase(
        migration, "stopping", reason, ports, rollback_disks=all_disks_as_pending(migration.rollback_disks)
    )


def _write_wait_reason(migration: Migration, why: str, ports: Ports) -> Outcome:
    """Record in the row what the rollback waits for. If the reason is unchanged, nothing is written."""
    if migration.rollback_waits != why:
        _commit_rollback_progress(migration, why, ports, rollback_waits=why)
    return Outcome("waiting", {"state": "rolling_back", "phase": migration.rollback_phase, "reason": why})


def _record_disk_resets(migration: Migration, resets: tuple[DiskReset, ...], reason: str, ports: Ports) -> Migration:
    return _commit_rollback_progress(migration, reason, ports, rollback_disks=resets, rollback_waits="")


def _enter_rollback_phase(
    migration: Migration, phase: str, reason: str, ports: Ports, invocation_id: str = "", **more: Any
) -> Outcome:
    changes = {"rollback_phase": phase, "probe_invocation_id": invocation_id, "rollback_waits": "", **more}
    _commit_rollback_progress(migration, reason, ports, probe_count=migration.probe_count + bool(invocation_id), **changes)
    return Outcome("waiting", {"state": "rolling_back", "phase": phase})


def _commit_rollback_progress(migration: Migration, reason: str, ports: Ports, **changes: Any) -> Migration:
    now = ports.clock.now()
    taken = step_to_state(
        migration, State.ROLLING_BACK, now=now, by="rollback", reason=reason[:500], due_at=now + LOOK_AGAIN, **changes
    )
    return advance_migration(ports, taken)


_PHASES = {"stopping": _run_stopping_phase, "starting": _start_instance, "verifying": _verify_guest}
