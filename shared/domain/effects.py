"""Effects: the actions that must follow a step of a migration, as data. The outbox stores the effects together with the step. Every
effect is safe to repeat.
"""

from __future__ import annotations

from shared.domain.migration import BEFORE_A_START, DriverData, Migration, State
from shared.domain.record import dataclass


@dataclass(frozen=True)
class ReleaseLock:
    """Release the lock of the instance, so that another migration can lock the instance."""

    region_id: str
    instance_id: str
    after_jobs: bool = False
    """Whether the lock is kept until SMC shows no running job on the instance. The field is true if the migration may have left a
    job running.
    """


@dataclass(frozen=True)
class ReleaseSlot:
    """Release the migration's slot, so that another migration can take the slot."""


@dataclass(frozen=True)
class CountOutcome:
    """Record on the batch whether this migration failed or succeeded.

    The failure budget and the canary use the recorded outcomes.
    """

    outcome: str
    """The outcome to record: ``failed`` or ``moved`` adds an outcome, ``retried`` removes an earlier failure, and ``resumed``
    removes the failure of the present attempt.
    """


@dataclass(frozen=True)
class AdoptSnapshots:
    """Record SMC's own backup copies of the instance's disks in the ledger, if SMC made these copies after the job started.

    The field ``copied`` is true if the failed job of this hop and attempt reached the point where SMC makes the copies.
    """

    hop: int = 0
    attempt: int = 0
    copied: bool = False


@dataclass(frozen=True)
class LaunchDriver:
    """Start the prepared job. Starting a job is destructive, so the journal must already contain the step."""


@dataclass(frozen=True)
class CleanUpDriver:
    """Remove everything that the driver created in SMC for one hop: job, source server and activation code."""

    handle: DriverData
    hop: int = 0


@dataclass(frozen=True)
class ScheduleSweep:
    """Write to the ledger the time from which the sweep may delete the migration's snapshots. The retention period of
    ``retention_days`` begins with the release of the snapshots.
    """

    retention_days: int


@dataclass(frozen=True)
class RunPostCommand:
    """Run the post command in the guest of an instance that did not move, or that was rolled back. The post command undoes the pre
    command.
    """


@dataclass(frozen=True)
class RollBackUnasked:
    """Roll back a failed migration. The rollback happens only if a person acknowledged automatic rollback, no hold is set, and the
    version of the migration's row is unchanged.
    """

    version: int


@dataclass(frozen=True)
class RestoreProtection:
    """Switch the instance's deletion protection off, if the migration itself switched the protection on."""


Effect = (
    RollBackUnasked
    | RestoreProtection
    | RunPostCommand
    | ReleaseLock
    | ReleaseSlot
    | CountOutcome
    | AdoptSnapshots
    | LaunchDriver
    | CleanUpDriver
    | ScheduleSweep
)
NEEDS_THE_CLOUD = (AdoptSnapshots, LaunchDriver, CleanUpDriver, RunPostCommand, RestoreProtection)
"""The classes of effects that always call ECS or SMC."""


def calls_the_cloud(effect: Effect) -> bool:
    """Whether the effect calls ECS or SMC. The api function leaves effects that call the cloud to the tick, because calls to the
    cloud are slow.
    """
    return isinstance(effect, NEEDS_THE_CLOUD) or (isinstance(effect, ReleaseLock) and effect.after_jobs)


KINDS: dict[str, type[Effect]] = {
    kind.__name__: kind
    for kind in (
        ReleaseLock,
        ReleaseSlot,
        CountOutcome,
        AdoptSnapshots,
        LaunchDriver,
        CleanUpDriver,
        ScheduleSweep,
        RunPostCommand,
        RollBackUnasked,
        RestoreProtection,
    )
}
"""For each name that the outbox stores, the class of effects."""


def effects_to_run_post_command(migration: Migration, *, unmoved: bool = False) -> tuple[Effect, ...]:
    """A tuple with the effect that runs the post command; empty if no pre command needs to be undone.

    If ``unmoved`` is true, the tuple is also empty for an instance that a job may have moved.
    """
    ran = migration.hop > 0 or migration.handle.started_at is not None or migration.resumes != ""
    return (RunPostCommand(),) if migration.commands.phase and not (unmoved and ran) else ()


def effects_to_run_post_command_after_failure(migration: Migration, stage: str) -> tuple[Effect, ...]:
    """A tuple with the effect that runs the post command after a stage has failed.

    The tuple is empty if a job may have run and a retry would continue with that job. A retry with the same job still needs what
    the pre command did in the guest.
    """
    return () if stage == "migrate" and migration.may_job_have_run else effects_to_run_post_command(migration, unmoved=True)


def effects_to_restore_protection(migration: Migration) -> tuple[Effect, ...]:
    """A tuple with the effect that restores the instance's earlier deletion protection; empty if the migration has certainly not
    begun its snapshots.
    """
    unbegun = migration.state in BEFORE_A_START | {State.PRECHECK_FAILED} and migration.hop == 0 and migration.attempt == 1
    return () if unbegun else (RestoreProtection(),)
