"""The driver for jobs that a person starts in the ECS console. The driver finds the job in SMC and watches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.adapters.drivers.jobs import (
    SmcJobs,
    ambiguous_source_report,
    indistinct_instance_report,
    is_job_of_other_instance,
    job_report,
    job_reports,
)
from shared.adapters.drivers.sources import is_hostname_of_instance, is_source_of_instance, source_hostname
from shared.adapters.drivers.unfinished import JobStopper
from shared.adapters.sdk import Clients
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.drivers import CONSOLE
from shared.domain.migration import DriverData, Migration
from shared.domain.timing import CLOCKS_APART
from shared.domain.waiting import console_instructions
from shared.ports.driver import InstanceIdentity, JobPhase, JobReport

_BEGUN = frozenset({"Running", "Waiting", "Finished"})


class ConsoleDriver(JobStopper):
    """Implements the port ``Driver`` for jobs that a person starts. Only a rollback stops a running job."""

    traits = CONSOLE
    follows = True

    def __init__(self, clients: Clients, catalog: Catalog = CATALOG) -> None:
        self._jobs, self._catalog = SmcJobs(clients), catalog

    def check_settings(self) -> None:
        return  # this driver needs no settings

    def check_settings_for_destinations(self, os_type: str, releases: Sequence[str], region_id: str) -> None:
        return

    def prepare_job(self, migration: Migration, identity: InstanceIdentity) -> JobReport:
        namesakes = sorted(id for id, name in identity.others.items() if is_hostname_of_instance(name, identity))
        if namesakes:
            return indistinct_instance_report(migration.handle, namesakes)
        near = self._jobs.sources_at_addresses(identity, related_job_type=["Os"])
        own = [source.source_id for source in near if is_source_of_instance(source, identity)]
        found = [job for job in self._jobs.jobs_of_sources(own) if _is_possible_job_of_hop(job, migration)]
        if len({job.source_id for job in found}) > 1:
            return ambiguous_source_report(migration.handle, {job.source_id for job in found})
        job = self._job_to_follow(migration, found)
        if job is None:
            others = [source for source in near if source.source_id not in own]
            return JobReport(
                JobPhase.PREPARING,
                migration.handle,
                remedy=console_instructions(migration, self._catalog) + _hint_about_other_sources(others),
            )
        handle = replace(migration.handle, job_id=job.job_id, source_id=job.source_id or "")
        if job.status in _BEGUN:
            # The job is reported as running even if it has already finished. The watch stage then handles its end.
            return replace(job_report(handle, job), phase=JobPhase.RUNNING)
        remedy = f"Press Retry Replacement for {migration.instance_id} in the ECS console, or see {job.job_id} in the SMC console."
        return JobReport(JobPhase.PREPARING, handle, code=job.error_code or "", message=job.status_info or "", remedy=remedy)

    def launch_job(self, migration: Migration) -> None:
        return  # the person has started the job

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        return job_reports(self._jobs, migrations)

    def clean_up_hop(self, migration: Migration, handle: DriverData, *, sources: bool = True) -> None:
        return  # only the person who made the job may delete it

    def _job_to_follow(self, migration: Migration, found: Sequence[Any]) -> Any | None:
        """The job that the driver should follow.

        The driver follows the job in the migration's row if this job runs or has finished, and otherwise the newest of the given
        jobs.

        After a job has failed or was deleted, the person may start another job. The person may also have deleted the failed job's
        source server.
        """
        known_id = migration.handle.job_id
        known = self._jobs.jobs_by_id([known_id]).get(known_id) if known_id else None
        if known is not None and is_job_of_other_instance(known, migration):
            known = None
        if known is not None and known.status in _BEGUN:
            return known
        fresh = [job for job in found if job.job_id not in (known_id, migration.handle.spent_job_id)]
        return max(fresh, key=lambda job: job.creation_time or "", default=known)


def _is_possible_job_of_hop(job: Any, migration: Migration) -> bool:
    """Whether the job may belong to this hop of the migration. The job must not name another instance, and must be running or new.

    A job is new if it was made after the snapshots were ready, or after the first job started. The clocks of SMC and the pipeline
    may differ by 30 s.
    """
    if is_job_of_other_instance(job, migration):
        return False
    made = parse_time_or_none(job.creation_time)
    since = (migration.handle.started_at or migration.entered_at) - CLOCKS_APART
    return job.status == "Running" or (made is not None and made >= since.replace(second=0, microsecond=0))


def _hint_about_other_sources(others: Sequence[Any]) -> str:
    """A hint for the person who should start the job, in case the driver finds no job.

    The hint names source servers that have the instance's address but not its hostname. The hint is empty if there are no such
    source servers.
    """
    if not others:
        return ""
    names = ", ".join(f"{source.source_id} ({source_hostname(source.system_info) or 'no hostname'})" for source in others)
    return f" Not followed, as only the address is this instance's and not the hostname: source {names}."
