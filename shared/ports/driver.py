"""Drivers replace the operating system: SMC by its API, a person in the console, or a tool inside the instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared.domain.drivers import DriverTraits
from shared.domain.migration import Handle, Migration


class Phase(Enum):
    """The driver's progress with one hop of one migration."""

    PREPARING = "preparing"
    """Not started: ``prepare`` is called again (an import runs, or a person must act)."""
    PREPARED = "prepared"
    """Everything is ready and nothing destructive has happened; ``launch`` is next."""
    RUNNING = "running"
    FINISHED = "finished"
    """The job reports that it finished; the guest may still be restarting."""
    FAILED = "failed"


@dataclass(frozen=True)
class Identity:
    """What identifies an instance if no instance id is shown: an address together with a hostname, never one alone."""

    private_ips: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    """The hostname in ECS and the one that the guest reports."""
    windows: bool = False
    others: Mapping[str, str] = field(default_factory=dict)
    """Hostname by instance id of the region's other instances that have one of its addresses."""


@dataclass(frozen=True)
class JobReport:
    """Where a job stands; ``code`` and ``message`` are SMC's own words on a failure, ``progress`` is a percentage."""

    phase: Phase
    handle: Handle
    progress: int = 0
    code: str = ""
    message: str = ""
    remedy: str = ""
    copied: bool = False
    """Whether the job is past the point at which SMC makes its own copies of the disks."""


@dataclass(frozen=True)
class LiveJob:
    """A job that can still change the instance. ``ours``: the migration made it, or followed it, and it can be removed."""

    job_id: str
    status: str
    runs: bool
    """Whether the job may write to the disks now; else it could be started again."""
    ours: bool
    ends_with_instance: bool = False
    """It runs inside the instance, so it ends when that is stopped."""


NOBODY = Identity()
"""Stands for an unknown identity, which matches no source server."""


class Driver(Protocol):
    """After a crash every call can be repeated at any point without a second effect."""

    traits: DriverTraits
    """The driver's traits, known without a call."""

    def check(self) -> None:
        """Raises Permanent (Driver.SettingMissing) naming the missing setting and where to find its value."""

    def prepare(self, migration: Migration, identity: Identity) -> JobReport:
        """Take the next harmless step towards a job (import, create); called every minute while it reports PREPARING.

        A driver that waits for a person reports PREPARING with what to do in ``remedy``, and RUNNING once the job is seen.
        If the job exists from a failed attempt, it reports PREPARED at once. A job or source that may belong to another instance
        is never touched: FAILED (Instance.Indistinct, Source.Ambiguous, Job.Foreign).
        """

    def launch(self, migration: Migration) -> None:
        """Start the prepared job: the one destructive call, made after the step to ``migrating`` is committed.

        Raises Permanent (Job.Foreign) if the job belongs to another instance.
        A second call after a crash does nothing, even if the job has failed since; only a retry starts it again.
        """

    def observe(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        """The state of the jobs by migration id, in as few calls as paging allows."""

    def sources(self, migration: Migration, identity: Identity) -> tuple[str, ...]:
        """The source servers in SMC with which a job could change this instance."""

    def unfinished(self, migration: Migration, source_ids: Sequence[str]) -> tuple[LiveJob, ...]:
        """Jobs, of the migration or of these sources, that run or can still start. It takes two or three calls."""

    def remove(self, jobs: Sequence[LiveJob]) -> None:
        """Stop and delete these jobs. SMC refuses this for some running jobs; no error is raised, so look again."""

    def clean_up(self, migration: Migration, handle: Handle, *, sources: bool = True) -> None:
        """Remove what was left in SMC for ``migration.hop``: the job, the source server, the activation code.

        Anything already deleted is no error. A lost call may have left more than the handle records. Jobs and codes are found by
        their names, source servers by the output of the imports in the instance. A source server with a foreign job stays. If
        ``sources`` is false every source server stays, because the next hop uses it.
        """
