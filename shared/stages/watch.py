"""The watch stage: handles the one-minute tick and the events of ECS.

The tick carries out outboxes that a crash left behind, and polls jobs and guests in bulk. It sends a reminder for each due
migration to its stage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from shared.domain import events
from shared.domain.batch import BatchState, BatchSummary
from shared.domain.commands import UNDER_WAY
from shared.domain.errors import ReplankError
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State
from shared.domain.timing import (
    LOOK_AGAIN,
    LOST,
    MEDIA_MINUTE,
    PROTECTION_MINUTE,
    REMINDER_MINUTE,
    TICK_RECORD_MINUTE,
    TICK_RECORD_MINUTES,
    interval_before_retry,
    is_retry_tick,
)
from shared.ports.ports import Ports
from shared.stages.advance import settle_outboxes
from shared.stages.closing import SETTLED
from shared.stages.offers import offer_slots
from shared.stages.watch_ecs import handle_ecs_event
from shared.stages.watch_guests import watch_guests
from shared.stages.watch_jobs import watch_jobs

_LOG = logging.getLogger("replank")

STAGE_OF = {
    State.ACCEPTED: "precheck",
    State.PRECHECKING: "precheck",
    State.SNAPSHOTTING: "snapshot",
    State.SNAPSHOTTED: "migrate",
    State.VALIDATING: "validate",
    State.ROLLING_BACK: "rollback",
}
"""For each state, the stage that works on migrations in this state. The watch function itself checks migrations in the states
migrating and restarting.
"""
_WATCHED_HERE = frozenset({State.MIGRATING, State.RESTARTING})
"""The states in which only the watch stage checks a migration."""
OPEN_BATCHES = 500
"""Maximum open batches that one tick reads.

Few batches are open at the same time, because a batch in which no migration can start is closed.
"""
SLOTS_REFILLED, BATCHES_REFILLED, SIZE_REFILLED = 200, 10, 1_000
"""A released slot is offered immediately only up to these sizes: slots of the account, open batches, and migrations of one
batch.

To choose a migration for the slot, all slot holders and the queues of all batches are read. In a larger deployment the next
tick makes the offer.
"""


def handle_message(message: Message, ports: Ports) -> Outcome:
    """React to a tick, to the acknowledgement of a batch, to the release of a slot, or to an event of ECS."""
    if message.source == "acs.ecs":
        return handle_ecs_event(message, ports)
    if message.type == events.BATCH_ACKNOWLEDGED:
        summary = ports.batches.load_summary(str(message.data.get("batchId", "")))
        return Outcome("done", {"offered": offer_slots([summary], ports)})
    if message.type in events.SLOT_RELEASED:
        return _offer_released_slot(ports)
    if message.data.get("payload") == "accounts":
        from shared.stages.account_checks import check_every_account  # only `replank doctor` asks for it

        return check_every_account(ports)
    return _run_tick(ports)


def _offer_released_slot(ports: Ports) -> Outcome:
    """Offer a released slot immediately to the migration that the next tick would choose."""
    few = ports.limits.max_moving <= SLOTS_REFILLED
    batches = ports.batches.open_batches(BATCHES_REFILLED + 1) if few else []
    if not few or len(batches) > BATCHES_REFILLED or any(batch.size > SIZE_REFILLED for batch in batches):
        return Outcome("waiting", {"reason": "the next tick offers the slot"})
    offered = offer_slots([batch for batch in batches if batch.state is BatchState.OPEN], ports, at_tick=False)
    return Outcome("done", {"offered": offered})


def _run_tick(ports: Ports) -> Outcome:
    due = _recheck_accounts_and_select_migrations(
        ports.migrations.list_due_and_postpone_unreadable(ports.clock.now(), ports.limits.tick_page), ports
    )
    moved, driven = _poll_or_remind_due_migrations([migration for migration in due if not migration.owes], ports)
    batches = ports.batches.open_batches(OPEN_BATCHES)
    _resume_planning([batch for batch in batches if batch.state is BatchState.PLANNING], ports)
    offered = offer_slots([batch for batch in batches if batch.state is BatchState.OPEN], ports)
    _write_tick_time(ports)
    # The outboxes come last, because a service that does not answer uses up the rest of the tick's time.
    late = [migration for migration in due if migration.owes and _settle_outboxes(migration, ports)]
    moved_late, driven_late = _poll_or_remind_due_migrations(late, ports)
    _send_confirmation_reminders(ports)
    _switch_off_leftover_protections(ports)
    _remove_leftover_media_disks(ports)
    return Outcome("done", {"due": len(due), "driven": driven + driven_late, "moved": moved + moved_late, "offered": offered})


def _write_tick_time(ports: Ports) -> None:
    """Every five minutes, store the present time, which `GET /v1/health` reads. A tick that cannot store its time continues all
    the same.
    """
    now = ports.clock.now()
    if now.minute % TICK_RECORD_MINUTES != TICK_RECORD_MINUTE:
        return
    try:
        ports.ticks.write_tick_time(now)
    except ReplankError as error:
        _LOG.warning("the time of this tick is not stored: %s", error)


def _send_confirmation_reminders(ports: Ports) -> None:
    """Once an hour, remind people of the batches that are ready to confirm."""
    if ports.clock.now().minute != REMINDER_MINUTE:
        return
    # rarely needed: this import would slow down every start of the function
    from shared.stages.confirming import send_confirmation_reminders

    try:
        send_confirmation_reminders(ports)
    except ReplankError as error:
        _LOG.warning("no reminders of confirmations in this hour: %s", error)


def _switch_off_leftover_protections(ports: Ports) -> None:
    """Once an hour, switch off the deletion protections that earlier migrations left on."""
    if ports.clock.now().minute != PROTECTION_MINUTE:
        return
    from shared.stages.protection import switch_off_leftover_protections  # rarely needed, like the reminders

    try:
        switch_off_leftover_protections(ports)
    except ReplankError as error:
        _LOG.warning("deletion protections are not checked in this hour: %s", error)


def _remove_leftover_media_disks(ports: Ports) -> None:
    """Every ten minutes, take a step of removing each media disk that no migration needs. ECS needs minutes for each step."""
    if ports.clock.now().minute % 10 != MEDIA_MINUTE or not ports.media_disks.may_have_rows():
        return
    from shared.stages.media_disks import remove_leftover_media_disks  # rarely needed, like the reminders

    try:
        remove_leftover_media_disks(ports)
    except ReplankError as error:
        _LOG.warning("media disks are not checked now: %s", error)


def _recheck_accounts_and_select_migrations(due: list[Migration], ports: Ports) -> list[Migration]:
    """Check blocked accounts again. Return the due migrations whose accounts can be used.

    Migrations that only the tick checks are always included, so that their time limits still apply.
    """
    if not ports.member_accounts:
        return due
    from shared.stages.accounts import postpone_blocked_migrations, recheck_blocked_accounts

    blocked = recheck_blocked_accounts(ports)
    watched = [each for each in due if each.state in _WATCHED_HERE or each.owes]
    return watched + postpone_blocked_migrations([each for each in due if each not in watched], blocked, ports)


def _poll_or_remind_due_migrations(migrations: Sequence[Migration], ports: Ports) -> tuple[int, int]:
    """Poll the jobs and guests of migrations in the states migrating and restarting. Send a reminder to the stage of every other
    migration.

    Return how many migrations changed their state, and how many reminders were sent.
    """
    by_state = {state: [each for each in migrations if each.state is state] for state in State}
    moved = _poll_or_log_error(watch_jobs, by_state[State.MIGRATING], ports) + _poll_or_log_error(
        watch_guests, by_state[State.RESTARTING], ports
    )
    return moved, _send_reminders([each for state in STAGE_OF for each in by_state[state]], ports)


def _settle_outboxes(migration: Migration, ports: Ports) -> bool:
    """Carry out the migration's outboxes. Return whether this tick also works on the migration itself.

    The tick works on every migration that no other stage checks. It also works on a migration that has changed its state since the
    outbox was written, because a leftover outbox must not delay the migration.
    """
    goes_on = migration.state in _WATCHED_HERE or max(migration.owes) < migration.entered_version
    try:
        if not goes_on:
            _postpone_migration(migration, ports)
        if not settle_outboxes(ports, migration):
            _LOG.warning("a step's effects stay in the outbox", extra={"migrationId": migration.migration_id})
    except ReplankError as error:
        _LOG.error("a step's effects cannot be carried out: %s", error, extra={"migrationId": migration.migration_id})
    return goes_on


def _postpone_migration(migration: Migration, ports: Ports) -> None:
    """Set a later due time before an outbox is carried out, so that other migrations come first in the next tick.

    An outbox may take so long that the tick's time runs out. Outboxes of settled migrations are tried again after growing pauses,
    and all other outboxes in every tick.
    """
    now = ports.clock.now()
    at_rest = migration.state in SETTLED - {State.ROLLING_BACK}
    pause = interval_before_retry(now - migration.effects_due_since) if at_rest else LOOK_AGAIN
    ports.migrations.change_due_time(migration, now + pause)


def _poll_or_log_error(look: Callable[[Sequence[Migration], Ports], int], migrations: Sequence[Migration], ports: Ports) -> int:
    """Poll all jobs or all guests. If the polled service does not answer, log the error and continue the tick."""
    if not migrations:
        return 0
    try:
        return look(migrations, ports)
    except ReplankError as error:
        _LOG.warning("polling failed, the next tick tries again: %s", error)
        return 0


def _send_reminders(migrations: Sequence[Migration], ports: Ports) -> int:
    """Send a reminder for each due migration to its stage, and postpone the migrations that make no progress.

    A stage sets the due time of a migration that makes progress. A migration without progress goes to the end of the queue, so that
    it does not block other migrations. Return how many reminders were sent.
    """
    now = ports.clock.now()
    nudge = events.reminder_id(now)
    due = [events.migration_event(each, events.STEP_DUE, stage=STAGE_OF[each.state], nudge=nudge) for each in migrations]
    ports.bus.publish(due)
    pauses = {
        each.migration_id: LOST if each.state is State.SNAPSHOTTING and each.commands.phase not in UNDER_WAY else LOOK_AGAIN
        for each in migrations
    }
    ports.migrations.change_due_times(
        [
            (each, now + pauses[each.migration_id])
            for each in migrations
            if pauses[each.migration_id] is LOST or each.due_at is None or now - each.due_at > LOOK_AGAIN
        ]
    )
    return len(due)


def _resume_planning(batches: Sequence[BatchSummary], ports: Ports) -> None:
    """Start the planning of a batch again if it was interrupted, if its event was lost, or if a region did not answer."""
    now = ports.clock.now()
    waited = {batch.batch_id: now - batch.created_at for batch in batches}
    late = [batch_id for batch_id, since in waited.items() if since > LOST and is_retry_tick(since)]
    nudge = events.reminder_id(now)
    ports.bus.publish([events.batch_event(each, events.PLANNING_DUE, nudge=nudge) for each in late])
