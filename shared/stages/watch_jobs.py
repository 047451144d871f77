"""Watching jobs: SMC publishes no events, so the running ones are polled together, fifty a call."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared.domain import events
from shared.domain.drivers import traits
from shared.domain.effects import AdoptSnapshots
from shared.domain.errors import Permanent, ReplankError, Stale, Transient
from shared.domain.migration import Handle, Migration, State, step
from shared.domain.timing import SETTLE, job_pause
from shared.ports.driver import Phase, Report
from shared.ports.ports import Ports
from shared.stages.advance import advance, give_up
from shared.stages.effects import launch

MAY_BE_BACK = "SMC may have rolled the disks back to its own copies: what was written while the job ran may be lost."
"""SMC documentation, "migrate an operating system": of a job that is cancelled. Its API does not tell."""
_LOG = logging.getLogger("replank")


def watch_jobs(migrations: Sequence[Migration], ports: Ports) -> int:
    """Look at the jobs of all migrating instances; how many of them moved on."""
    moved = 0
    for name in sorted({each.driver for each in migrations}):
        mine = [each for each in migrations if each.driver == name]
        try:
            reports = ports.driver(name).observe(mine)
        except ReplankError as error:
            moved += _unseen(mine, error, ports)
            continue
        for migration in mine:
            moved += _follow(migration, reports.get(migration.migration_id), ports)
    return moved


def _unseen(migrations: Sequence[Migration], error: ReplankError, ports: Ports) -> int:
    """Nothing is known of these jobs now; those past their time need a person all the same."""
    level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
    _LOG.log(level, "the jobs cannot be looked at, the next tick tries again: %s", error)
    return sum(_follow(each, Report(Phase.RUNNING, Handle(), progress=each.progress), ports) for each in migrations)


def _follow(migration: Migration, report: Report | None, ports: Ports) -> bool:
    try:
        return _followed(migration, report, ports)
    except (Stale, Transient) as error:
        _LOG.info("left for the next tick: %s", error, extra={"migrationId": migration.migration_id})
        return False
    except ReplankError as error:
        give_up(ports, migration, "migrate", events.MIGRATION_FAILED, error, copied=report is not None and report.copied)
        return True


def _followed(migration: Migration, report: Report | None, ports: Ports) -> bool:
    if report is None:
        raise Permanent("Job.NotFound", f"SMC has no job {migration.handle.job_id} any more.", "Look at SMC; roll back or retry.")
    if report.phase is Phase.FAILED:
        raise Permanent(
            report.code or "Job.Failed",
            f"{report.message or 'The job failed.'} {MAY_BE_BACK}",
            report.remedy or "Mend the cause, then retry.",
        )
    if report.phase is Phase.FINISHED:
        return _finished(migration, report, ports)
    limit = traits(migration.driver).job_limit
    if ports.clock.now() - migration.entered_at > limit:
        raise Permanent("Job.TimedOut", f"Not finished within {limit}.", "Look at the job in the SMC console before anything else.")
    pause = timedelta(0) if migration.owes else job_pause(ports.clock.now() - migration.entered_at, limit)
    if report.phase is Phase.PREPARED:
        launch(migration, ports)
    elif pause:
        ports.migrations.nudge(migration, ports.clock.now() + pause, percent=report.progress)
    return False


def _finished(migration: Migration, report: Report, ports: Ports) -> bool:
    now = ports.clock.now()
    taken = step(
        migration,
        State.RESTARTING,
        now=now,
        by="watch",
        reason="the job is finished, the guest is not back yet",
        handle=replace(migration.handle, finished_at=now),
        progress=100,
        due_at=now + SETTLE,
    )
    advance(ports, replace(taken, effects=(AdoptSnapshots(),)))
    return True
