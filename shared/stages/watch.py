"""Watch: the tick and the events of ECS.

It settles outboxes that a crash left behind, calls the stages that are due, and polls in bulk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from shared.domain import events
from shared.domain.batch import BatchState, Terms
from shared.domain.commands import UNDER_WAY
from shared.domain.errors import ReplankError
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State
from shared.domain.timing import LOOK_AGAIN, LOST, REMINDER_MINUTE, back_off, is_retry_tick
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
"""The stage that drives each state; migrating and restarting are watched here."""
_WATCHED_HERE = frozenset({State.MIGRATING, State.RESTARTING})
"""States in which only the tick looks at a migration."""
OPEN_BATCHES = 500
"""Maximum open batches; a batch is closed once nothing in it can start, so few are open at a time."""


def run(message: Message, ports: Ports) -> Outcome:
    """Handle a tick, an acknowledgement (what may start now?), or an event of ECS."""
    if message.source == "acs.ecs":
        return handle_ecs_event(message, ports)
    if message.type == events.BATCH_ACKNOWLEDGED:
        terms = ports.batches.terms(str(message.data.get("batchId", "")))
        return Outcome("done", {"offered": offer_slots([terms], ports)})
    if message.data.get("payload") == "accounts":
        return _check_all_accounts(ports)
    return _run_tick(ports)


def _check_all_accounts(ports: Ports) -> Outcome:
    """Check whether each member account can be used now, for `replank doctor`."""
    from shared.stages.accounts import check_every_account

    return Outcome("done", {"accounts": len(ports.members), "unusable": sorted(check_every_account(ports))})


def _run_tick(ports: Ports) -> Outcome:
    due = _workable_migrations(ports.migrations.due(ports.clock.now(), ports.limits.tick_page), ports)
    moved, driven = _handle_due_migrations([migration for migration in due if not migration.owes], ports)
    batches = ports.batches.open(OPEN_BATCHES)
    _resume_planning([batch for batch in batches if batch.state is BatchState.PLANNING], ports)
    offered = offer_slots([batch for batch in batches if batch.state is BatchState.OPEN], ports)
    # Last, because a service that does not answer takes what is left of the tick's time.
    late = [migration for migration in due if migration.owes and _settle_outboxes(migration, ports)]
    moved_late, driven_late = _handle_due_migrations(late, ports)
    _remind_of_confirmations(ports)
    return Outcome("done", {"due": len(due), "driven": driven + driven_late, "moved": moved + moved_late, "offered": offered})


def _remind_of_confirmations(ports: Ports) -> None:
    """Once an hour, remind a person of each batch that is ready to confirm."""
    if ports.clock.now().minute != REMINDER_MINUTE:
        return
    from shared.stages.confirming import remind_of_confirmations  # seldom needed, and every start would pay for it

    try:
        remind_of_confirmations(ports)
    except ReplankError as error:
        _LOG.warning("no reminders of confirmations in this hour: %s", error)


def _workable_migrations(due: list[Migration], ports: Ports) -> list[Migration]:
    """The migrations whose accounts can be used.

    Those that only the tick looks at are included anyway, because time limits apply.
    """
    if not ports.members:
        return due
    from shared.stages.accounts import check_troubled_accounts, postpone_blocked_migrations

    blocked = check_troubled_accounts(ports)
    watched = [each for each in due if each.state in _WATCHED_HERE or each.owes]
    return watched + postpone_blocked_migrations([each for each in due if each not in watched], blocked, ports)


def _handle_due_migrations(migrations: Sequence[Migration], ports: Ports) -> tuple[int, int]:
    """Watch migrations that move by themselves and drive the others; returns how many moved on and how many were driven."""
    by_state = {state: [each for each in migrations if each.state is state] for state in State}
    moved = _poll_or_log(watch_jobs, by_state[State.MIGRATING], ports) + _poll_or_log(
        watch_guests, by_state[State.RESTARTING], ports
    )
    return moved, _send_reminders([each for state in STAGE_OF for each in by_state[state]], ports)


def _settle_outboxes(migration: Migration, ports: Ports) -> bool:
    """Carry out the migration's outboxes; the next tick then looks at its row again.

    True if it goes on in this tick: it has moved on, and an old outbox that cannot be settled must not delay it. An open outbox
    must not hide the state of a job or a guest either, because nobody else looks. A pending launch of a job that is gone is a
    failure.
    """
    goes_on = migration.state in _WATCHED_HERE or max(migration.owes) < migration.entered_version
    try:
        if not goes_on:
            _postpone_migration(migration, ports)
        if not settle_outboxes(ports, migration):
            _LOG.warning("a step's effects are still owed", extra={"migrationId": migration.migration_id})
    except ReplankError as error:
        _LOG.error("a step's effects cannot be carried out: %s", error, extra={"migrationId": migration.migration_id})
    return goes_on


def _postpone_migration(migration: Migration, ports: Ports) -> None:
    """Put the migration off, so that others come first next time. This comes before the try, because a try that takes too long
    ends the whole tick.

    A migration at rest is tried with growing pauses; one that a stage waits for, with every tick. Once its outbox is settled,
    its own due time applies.
    """
    now = ports.clock.now()
    at_rest = migration.state in SETTLED - {State.ROLLING_BACK}
    pause = back_off(now - migration.entered_at) if at_rest else LOOK_AGAIN
    ports.migrations.nudge(migration, now + pause)


def _poll_or_log(look: Callable[[Sequence[Migration], Ports], int], migrations: Sequence[Migration], ports: Ports) -> int:
    """Run one kind of polling; a service that does not answer affects only its own part of the tick."""
    if not migrations:
        return 0
    try:
        return look(migrations, ports)
    except ReplankError as error:
        _LOG.warning("polling failed, the next tick tries again: %s", error)
        return 0


def _send_reminders(migrations: Sequence[Migration], ports: Ports) -> int:
    """Send each stage its reminders, then leave the migrations alone for a while.

    If this ends before the next tick, only overdue migrations go to the end of the queue.
    The others leave the queue by their stage's own step. A migration that makes no progress must not block the rest.
    """
    now = ports.clock.now()
    nudge = events.reminder(now)
    due = [events.about(each, events.STEP_DUE, stage=STAGE_OF[each.state], nudge=nudge) for each in migrations]
    ports.bus.publish(due)
    for migration in migrations:
        if migration.state is State.SNAPSHOTTING and migration.commands.phase not in UNDER_WAY:
            ports.migrations.nudge(migration, now + LOST)
        elif migration.due_at is None or now - migration.due_at > LOOK_AGAIN:
            ports.migrations.nudge(migration, now + LOOK_AGAIN)
    return len(due)


def _resume_planning(batches: Sequence[Terms], ports: Ports) -> None:
    """Resume the planning of batches that was interrupted, lost its event, or waits for a silent region."""
    now = ports.clock.now()
    waited = {batch.batch_id: now - batch.created_at for batch in batches}
    late = [batch_id for batch_id, since in waited.items() if since > LOST and is_retry_tick(since)]
    nudge = events.reminder(now)
    ports.bus.publish([events.batch_event(each, events.PLANNING_DUE, nudge=nudge) for each in late])
