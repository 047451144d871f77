"""Effects: what must follow a step, as data. They are stored in the outbox with the step and are safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.migration import Handle, Migration


@dataclass(frozen=True)
class ReleaseLock:
    """Release the instance for another migration."""

    region_id: str
    instance_id: str
    after_jobs: bool = False
    """Only once SMC shows no running job on the instance, because the migration may have left one."""


@dataclass(frozen=True)
class ReleaseSlot:
    """Release the migration's slot in the wave."""


@dataclass(frozen=True)
class CountOutcome:
    """Record on the batch that this migration failed or moved, for the failure budget and the canary."""

    outcome: str
    """``failed``, ``moved``, ``retried`` (takes a failure back) or ``resumed`` (takes back the failure of the attempt under
    way)."""


@dataclass(frozen=True)
class AdoptSnapshots:
    """Enter SMC's own backup copies of the instance's disks, made since the job started, in the ledger.

    ``copied``: the failed job of this hop and attempt was seen past the point where SMC makes them.
    """

    hop: int = 0
    attempt: int = 0
    copied: bool = False


@dataclass(frozen=True)
class LaunchDriver:
    """Start the prepared job: the destructive call, made only after its step is in the journal."""


@dataclass(frozen=True)
class CleanUpDriver:
    """Remove what the driver left in SMC for one hop: job, source server, activation code."""

    handle: Handle
    hop: int = 0


@dataclass(frozen=True)
class ScheduleSweep:
    """Mark the migration's ledger rows: they may be swept once ``retention_days`` have passed since the release."""

    retention_days: int


@dataclass(frozen=True)
class RunPostCommand:
    """Undo in the guest what the pre command did: nothing was moved, or it was moved back."""


@dataclass(frozen=True)
class RollBackUnasked:
    """Roll the failed migration back, if a person has acknowledged that, nothing holds it, and it is still at that version."""

    version: int


Effect = (
    RollBackUnasked
    | RunPostCommand
    | ReleaseLock
    | ReleaseSlot
    | CountOutcome
    | AdoptSnapshots
    | LaunchDriver
    | CleanUpDriver
    | ScheduleSweep
)
NEEDS_THE_CLOUD = (AdoptSnapshots, LaunchDriver, CleanUpDriver, RunPostCommand)
"""Effects that call ECS or SMC."""


def calls_the_cloud(effect: Effect) -> bool:
    """Whether the effect calls ECS or SMC; the api function leaves such effects to the tick, so that it never waits."""
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
    )
}
"""Effects by the name under which the outbox stores them."""


def post_command_effects(migration: Migration, *, unmoved: bool = False) -> tuple[Effect, ...]:
    """The post command, if a pre command waits for it. ``unmoved``: only if no job can have run, or it may be half-moved."""
    ran = migration.hop > 0 or migration.handle.started_at is not None or migration.resumes != ""
    return (RunPostCommand(),) if migration.commands.phase and not (unmoved and ran) else ()
