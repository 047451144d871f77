"""Advances a migration by one step: commits the step, and then carries out the effects in the step's outbox. An error that needs a
person fails the migration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from shared.domain import events
from shared.domain.drivers import driver_traits
from shared.domain.effects import (
    AdoptSnapshots,
    CountOutcome,
    Effect,
    LaunchDriver,
    ReleaseSlot,
    RollBackUnasked,
    calls_the_cloud,
    effects_to_run_post_command_after_failure,
)
from shared.domain.errors import NOT_KEPT, AccountUnusable, Permanent, Refused, ReplankError, Stale, Transient
from shared.domain.limits import requeue_migration
from shared.domain.message import Message, Outcome
from shared.domain.migration import (
    ADMITTED,
    TRANSITIONS,
    Failure,
    Migration,
    MissingCommand,
    State,
    Step,
    ToolLog,
    step_to_state,
)
from shared.domain.outbox import is_removed_by_receiver
from shared.domain.timing import LOOK_AGAIN, START_LIMIT, duration_in_words
from shared.ports.migrations import Outbox
from shared.ports.ports import Ports
from shared.stages.effects import perform_effect
from shared.stages.slots import STATES_BEFORE_ADMISSION, release_slot, release_unneeded_slot_and_lock

_LOG = logging.getLogger("replank")


def advance_migration(ports: Ports, taken: Step) -> Migration:
    """Commit the step, carry out its effects and publish its events. Return the migration as it is after the step.

    Raises Stale if the row has changed since it was read. Failed effects and events stay in the outbox, and the next ticks try
    them again. An outbox with a single event stays if the receiver of the event will remove it.
    """
    ports.migrations.commit(taken)
    after = taken.after
    if not (taken.effects or taken.events):
        return after
    owed = Outbox(after.version, taken.effects, taken.events)
    if settle_outbox(ports, after, owed, stays=is_removed_by_receiver(taken)):
        return after
    return replace(after, owes=(*after.owes, after.version))


def advance_migrations(ports: Ports, steps: Sequence[Step]) -> list[bool]:
    """Commit many steps and publish their events, in few calls. Return True for each step that was committed. The steps have no
    effects.

    The caller takes every other step alone with ``advance_migration``, which tells why the step cannot be committed. If an event
    cannot be published, the outboxes stay, and the next ticks send their events again.
    """
    committed = ports.migrations.commit_steps(steps)
    taken = [step for step, is_committed in zip(steps, committed, strict=True) if is_committed]
    try:
        ports.bus.publish([event for step in taken for event in step.events])
        ports.migrations.remove_last_outboxes([step.after for step in taken])
    except (Transient, Permanent) as error:
        facts = {"migrationIds": [step.after.migration_id for step in taken]}
        level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
        _LOG.log(level, "the events stay in the outboxes: %s", error, extra={"facts": facts})
    return committed


def settle_outbox(ports: Ports, migration: Migration, owed: Outbox, *, quietly: bool = False, stays: bool = False) -> bool:
    """Carry out the effects and publish the events of one outbox. Remove the outbox if nothing has failed, unless ``stays`` is
    true. Return False if the outbox stays.

    An event that the bus refuses does not fail the migration, because the step is already committed. If ``quietly`` is true, no
    event is published while an effect fails. Otherwise, a step whose effect always fails could wake the same stage again and
    again.
    """
    left = [effect for effect in owed.effects if not _carry_out_effect(effect, migration, ports)]
    if quietly and left:
        return False
    try:
        ports.bus.publish(owed.events)
        if left or stays:
            return False
        ports.migrations.remove_outbox(migration, owed.version)
    except Transient:
        return False
    except Permanent as error:
        _LOG.error("the events stay in the outbox: %s", error, extra={"migrationId": migration.migration_id})
        return False
    return True


def settle_outboxes(ports: Ports, migration: Migration, *, quietly: bool = False) -> bool:
    """Carry out the effects and publish the events of a migration's outboxes, oldest outbox first. Return False if an effect or
    event stays in an outbox.

    Skip the outbox of a step that was committed after ``migration`` was read, because its effects need the newer row.
    """
    settled = [
        owed.version <= migration.version and settle_outbox(ports, migration, owed, quietly=quietly)
        for owed in ports.migrations.outboxes(migration.migration_id)
    ]
    return all(settled)


def remove_received_outbox(migration: Migration, ports: Ports) -> None:
    """Remove the outbox whose only event this stage has received. A stage that waits without writing a step calls this function.

    If the removal fails, the tick sends the event again and then removes the outbox.
    """
    if migration.received:
        with suppress(Transient, Permanent):
            ports.migrations.remove_outbox(migration, migration.received)


def reload_migration(migration: Migration, ports: Ports) -> Migration:
    """Read the migration's row again, and return the migration. If the row still has the outbox whose only event this stage has
    received, the next write of the row removes the outbox.
    """
    now = ports.migrations.load(migration.migration_id)
    return replace(now, received=migration.received) if migration.received in now.owes else now


class LaunchRefused(Permanent):
    """Raised if the driver refuses to start the job. Only the refusal of this effect fails the migration; other refused effects
    do not.
    """


class GuestDiffersFromBaseline(Permanent):
    """Raised if the guest differs from its baseline after the move.

    If the guest differs from its baseline, the batch's policy may allow an automatic rollback.
    """


def _carry_out_effect(effect: Effect, migration: Migration, ports: Ports) -> bool:
    if calls_the_cloud(effect) and not ports.drivers:
        return False
    try:
        perform_effect(effect, migration, ports.ports_for_migration(migration) if calls_the_cloud(effect) else ports)
    except ReplankError as error:
        record_error_if_account_refusal(error, ports)
        if isinstance(effect, LaunchDriver) and not isinstance(error, Transient):
            raise LaunchRefused(error.code, error.message, error.remedy) from error
        level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
        _LOG.log(
            level,
            "the effect %s stays in the outbox: %s",
            type(effect).__name__,
            error,
            extra={"migrationId": migration.migration_id},
        )
        return False
    return True


def load_current_migration(message: Message, ports: Ports, states: frozenset[State]) -> Migration:
    """Load the migration that a message names.

    Raises Stale if the migration is not in one of ``states``, or if the message is older than the migration's state.
    """
    migration = ports.migrations.load(_id_of_named_migration(message), event_id=message.event_id)
    if message.type == events.COMMAND_ENDED and not migration.awaits_command(str(message.data.get("invokeId", ""))):
        raise Stale("Command.NotAwaited", f"Migration {migration.migration_id} does not wait for this command.", "Nothing to do.")
    version = message.data.get("version")
    if migration.state not in states or (isinstance(version, int) and version < migration.entered_version):
        raise Stale(
            "Migration.Moved",
            f"{message.type} of version {version} is outdated: the migration has been {migration.state.value} since version "
            f"{migration.entered_version}.",
            "Nothing to do.",
        )
    return migration


def run_stage_or_fail_migration(
    message: Message,
    ports: Ports,
    states: frozenset[State],
    giving_up: tuple[str, str],
    body: Callable[[Migration, Ports], Outcome],
) -> Outcome:
    """Run the stage's function ``body`` on the migration that the message names. An error that needs a person fails the migration.

    The argument ``giving_up`` is a pair: the stage's name, and the type of the event that reports a failure.
    """
    if events.is_end_of_kept_command(message.type, _command_name(message)):
        message = _message_with_migration_id(message, ports)
        if not _id_of_named_migration(message):
            # The probe of a dry run, for example. There is no row to load, and nothing is wrong.
            raise Stale("Command.NotAwaited", "No migration holds the instance in which this command ended.", "Nothing to do.")
    try:
        migration = load_current_migration(message, ports, states)
        try:
            return _run_stage_in_account(body, migration, giving_up[0], ports)
        except (Permanent, Refused) as error:
            return _fail_migration_if_unchanged(migration, ports, states, giving_up, error)
    except Stale:
        release_unneeded_slot_and_lock(_id_of_named_migration(message), ports)
        raise


def _id_of_named_migration(message: Message) -> str:
    """Return the id of the migration that the message concerns.

    If the message says that a command has ended, the id is part of the command's name, unless the account keeps the command.
    """
    name = _command_name(message)
    if message.type == events.COMMAND_ENDED and not events.is_end_of_kept_command(message.type, name):
        return events.migration_id_in_command(name)
    return str(message.data.get("migrationId", ""))


def _command_name(message: Message) -> str:
    return str(message.data.get("commandName", ""))


def _message_with_migration_id(message: Message, ports: Ports) -> Message:
    """Return the message about the end of a kept command, with the migration that has locked the command's instance.

    A dry run locks no instance, so the tick finds the end of its command.
    """
    account, region_id = ports.account_as_stored(message.account_id), str(message.data.get("regionId") or message.region_id)
    where = (region_id, str(message.data.get("instanceId", "")))
    holder = "" if account is None or not all(where) else ports.admission.instance_lock_holder(*where, account=account)
    return replace(message, data={**message.data, "migrationId": holder})


def _run_stage_in_account(body: Callable[[Migration, Ports], Outcome], migration: Migration, stage: str, ports: Ports) -> Outcome:
    try:
        done = body(migration, ports.ports_for_migration(migration))
    except AccountUnusable as error:
        return _make_migration_wait_for_account(migration, error, ports)
    except Transient as error:
        if error.code == NOT_KEPT and migration.state in TRANSITIONS[migration.state]:
            return _wait_for_missing_command(migration, error, stage, ports)
        if migration.state in STATES_BEFORE_ADMISSION:
            _record_delayed_start_or_fail(migration, error, ports)
        raise
    if migration.lacks is not None:
        record_missing_command(migration, "", stage, ports)
    return done


def record_missing_command(migration: Migration, todo: str, stage: str, ports: Ports) -> None:
    """Record what a person has to do because a kept command is missing; ``todo`` is empty if no command is missing any more.

    If the row has changed since it was read, nothing is recorded.
    """
    row = ports.migrations.load(migration.migration_id)
    if row.version != migration.version or todo == (row.lacks.todo if row.lacks else ""):
        return
    now = ports.clock.now()
    lacks = MissingCommand(todo, row.lacks.since if row.lacks else now) if todo else None
    reason = NOT_KEPT if todo else "the missing command is there"
    due_at = row.due_at or now + LOOK_AGAIN
    with suppress(Stale):
        advance_migration(ports, step_to_state(row, row.state, now=now, by=stage, reason=reason, lacks=lacks, due_at=due_at))


def _wait_for_missing_command(migration: Migration, error: Transient, stage: str, ports: Ports) -> Outcome:
    """Make the migration wait until its account keeps the command. Raises Permanent (Command.MissingTooLong) after START_LIMIT.

    A rollback never ends with this error, because it has a longer limit of its own.
    """
    since = migration.lacks.since if migration.lacks else None
    if since is not None and ports.clock.now() - since > START_LIMIT and migration.state is not State.ROLLING_BACK:
        waited = f"The migration waited for {duration_in_words(START_LIMIT)}: {error.message}"
        raise Permanent("Command.MissingTooLong", waited, error.remedy) from error
    record_missing_command(migration, error.remedy, stage, ports)
    return Outcome("waiting", {"state": migration.state.value, "code": error.code, "reason": error.message})


def record_error_if_account_refusal(error: ReplankError, ports: Ports) -> None:
    """Record the error only if it shows that a member account refuses the pipeline's calls."""
    if isinstance(error, AccountUnusable):
        from shared.stages.accounts import record_account_refusal  # only a deployment with member accounts needs it

        record_account_refusal(error, ports)


def _make_migration_wait_for_account(migration: Migration, error: AccountUnusable, ports: Ports) -> Outcome:
    """Make the migration wait until its account can be used again.

    The migration keeps its place in the queue. The migration's slot is released unless the job may be running.
    """
    record_error_if_account_refusal(error, ports)
    row = reload_migration(migration, ports)
    if ports.admission.slot_use(row.batch_id, row.migration_id).since:
        begun = row.state is State.SNAPSHOTTED and driver_traits(row.driver).attended and row.handle.began_at is not None
        if row.state in ADMITTED | {State.SNAPSHOTTED} and not begun:
            advance_migration(ports, requeue_migration(row, error.code, by="watch", now=ports.clock.now()))
        elif row.state in STATES_BEFORE_ADMISSION:
            release_slot(row, ports)
    facts = {"state": row.state.value, "code": error.code, "reason": error.message, "accountId": error.account_id}
    return Outcome("waiting", facts)


def _record_delayed_start_or_fail(migration: Migration, error: Transient, ports: Ports) -> None:
    """Record the time from which a migration with a slot could not start.

    A migration that cannot start within START_LIMIT fails, so that other migrations can use its slot.
    """
    now = ports.clock.now()
    row = ports.migrations.load(migration.migration_id)
    if row.version != migration.version or not ports.admission.slot_use(row.batch_id, row.migration_id).since:
        return
    if row.stalled_at is not None and now - row.stalled_at > START_LIMIT:
        raise Permanent(
            "Start.Stalled",
            f"The migration held a slot for {duration_in_words(START_LIMIT)} and could not begin: {error.message}",
            "The instance was not changed meanwhile. See in the service's console why the service does not answer, then retry.",
        ) from error
    if row.stalled_at is None and row.state in ADMITTED:
        reason = f"holds a slot and cannot begin yet: {error.code}"
        advance_migration(ports, step_to_state(row, row.state, now=now, by="snapshot", reason=reason, stalled_at=now))


def _fail_migration_if_unchanged(
    migration: Migration, ports: Ports, states: frozenset[State], giving_up: tuple[str, str], error: ReplankError
) -> Outcome:
    """Record the error as the migration's failure, unless the migration has changed its state or attempt in the meantime."""
    stage, event_type = giving_up
    now = reload_migration(migration, ports)
    mine = states | {State.MIGRATING} if isinstance(error, LaunchRefused) else states
    if now.state not in mine or now.attempt != migration.attempt:
        raise Stale(
            "Migration.Moved", f"The migration is {now.state.value} by now. The error meanwhile: {error}", "Nothing to do."
        ) from error
    return fail_migration(ports, now, stage, event_type, error)


def fail_migration(
    ports: Ports, migration: Migration, stage: str, event_type: str, error: ReplankError, *, copied: bool = False
) -> Outcome:
    """Move the migration to the state ``failed``, and release its slot. The failure counts against the batch's failure budget.

    The argument ``copied`` is true if SMC had already made its own copies of the disks when the job failed.
    """
    failure = Failure(stage, error.code, error.message, error.remedy)
    now = ports.clock.now()
    log = ToolLog(now, migration.hop, migration.attempt, error.log) if error.log else migration.tool_log
    taken = step_to_state(
        migration, State.FAILED, now=now, by=stage, reason=error.code, failure=failure, tool_log=log, probe_invocation_id=""
    )
    # CountOutcome comes before ReleaseSlot: the failure must be counted before another migration can take the slot.
    effects: list[Effect] = [CountOutcome("failed"), ReleaseSlot(), *effects_to_run_post_command_after_failure(migration, stage)]
    if migration.handle.job_id:
        effects.insert(0, AdoptSnapshots(migration.hop, migration.attempt, copied))
    if isinstance(error, GuestDiffersFromBaseline) and ports.batches.load_summary(migration.batch_id).policy.automatic_rollback:
        effects.append(RollBackUnasked(taken.after.version))
    told = events.migration_event(taken.after, event_type, code=error.code, reason=error.message, remedy=error.remedy)
    advance_migration(ports, replace(taken, effects=tuple(effects), events=(told,)))
    return Outcome("failed", {"state": "failed", "code": error.code, "reason": error.message})
