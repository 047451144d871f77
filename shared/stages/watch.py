"""Watch: the tick and the events of ECS. It settles what a crash left owing, drives again what is due, and polls in bulk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from shared.domain import events
from shared.domain.batch import BatchState, Terms
from shared.domain.errors import ReplankError
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State
from shared.domain.timing import LOOK_AGAIN, LOST, back_off, is_a_look
from shared.ports.ports import Ports
from shared.stages.advance import settle_all
from shared.stages.closing import SETTLED
from shared.stages.offers import offer_slots
from shared.stages.watch_ecs import on_ecs_event
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
"""Which stage drives a state; migrating and restarting are watched here."""
_WATCHED_HERE = frozenset({State.MIGRATING, State.RESTARTING})
"""States in which nobody but the tick looks at a migration."""
OPEN_BATCHES = 500
"""A batch is closed once nothing in it can start any more, so that not many are open at a time."""


def run(message: Message, ports: Ports) -> Outcome:
    """One tick, an acknowledgement (look at once for what may start), or an event of ECS."""
    if message.source == "acs.ecs":
        return on_ecs_event(message, ports)
    if message.type == events.BATCH_ACKNOWLEDGED:
        terms = ports.batches.terms(str(message.data.get("batchId", "")))
        return Outcome("done", {"offered": offer_slots([terms], ports)})
    if message.data.get("payload") == "accounts":
        return _look_at_all_accounts(ports)
    return _run_tick(ports)


def _look_at_all_accounts(ports: Ports) -> Outcome:
    """Asked for by hand (`replank doctor`): whether each member account can be used now."""
    from shared.stages.accounts import look_at_every_account

    return Outcome("done", {"accounts": len(ports.members), "unusable": sorted(look_at_every_account(ports))})


def _run_tick(ports: Ports) -> Outcome:
    due = _workable(ports.migrations.due(ports.clock.now(), ports.limits.tick_page), ports)
    moved, driven = _handle_due([migration for migration in due if not migration.owes], ports)
    batches = ports.batches.open(OPEN_BATCHES)
    _resume_planning([batch for batch in batches if batch.state is BatchState.PLANNING], ports)
    offered = offer_slots([batch for batch in batches if batch.state is BatchState.OPEN], ports)
    # Last, because a service that does not answer takes what is left of the tick's time.
    late = [migration for migration in due if migration.owes and _settle(migration, ports)]
    moved_late, driven_late = _handle_due(late, ports)
    return Outcome("done", {"due": len(due), "driven": driven + driven_late, "moved": moved + moved_late, "offered": offered})


def _workable(due: list[Migration], ports: Ports) -> list[Migration]:
    """Those of accounts that can be used. What only the tick looks at is looked at all the same, because time limits hold."""
    if not ports.members:
        return due
    from shared.stages.accounts import look_at_accounts, put_off

    blocked = look_at_accounts(ports)
    watched = [each for each in due if each.state in _WATCHED_HERE or each.owes]
    return watched + put_off([each for each in due if each not in watched], blocked, ports)


def _handle_due(migrations: Sequence[Migration], ports: Ports) -> tuple[int, int]:
    """Watch those that move by themselves, drive the others; how many moved on, how many were driven."""
    by_state = {state: [each for each in migrations if each.state is state] for state in State}
    moved = _poll(watch_jobs, by_state[State.MIGRATING], ports) + _poll(watch_guests, by_state[State.RESTARTING], ports)
    return moved, _send_reminders([each for state in STAGE_OF for each in by_state[state]], ports)


def _settle(migration: Migration, ports: Ports) -> bool:
    """Carry out what the migration owes; afterwards it is looked at in the next tick, as its row then stands.

    True if it goes on now: it has moved on since, and what an earlier step cannot get rid of must not hold it up. Nor may what is
    still owed hide how a job or a guest stands, because nobody else looks: a launch owed for a job that is gone is a failure.
    """
    goes_on = migration.state in _WATCHED_HERE or max(migration.owes) < migration.entered_version
    try:
        if not goes_on:
            _postpone(migration, ports)
        if not settle_all(ports, migration):
            _LOG.warning("a step's effects are still owed", extra={"migrationId": migration.migration_id})
    except ReplankError as error:
        _LOG.error("a step's effects cannot be carried out: %s", error, extra={"migrationId": migration.migration_id})
    return goes_on


def _postpone(migration: Migration, ports: Ports) -> None:
    """Let others be looked at first the next time. Before the try, because one that takes too long ends the whole tick.

    What is at rest is tried ever less often; what a stage waits for, with every tick. Once it is settled its own time is in force.
    """
    now = ports.clock.now()
    at_rest = migration.state in SETTLED - {State.ROLLING_BACK}
    pause = back_off(now - migration.entered_at) if at_rest else LOOK_AGAIN
    ports.migrations.nudge(migration, now + pause)


def _poll(look: Callable[[Sequence[Migration], Ports], int], migrations: Sequence[Migration], ports: Ports) -> int:
    """One kind of polling; a service that does not answer spoils only its own part of the tick."""
    if not migrations:
        return 0
    try:
        return look(migrations, ports)
    except ReplankError as error:
        _LOG.warning("polling failed, the next tick tries again: %s", error)
        return 0


def _send_reminders(migrations: Sequence[Migration], ports: Ports) -> int:
    """Send each stage what it is to do, and leave it in peace for a while.

    If that is no longer than to the next tick, only what is late already goes to the end of the queue.
    The stage's own step takes everything else out of it. What does not get on must not keep the rest from being looked at.
    """
    now = ports.clock.now()
    nudge = events.reminder(now)
    due = [events.about(each, events.STEP_DUE, stage=STAGE_OF[each.state], nudge=nudge) for each in migrations]
    ports.bus.publish(due)
    for migration in migrations:
        if migration.state is State.SNAPSHOTTING:
            ports.migrations.nudge(migration, now + LOST)
        elif migration.due_at is None or now - migration.due_at > LOOK_AGAIN:
            ports.migrations.nudge(migration, now + LOOK_AGAIN)
    return len(due)


def _resume_planning(batches: Sequence[Terms], ports: Ports) -> None:
    """A batch still being planned after a while was interrupted, its event was lost, or a region does not answer."""
    now = ports.clock.now()
    waited = {batch.batch_id: now - batch.created_at for batch in batches}
    late = [batch_id for batch_id, since in waited.items() if since > LOST and is_a_look(since)]
    nudge = events.reminder(now)
    ports.bus.publish([events.about_batch(each, events.PLANNING_DUE, nudge=nudge) for each in late])
