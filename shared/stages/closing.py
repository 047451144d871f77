"""Closes a batch in which no migration can start any more. The tick skips closed batches. A retry opens the batch again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from shared.domain import events
from shared.domain.batch import BatchState, BatchSummary
from shared.domain.errors import Stale
from shared.domain.migration import TERMINAL, Migration, State
from shared.ports.ports import Ports

SETTLED = TERMINAL | {State.MIGRATED, State.CONFIRMED, State.FAILED, State.ROLLING_BACK}
"""States in which a migration needs a slot only if a person retries the migration."""


def close_batch_if_settled(summary: BatchSummary, ports: Ports) -> bool:
    """Close a batch if all its migrations are settled. Return whether the batch was closed."""
    states: dict[str, State] = {}  # by id, because a lagging index may show a row under its old and its new state
    validated_at: datetime | None = None
    token = ""
    while True:
        page = ports.migrations.migration_page_of_batch(summary.batch_id, state=None, limit=100, token=token)
        # A row that cannot be read may still wait for a slot. If its batch were closed, the tick would skip the row even after it
        # becomes readable.
        if page.unreadable or any(each.state not in SETTLED for each in page.migrations):
            return False
        states |= {each.migration_id: each.state for each in page.migrations}
        validated_at = max(filter(None, (validated_at, *map(_validation_time, page.migrations))), default=None)
        token = page.next_token
        if not token:
            break
    if len(states) < summary.size:
        return False  # the index lags, and a migration that it does not show may wait for a slot
    ports.admission.delete_slot_count(summary.batch_id)
    # The event is published before the batch is closed. A repeated event is harmless, because it has the same id. A crash between
    # the two calls then loses no event.
    counts = Counter(each.value for each in states.values())
    told = {"version": summary.version + 1, "size": summary.size, "counts": dict(sorted(counts.items()))}
    ports.bus.publish([events.batch_event(summary.batch_id, events.BATCH_DONE, **told)])
    return _write_batch_state(summary, BatchState.CLOSED, ports, validated_at)


def reopen_batch_if_closed(summary: BatchSummary, ports: Ports) -> bool:
    """Open a closed batch again. Return whether the batch's state was changed."""
    return summary.state is BatchState.CLOSED and _write_batch_state(summary, BatchState.OPEN, ports, None)


def _validation_time(migration: Migration) -> datetime | None:
    """Return the time of the migration's validation; None if the migration does not wait for a confirmation."""
    return migration.entered_at if migration.state is State.MIGRATED else None


def _write_batch_state(summary: BatchSummary, state: BatchState, ports: Ports, validated_at: datetime | None) -> bool:
    """Write the batch's new state, unless the batch has changed since ``summary`` was read.

    Return whether the new state was written.
    """
    batch = ports.batches.load(summary.batch_id)
    if batch.version != summary.version:
        return False
    try:
        control = replace(batch.control, validated_at=validated_at)
        ports.batches.commit(batch, replace(batch, state=state, control=control, version=batch.version + 1))
    except Stale:
        return False
    return True
