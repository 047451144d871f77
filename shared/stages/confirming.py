"""Publishes one reminder for each batch whose migrations can be confirmed. The reminder itself confirms nothing."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared.domain import approvals, events
from shared.domain.batch import Batch, ready_to_confirm_at
from shared.domain.errors import ReplankError, Stale
from shared.domain.migration import State
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")

BATCHES_READ, MOST_PAGES = 100, 20
"""Maximum batches in one page, and maximum pages in one run."""
_SUBJECT = "confirmation"


def send_confirmation_reminders(ports: Ports) -> int:
    """Check the finished batches whose migrations wait for a confirmation. Return how many reminders were published."""
    now = ports.clock.now()
    told, token = 0, ""
    for _ in range(MOST_PAGES):
        page = ports.batches.batches_awaiting_confirmation(limit=BATCHES_READ, token=token)
        told += sum(_send_reminder_or_log_error(batch, now, ports) for batch in page.batches)
        token = page.next_token
        if not token:
            break
    return told


def _send_reminder_or_log_error(batch: Batch, now: datetime, ports: Ports) -> bool:
    """Send the reminder of one batch, if the reminder is due. An error is only logged, so that the other batches still get their
    reminders.
    """
    try:
        return _send_reminder_if_due(batch, now, ports)
    except ReplankError as error:
        _LOG.error("no reminder for batch %s: %s", batch.batch_id, error)
        return False


def _send_reminder_if_due(batch: Batch, now: datetime, ports: Ports) -> bool:
    ready_at = ready_to_confirm_at(batch.summary)
    if ready_at is None or now < ready_at:
        return False
    waiting = ports.migrations.state_counts(batch.batch_id)[State.MIGRATED]
    if not waiting:
        _stop_reminders_of_batch(batch, ports)
        return False
    event = f"{batch.control.validated_at:%Y-%m-%dT%H:%M:%SZ}"
    if approvals.is_event_published(batch, _SUBJECT, event):
        return False
    after = approvals.batch_with_published_event(batch, _SUBJECT, event)
    # The event is published before the batch is updated. A repeated event is harmless, because it has the same id. A crash between
    # the two calls then loses no event.
    facts = {"version": after.version, "migrated": waiting, "validatedAt": event, "days": batch.policy.confirm_after_days}
    ports.bus.publish([events.batch_event(batch.batch_id, events.READY_TO_CONFIRM, **facts)])
    with suppress(Stale):
        ports.batches.commit(batch, after)
    return True


def _stop_reminders_of_batch(batch: Batch, ports: Ports) -> None:
    """Remove the batch from the index of batches that wait for a confirmation."""
    control = replace(batch.control, validated_at=None)
    with suppress(Stale):
        ports.batches.commit(batch, replace(batch, control=control, version=batch.version + 1))
