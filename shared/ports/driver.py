"""What carries out the replacement itself: SMC by its API, or a person in the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared.domain.drivers import DriverTraits
from shared.domain.migration import Handle, Migration


class Phase(Enum):
    """How far the driver is with one hop of one migration."""

    PREPARING = "preparing"
    """Not begun: ``prepare`` is called again (an import is running, or a person is awaited)."""
    PREPARED = "prepared"
    """Everything is in place, nothing destructive has happened: ``launch`` is next."""
    RUNNING = "running"
    FINISHED = "finished"
    """The job says so; the guest may still be restarting."""
    FAILED = "failed"


@dataclass(frozen=True)
class Identity:
    """What an instance can be told by where no instance id is shown: an address and a hostname together, never one of them."""

    private_ips: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    """As ECS has it and as the guest itself says."""
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
    """Whether the job is past the point where SMC makes its own copies of the disks."""


@dataclass(frozen=True)
class LiveJob:
    """A job of SMC that can still change the instance. ``ours``: the migration made it, or followed it."""

    job_id: str
    status: str
    runs: bool
    """It may write to the disks now; else it could be started again."""
    ours: bool


NOBODY = Identity()
"""Nothing is known of the instance: no source server is taken for its."""


class Driver(Protocol):
    """Every call may be repeated at any point after a crash without doing anything twice."""

    traits: DriverTraits
    """What the pipeline knows of it without a call."""

    def check(self) -> None:
        """Raises Permanent (Driver.SettingMissing) naming the setting that is missing and where its value is found."""

    def prepare(self, migration: Migration, identity: Identity) -> JobReport:
        """Take the next harmless step towards a job (import, create); called again every minute while it reports PREPARING.

        A driver that waits for a person reports PREPARING with what to do in ``remedy``, and RUNNING once the job is seen.
        After a failed attempt the job is there already: PREPARED at once. What cannot be told from another instance's is FAILED
        (Instance.Indistinct, Source.Ambiguous, Job.Foreign), and never touched.
        """

    def launch(self, migration: Migration) -> None:
        """Start the prepared job, the one destructive call; it comes after the step to ``migrating`` is committed.

        Raises Permanent (Job.Foreign) where the job is another instance's.
        Called again after a crash it does nothing, even if the job has failed since; a retry (a later step) starts it again.
        """

    def observe(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        """How the jobs stand, by migration id; as few calls as paging allows."""

    def sources(self, migration: Migration, identity: Identity) -> tuple[str, ...]:
        """The source servers in SMC on which a job could change this instance."""

    def unfinished(self, migration: Migration, source_ids: Sequence[str]) -> tuple[LiveJob, ...]:
        """The jobs of the migration, and those of these sources, that run or can still be started; two or three calls."""

    def remove(self, jobs: Sequence[LiveJob]) -> None:
        """Stop and delete these jobs. SMC refuses that for some that run: look again, nothing is raised for it."""

    def clean_up(self, migration: Migration, handle: Handle, *, sources: bool = True) -> None:
        """Remove what was left in SMC for ``migration.hop``: the job, the source server, the activation code.

        What is gone already is no error. A call that was lost may have left more than the handle knows. Jobs and codes are found
        by their names, source servers by what the imports inside the instance printed. A source server that has somebody else's
        job stays. If ``sources`` is false every source server stays, because the next hop uses it.
        """
