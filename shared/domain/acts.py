"""The acts of a named person: acknowledge, confirm, retry, cancel, roll back.

All functions in this module are pure. Each function that carries out an act returns the changed batch or the next step of the
migration.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain import events
from shared.domain.after_job import ROLLED_BACK_BY_SMC, AfterJobRecord
from shared.domain.batch import Acknowledgement, Batch, BatchState, BatchSummary, PauseState, risks_for_policy
from shared.domain.chosen import policy_digest, selection_digest
from shared.domain.commands import POST_FAILED
from shared.domain.drivers import driver_traits
from shared.domain.effects import (
    AdoptSnapshots,
    CleanUpDriver,
    CountOutcome,
    Effect,
    ReleaseLock,
    ReleaseSlot,
    ScheduleSweep,
    effects_to_restore_protection,
    effects_to_run_post_command,
)
from shared.domain.errors import Refused
from shared.domain.ledger import retention_end
from shared.domain.migration import Migration, State, Step, step_to_state

REASONS = {
    "confirmation": "confirmed",
    "retry": "retry after",
    "cancellation": "cancelled",
    "rollback": "rollback requested",
}
"""For each act, the words at the beginning of the reason in the migration's journal."""


def acknowledge_batch(batch: Batch, operator: str, risks_version: str, now: datetime, trust: str = "") -> Batch:
    """A copy of the batch in which ``operator`` has acknowledged the risks. Raises Refused if the batch cannot be acknowledged now,
    or if ``risks_version`` is not the version of the risks that apply to the batch.
    """
    if batch.acknowledgement is not None:
        given = batch.acknowledgement
        sentence = f"{given.operator} acknowledged batch {batch.batch_id} at {given.at:%Y-%m-%d %H:%M:%S} UTC already."
        raise Refused("Batch.AlreadyAcknowledged", sentence, "Nothing to do.", status=409)
    if batch.dry_run:
        raise Refused("Batch.DryRun", "A dry run never moves an instance.", "Submit the batch without the dry run.", status=409)
    if batch.state is BatchState.PLANNING:
        raise Refused(
            "Batch.StillPlanning",
            "The batch is still being planned: the list of its instances is not complete.",
            "Wait a minute and try again.",
            status=409,
        )
    check_batch_not_stopped(batch)
    version, text = risks_for_policy(batch.policy)
    if risks_version != version:
        raise Refused(
            "Acknowledgement.OtherText",
            f"The risks of batch {batch.batch_id} have version {version}, not {risks_version or 'none'}.",
            f"Read the risks (risks of GET /v1/batches/{batch.batch_id}), and acknowledge the version that is shown there.",
            status=409,
        )
    selection = selection_digest(batch.selection)
    given = Acknowledgement(operator, now, version, text, selection, trust, batch.digest, policy_digest(batch.policy, selection))
    return replace(batch, acknowledgement=given, version=batch.version + 1)


def check_batch_not_stopped(batch: Batch | BatchSummary) -> None:
    """Raise Refused (Batch.Stopped) if the batch is stopped, because a stopped batch starts no new migration."""
    if batch.control.brake is PauseState.STOPPED:
        raise Refused(
            "Batch.Stopped",
            f"{batch.control.by} stopped batch {batch.batch_id}: none of its waiting migrations starts any more.",
            f"Resume the batch first: replank resume {batch.batch_id}. A migration that moved can also be rolled back.",
            status=409,
        )


_CONFIRMED_AS = {
    State.MIGRATED: State.CONFIRMED,
    State.FAILED: State.CONFIRMED,
    State.ROLLED_BACK: State.ROLLED_BACK,
    State.CANCELLED: State.CANCELLED,
}


def confirm_migration(
    migration: Migration, operator: str, now: datetime, *, retention_days: int, holds_snapshots: bool = True
) -> Step:
    """Accept the outcome of a migration. The retention period of the migration's snapshots begins at the time ``now``.

    A migrated or failed migration becomes confirmed. A rolled back or cancelled migration keeps its state. If ``holds_snapshots``
    is false, a cancelled migration cannot be confirmed. Raises Refused (Migration.AlreadyConfirmed, Migration.NotConfirmable).
    """
    if migration.released_at is not None:
        sentence = f"Migration {migration.migration_id} was confirmed at {migration.released_at:%Y-%m-%d %H:%M:%S} UTC already."
        raise Refused("Migration.AlreadyConfirmed", sentence, "Nothing to do.", status=409)
    to = _CONFIRMED_AS.get(migration.state)
    if to is State.CANCELLED and not holds_snapshots:
        raise _refused_act_error(
            "NotConfirmable", migration, "confirmed", "Nothing to do: the instance never moved, and the migration has no snapshots."
        )
    if to is None:
        raise _refused_act_error(
            "NotConfirmable", migration, "confirmed", "Wait until the migration is migrated, failed or rolled back."
        )
    # The sweep handles a confirmed migration after its retention. A migration without snapshots has no retention to wait for.
    over = retention_end(now, retention_days) if migration.snapshots_made else now
    due_at = over if to is State.CONFIRMED else None
    # By confirming, the person says that the instance is back in service.
    by_hand = migration.failure is not None and migration.failure.code == POST_FAILED
    commands = replace(migration.commands, phase="") if by_hand else migration.commands
    changes = {"released_at": now, "due_at": due_at, "commands": commands}
    taken = step_to_state(migration, to, now=now, by=operator, reason=REASONS["confirmation"], **changes)
    effects: list[Effect] = [ReleaseSlot(), *_cleanup_effects(migration)] if migration.state is State.FAILED else []
    if to is State.ROLLED_BACK and migration.attempt > 1 and driver_traits(migration.driver).installs_in_guest:
        # The snapshots may contain software that an earlier attempt installed. SMC needs no clean-up: nothing of this migration is
        # left there, and objects found there may belong to another migration, because the instance is no longer locked.
        effects.append(CleanUpDriver(migration.handle, migration.hop))
    effects.append(ScheduleSweep(retention_days))
    effects += effects_to_run_post_command(taken.after)
    if migration.state is State.FAILED:
        effects += effects_to_restore_protection(migration)
    if to is State.CONFIRMED:
        effects.append(_lock_release_effect(migration))
    return _step_with_effects(taken, effects, events.migration_event(taken.after, events.CONFIRMATION_GIVEN, operator=operator))


def retry_migration(migration: Migration, operator: str, now: datetime) -> Step:
    """Retry a failed migration. The retry begins with the precheck, the job, the validation or the rollback, depending on the stage
    that failed.

    After a job has run, a retry makes no new snapshots, because new snapshots would contain a half-replaced system. Raises Refused
    (Migration.NotRetryable) unless the migration or its precheck failed.
    """
    if migration.state is State.PRECHECK_FAILED:
        return _step_of_retry(migration, State.ACCEPTED, operator, now)
    if migration.state is not State.FAILED or migration.failure is None:
        raise _refused_act_error("NotRetryable", migration, "retried", "Only a failed migration can be retried.")
    failed, resumes = migration.failure.stage, migration.resumes
    if failed == "rollback":
        return _step_of_rollback(migration, operator, now, _retry_reason(migration))
    if migration.failure.code == ROLLED_BACK_BY_SMC:
        spent = replace(migration.handle, job_id="", finished_at=None, spent_job_id=migration.handle.job_id)
        return _step_of_retry(replace(migration, handle=spent), State.WAITING, operator, now, resumes="migrate")
    if failed == "validate" or (failed == "snapshot" and resumes == "validate"):
        return _step_of_retry(migration, State.WAITING, operator, now, resumes="validate")
    if migration.may_job_have_run and (failed == "migrate" or resumes):
        return _step_of_retry(migration, State.WAITING, operator, now, resumes="migrate")
    return _step_of_retry(migration, State.ACCEPTED, operator, now)


def _step_of_retry(migration: Migration, to: State, operator: str, now: datetime, *, resumes: str = "") -> Step:
    """The step with which a migration begins its retry. A retry waits for a slot and obeys every limit, like any other start."""
    taken = step_to_state(
        migration,
        to,
        now=now,
        by=operator,
        reason=_retry_reason(migration),
        attempt=migration.attempt + 1,
        failure=None,
        probe_invocation_id="",
        handle=replace(migration.handle, began_at=None, waits=""),
        trace=AfterJobRecord(),
        stalled_at=None,
        retried=True,
        windows_missed=0,
        resumes=resumes,
        due_at=now,
    )
    stage = "precheck" if to is State.ACCEPTED else ""
    asked = events.migration_event(taken.after, events.RETRY_REQUESTED, stage=stage, operator=operator)
    return _step_with_effects(taken, [CountOutcome("retried")], asked)


def _retry_reason(migration: Migration) -> str:
    return f"{REASONS['retry']} {migration.failure.code if migration.failure else 'the precheck'}"


_CANCELLABLE = frozenset(
    {State.ACCEPTED, State.PRECHECKING, State.PRECHECK_FAILED, State.READY, State.SNAPSHOTTING, State.SNAPSHOTTED, State.WAITING}
)


def cancel_migration(migration: Migration, operator: str, now: datetime) -> Step:
    """Cancel a migration before its instance has moved. Raises Refused (Migration.TooLate) if a job may already have changed the
    instance.
    """
    failed_before = migration.state is State.FAILED and (migration.is_untouched or _is_instance_unchanged(migration))
    if not _is_before_first_job(migration) or not (migration.state in _CANCELLABLE or failed_before):
        raise _refused_act_error(
            "TooLate", migration, "cancelled", "Wait until the migration has ended. Then confirm it or roll it back."
        )
    taken = step_to_state(
        migration, State.CANCELLED, now=now, by=operator, reason=REASONS["cancellation"], finished_at=now, failure=None
    )
    effects: list[Effect] = [
        ReleaseSlot(),
        CleanUpDriver(migration.handle, migration.hop),
        *effects_to_run_post_command(migration),
        *effects_to_restore_protection(migration),
        _lock_release_effect(migration),
    ]
    return _step_with_effects(taken, effects, events.migration_event(taken.after, events.MIGRATION_CANCELLED, operator=operator))


def _lock_release_effect(migration: Migration) -> ReleaseLock:
    """The effect that releases the instance's lock. If a job may still be running, the instance stays locked until the job has
    ended.
    """
    unseen = driver_traits(migration.driver).may_job_run_unseen and migration.snapshots_made > 0
    left = migration.state is not State.MIGRATED and (migration.handle.job_id != "" or unseen)
    return ReleaseLock(migration.region_id, migration.instance_id, after_jobs=left)


def _is_before_first_job(migration: Migration) -> bool:
    return migration.hop == 0 and migration.handle.started_at is None


_STAGES_WITHOUT_CHANGE = frozenset({"precheck", "snapshot"})


def _is_instance_unchanged(migration: Migration) -> bool:
    if migration.failure is None:
        return True
    return migration.failure.stage in _STAGES_WITHOUT_CHANGE and migration.handle.started_at is None and not migration.resumes


def roll_back_migration(migration: Migration, operator: str, now: datetime) -> Step:
    """Begin to reset every disk of the instance to its snapshot from before the first hop.

    Raises Refused (Migration.NotRollbackable) if the migration's state forbids a rollback. A migration that waits for its next job
    can be rolled back too, because the migration can no longer be cancelled.
    """
    return _step_of_rollback(migration, operator, now, REASONS["rollback"])


def begin_automatic_rollback(migration: Migration, given: Acknowledgement, now: datetime) -> Step:
    """Begin the rollback of a migration whose validation failed. The journal names the person who acknowledged automatic rollback.

    Raises Refused (Migration.NotRollbackable) if the migration's state forbids a rollback.
    """
    when = f"{given.operator} acknowledged at {given.at:%Y-%m-%d %H:%M:%S} UTC ({given.risks_version})"
    taken = _step_of_rollback(migration, given.operator, now, f"{REASONS['rollback']} by the policy that {when}")
    return replace(taken, entry=replace(taken.entry, trust=given.trust))


def _step_of_rollback(migration: Migration, operator: str, now: datetime, reason: str) -> Step:
    moved = migration.hop > 0 or not (migration.is_untouched or _is_instance_unchanged(migration))
    again = migration.state in (State.SNAPSHOTTED, State.WAITING) and not _is_before_first_job(migration)
    rollable = migration.state is State.MIGRATED or (migration.state in (State.FAILED, State.READY) and moved) or again
    if not rollable or not migration.snapshots_made:
        raise _refused_act_error(
            "NotRollbackable",
            migration,
            "rolled back",
            "Only a migration with snapshots can be rolled back, if it is migrated, failed, or waits for a further job.",
        )
    taken = step_to_state(
        migration,
        State.ROLLING_BACK,
        now=now,
        by=operator,
        reason=reason,
        rollback_phase="stopping",
        rollback_waits="",
        failure=None,
        probe_invocation_id="",
        due_at=now,
    )
    # A person decided against the result. Therefore the migration now counts as failed, and no longer as a validated canary.
    effects: list[Effect] = [CountOutcome("failed"), ReleaseSlot(), *_cleanup_effects(migration)]
    return _step_with_effects(
        taken, effects, events.migration_event(taken.after, events.ROLLBACK_REQUESTED, stage="rollback", operator=operator)
    )


def _cleanup_effects(migration: Migration) -> tuple[Effect, ...]:
    """The effects that remove the migration's job, and then record SMC's backup copies of the disks. SMC may have made backup
    copies even if the job failed to start.
    """
    clean_up = CleanUpDriver(migration.handle, migration.hop)
    return (clean_up,) if _is_before_first_job(migration) else (clean_up, AdoptSnapshots())


def _step_with_effects(taken: Step, effects: list[Effect], event: events.Event) -> Step:
    return replace(taken, effects=tuple(effects), events=(event,))


def _refused_act_error(reason: str, migration: Migration, verb: str, remedy: str) -> Refused:
    sentence = f"Migration {migration.migration_id} is {migration.state.value}; it cannot be {verb}."
    return Refused(f"Migration.{reason}", sentence, remedy, status=409)
