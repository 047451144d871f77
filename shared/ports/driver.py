"""The port for the drivers. A driver replaces the operating system through SMC, through a person in the console, or through a tool
in the instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Protocol

from shared.domain.drivers import DriverTraits
from shared.domain.migration import DriverData, Migration
from shared.domain.record import dataclass


class JobPhase(Enum):
    """The phase of a driver's job, which carries out one hop of one migration."""

    PREPARING = "preparing"
    """The job is not ready, because an import is running or a person must act. The pipeline calls ``prepare_job`` again."""
    PREPARED = "prepared"
    """The job is ready, and nothing destructive has happened. The pipeline calls ``launch_job`` next."""
    RUNNING = "running"
    FINISHED = "finished"
    """The job reports that it has finished. The guest may still be restarting."""
    FAILED = "failed"


@dataclass(frozen=True)
class InstanceIdentity:
    """The facts that identify an instance in SMC if SMC shows no instance id.

    The instance's source server must have one of these addresses and one of these hostnames.
    """

    private_ips: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    """The hostname in ECS and the hostname that the guest reports."""
    windows: bool = False
    others: Mapping[str, str] = field(default_factory=dict)
    """Maps instance ids to hostnames, for the other instances in the region that have one of these addresses."""


@dataclass(frozen=True)
class JobReport:
    """The phase of a job, and the job's progress in percent.

    If the job has failed, ``code`` and ``message`` describe the failure. If a kept command is missing, a running job cannot be
    looked at. Then ``code`` is ``Command.NotKept``, and ``remedy`` says what a person has to do.
    """

    phase: JobPhase
    handle: DriverData
    progress: int = 0
    code: str = ""
    message: str = ""
    remedy: str = ""
    copied: bool = False
    """Whether SMC has made its own copies of the disks for this job."""
    log: str = ""
    """The last lines of the tool's log, after a failure and during the preparation; empty for a job without a tool."""
    late_remedy: str = ""
    """The remedy for a preparation that exceeds its time limit. The field is empty if only the general remedy applies."""


@dataclass(frozen=True)
class UnfinishedJob:
    """A job that can still change the instance. The field ``ours`` is true if the migration made or followed the job, and may
    therefore remove the job.
    """

    job_id: str
    status: str
    runs: bool
    """Whether the job may be writing to the disks now. A job that is not writing can still be started."""
    ours: bool
    ends_with_instance: bool = False
    """Whether the job runs inside the instance, and therefore ends when the instance stops."""


NOBODY = InstanceIdentity()
"""The identity of an unknown instance, which matches no source server."""


class Driver(Protocol):
    """Replaces the operating system of instances. After a crash, every call can be repeated without a second effect."""

    traits: DriverTraits
    """The driver's fixed properties, such as its name and the time that a job may take."""

    def check_settings(self) -> None:
        """Raise Permanent (Driver.SettingMissing) if a setting is missing. The error says where to find the setting's value."""

    def check_settings_for_destinations(self, os_type: str, releases: Sequence[str], region_id: str) -> None:
        """Raise Permanent (Driver.SettingMissing) if a setting is missing for this type of operating system, or for one of these
        destinations in the instance's region.
        """

    def prepare_job(self, migration: Migration, identity: InstanceIdentity) -> JobReport:
        """Carry out the next harmless step of preparing a job. The pipeline calls this method every minute while the report says
        PREPARING.

        Examples of harmless steps are the import of the source server and the creation of the job. A driver that waits for a person
        reports PREPARING, with the person's task in ``remedy``. If the person has already started the job, the driver reports
        RUNNING. If the job of a failed attempt still exists, the report is PREPARED at once. If a job or a source server may belong
        to another instance, the driver changes nothing and reports FAILED (Instance.Indistinct, Source.Ambiguous, Job.Foreign).
        """

    def launch_job(self, migration: Migration) -> None:
        """Start the prepared job. No other method of a driver is destructive. The pipeline stores the state ``migrating`` before
        the call.

        Raises Permanent (Job.Foreign) if the job belongs to another instance. A second call after a crash does nothing, even if the
        job has failed in the meantime. Only a retry starts the job again.
        """

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        """Maps the id of each migration to the report on the migration's job. One request lists many jobs."""

    def source_servers(self, migration: Migration, identity: InstanceIdentity) -> tuple[str, ...]:
        """The ids of the source servers in SMC through which a job could change the instance."""

    def unfinished_jobs(self, migration: Migration, source_ids: Sequence[str]) -> tuple[UnfinishedJob, ...]:
        """The jobs that run or can still start, of the migration and of these source servers. Makes two or three calls."""

    def remove_jobs(self, jobs: Sequence[UnfinishedJob]) -> None:
        """Stop and delete these jobs.

        If SMC refuses to delete a job, no error is raised, and ``unfinished_jobs`` still returns the job.
        """

    def clean_up_hop(self, migration: Migration, handle: DriverData, *, sources: bool = True) -> None:
        """Remove the job, the source server and the activation code of the migration's current hop from SMC.

        No error is raised if these objects are already deleted. If SMC's answer to a call was lost, ``handle`` may lack the id of a
        job, a code or a source server. The driver therefore also searches for jobs and codes by name, and for source servers in the
        output of the imports. A source server that has a job of another owner is kept. If ``sources`` is false, all source servers
        are kept for the next hop.
        """
