"""Watches running jobs. SMC publishes no events. Each tick therefore polls all running jobs, with fifty jobs in a call."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from shared.domain import events
from shared.domain.after_job import AfterJobRecord, JobEnd, remedy_after_job, smc_rollback_sentences
from shared.domain.drivers import driver_traits
from shared.domain.effects import AdoptSnapshots, CountOutcome
from shared.domain.errors import NOT_KEPT, Permanent, ReplankError, Stale, Transient
from shared.domain.migration import DriverData, Migration, State, step_to_state
from shared.domain.timing import LOOK_AGAIN, LOOK_LIMIT, SETTLE, TICK_JITTER, duration_in_words, interval_before_poll
from shared.ports.driver import JobPhase, JobReport
from shared.ports.ports import Ports
from shared.stages import marker
from shared.stages.advance import advance_migration, fail_migration, record_error_if_account_refusal, record_missing_command
from shared.stages.effects import launch_job

MIN_RECORDED_PROGRESS = 10
"""Minimum growth of a job's progress, in percentage points, for which the migration's row is updated."""
_LOG = logging.getLogger("replank")


def watch_jobs(migrations: Sequence[Migration], ports: Ports) -> int:
    """Poll the jobs of all migrating instances. Return how many migrations changed their state."""
    moved = 0
    for account_id, name in sorted({(each.account_id, each.driver) for each in migrations}):
        mine = [each for each in migrations if (each.account_id, each.driver) == (account_id, name)]
        try:
            reports = ports.ports_for_account(account_id).driver_with_name(name).job_reports(mine)
        except ReplankError as error:
            record_error_if_account_refusal(error, ports)
            moved += _check_time_limits_of_unreadable_jobs(mine, error, ports)
            continue
        for migration in mine:
            moved += _process_job_report_or_fail_migration(migration, reports.get(migration.migration_id), ports)
    return moved


def _check_time_limits_of_unreadable_jobs(migrations: Sequence[Migration], error: ReplankError, ports: Ports) -> int:
    """Process jobs whose state SMC does not report at the moment. The migration of an overdue job fails although the job's state is
    unknown.
    """
    level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
    _LOG.log(level, "the jobs cannot be read, and the next tick tries again: %s", error)
    return sum(_process_job_report_or_fail_migration(each, _last_known_job_report(each), ports) for each in migrations)


def _last_known_job_report(migration: Migration) -> JobReport:
    """Return the last known report of a job. A job whose last report shows no end counts as running."""
    end = migration.trace.ended
    if end is None:
        return JobReport(JobPhase.RUNNING, DriverData(), progress=migration.progress)
    return JobReport(JobPhase.FAILED, DriverData(), code=end.code, message=end.message, remedy=end.remedy, copied=end.copied)


def _process_job_report_or_fail_migration(migration: Migration, report: JobReport | None, ports: Ports) -> bool:
    try:
        return _act_on_job_report(migration, report, ports.ports_for_migration(migration))
    except (Stale, Transient) as error:
        record_error_if_account_refusal(error, ports)
        _LOG.info("left for the next tick: %s", error, extra={"migrationId": migration.migration_id})
        return False
    except ReplankError as error:
        fail_migration(ports, migration, "migrate", events.MIGRATION_FAILED, error, copied=report is not None and report.copied)
        return True


def _act_on_job_report(migration: Migration, report: JobReport | None, ports: Ports) -> bool:
    if (report is None or report.phase is JobPhase.FAILED) and not driver_traits(migration.driver).copies_disks:
        end = _reported_or_recorded_job_end(migration, report, ports)
        log = report.log if report else ""
        # only a rollback restores this driver's disks, so there is no marker to look for
        raise Permanent(end.code, end.message, end.remedy, log=log)
    if report is None or report.phase is JobPhase.FAILED:
        return _ask_guest_and_fail_migration(migration, _reported_or_recorded_job_end(migration, report, ports), ports)
    if migration.trace.ended is not None:
        migration = _write_job_restart(migration, ports)
    if report.phase is JobPhase.FINISHED:
        return _begin_wait_for_restart(migration, report, ports)
    limit = driver_traits(migration.driver).job_limit
    if ports.clock.now() - migration.entered_at > limit:
        where = driver_traits(migration.driver).job_seen_at
        raise Permanent(
            "Job.TimedOut",
            f"The job was not finished within {duration_in_words(limit)}.",
            f"Look at the job {where} before anything else.",
        )
    if report.phase is JobPhase.PREPARED:
        launch_job(migration, ports)
    elif report.code == NOT_KEPT or migration.lacks is not None:
        record_missing_command(migration, report.remedy if report.code == NOT_KEPT else "", "watch", ports)
    elif not (report.copied and not migration.trace.marker and marker.write_marker(migration, ports)):
        _schedule_next_poll(migration, report, ports)
    return False


def _schedule_next_poll(migration: Migration, report: JobReport, ports: Ports) -> None:
    """Set the time of the job's next poll.

    Until SMC has made its copies of the disks, every tick polls the job, because there is little time to write the marker.
    """
    now = ports.clock.now()
    if migration.owes:
        return
    if driver_traits(migration.driver).copies_disks and not migration.trace.marker and not report.copied:
        if report.progress >= migration.progress + MIN_RECORDED_PROGRESS:
            ports.migrations.change_due_time(migration, now + LOOK_AGAIN - TICK_JITTER, percent=report.progress)
        return
    pause = interval_before_poll(now - migration.entered_at, driver_traits(migration.driver).job_limit)
    if pause:
        ports.migrations.change_due_time(migration, now + pause, percent=report.progress)


# A job that did not migrate the instance ------------------------------------------------------------------------------


def _reported_or_recorded_job_end(migration: Migration, report: JobReport | None, ports: Ports) -> JobEnd:
    """Return how the job ended. If an end is already recorded, the recorded end is returned, even if the report differs."""
    now = ports.clock.now()
    if migration.trace.ended is not None:
        return migration.trace.ended
    if report is None:
        return JobEnd(
            "Job.NotFound",
            f"SMC has no job {migration.handle.job_id} any more.",
            "Look at the jobs in the SMC console; then roll back or retry.",
            now,
        )
    message, remedy = report.message or "The job failed.", report.remedy or "Correct the cause, then retry."
    return JobEnd(report.code or "Job.Failed", message, remedy, now, report.copied)


def _ask_guest_and_fail_migration(migration: Migration, end: JobEnd, ports: Ports) -> bool:
    """Find out in the guest whether SMC has restored the disks after a failed job, and then fail the migration.

    The end of the job is recorded first. SMC gets time to restore the disks before the guest is asked for the marker.
    """
    if migration.trace.ended is None:
        _write_job_end(migration, end, ports)
        return True
    if migration.trace.found is None:
        if ports.clock.now() - end.at < SETTLE:
            return False
        migration = marker.ask_guest_for_marker(migration, "watch", end.at + LOOK_LIMIT, ports)
    if migration.trace.found is None:
        return False
    error = Permanent(
        end.code, f"{end.message} {smc_rollback_sentences(migration.trace)}", remedy_after_job(migration.trace, end.remedy)
    )
    fail_migration(ports, migration, "migrate", events.MIGRATION_FAILED, error, copied=end.copied)
    return True


def _write_job_end(migration: Migration, end: JobEnd, ports: Ports) -> None:
    """Record the end of a failed job. The failure counts against the failure budget immediately, before the guest is asked for the
    marker.
    """
    now = ports.clock.now()
    reason = f"the job ended with {end.code}; the guest will be asked"
    trace = replace(migration.trace, ended=end)
    taken = step_to_state(migration, State.MIGRATING, now=now, by="watch", reason=reason[:500], trace=trace, due_at=now + SETTLE)
    advance_migration(ports, replace(taken, effects=(CountOutcome("failed"),)))


def _write_job_restart(migration: Migration, ports: Ports) -> Migration:
    """Record that a person has started a failed job again in the SMC console.

    The guest's answer about the job's first run no longer counts.
    """
    now = ports.clock.now()
    reason, again = "the job runs again", now + LOOK_AGAIN
    taken = step_to_state(migration, State.MIGRATING, now=now, by="watch", reason=reason, trace=AfterJobRecord(), due_at=again)
    return advance_migration(ports, replace(taken, effects=(CountOutcome("resumed"),)))


def _begin_wait_for_restart(migration: Migration, report: JobReport, ports: Ports) -> bool:
    now = ports.clock.now()
    taken = step_to_state(
        migration,
        State.RESTARTING,
        now=now,
        by="watch",
        reason="the job is finished, the guest is not back yet",
        handle=replace(migration.handle, finished_at=now),
        progress=100,
        due_at=now + SETTLE,
    )
    advance_migration(ports, replace(taken, effects=(AdoptSnapshots(),)))
    return True
