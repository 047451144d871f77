"""Decides who removes the outbox of a step: the step's own invocation, or the stage that receives the step's event.

The receiving stage saves a call, because the removal is a part of its own next write. An outbox that nobody removes soon is sent
again by the tick, and then removed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.domain.events import INSTANCE_RESTARTED, SNAPSHOT_READY
from shared.domain.migration import Step
from shared.domain.timing import OUTBOX_GRACE

ANSWERED_BY_A_STEP = frozenset({SNAPSHOT_READY, INSTANCE_RESTARTED})
"""The types of events whose receiver writes a step at once, so that the receiver can remove the outbox.

PrecheckPassed is not among these types. After PrecheckPassed, the row enters the queue of its batch only once the outbox is
removed. The receiver may also have to wait for a slot.
"""


def is_removed_by_receiver(taken: Step) -> bool:
    """Whether the outbox of a step stays in the row for the stage that receives the step's event.

    The outbox must hold nothing but one event. A row with an outbox becomes due after OUTBOX_GRACE. If the row becomes due earlier
    anyway, the outbox is removed at once: it could only delay the tick that notices a lost event.
    """
    due_at = taken.after.due_at
    if taken.effects or len(taken.events) != 1 or due_at is None:
        return False
    return taken.events[0].type in ANSWERED_BY_A_STEP and due_at - taken.entry.at >= OUTBOX_GRACE


def holds_only_event(event_id: str, effects: Collection[object], event_ids: Sequence[str]) -> bool:
    """Whether an outbox with these effects and events holds nothing but the event with this id.

    The receiver of the event may remove such an outbox, because the event no longer needs to be sent.
    """
    return bool(event_id) and not effects and list(event_ids) == [event_id]
