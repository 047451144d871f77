"""Finds stuck rows: unreadable rows, rows with outboxes whose effects fail, and batches that cannot be planned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.batch import BatchState
from shared.domain.errors import Permanent
from shared.domain.migration import ADMITTED, WAITING_FOR_A_PERSON, Migration
from shared.ports.migrations import MigrationPage, UnreadableRow
from shared.ports.ports import Ports
from shared.stages.api.people_views import StuckRow, StuckRowList

STUCK_AFTER = timedelta(minutes=15)
"""Age from which an outbox counts as stuck. A younger outbox does not count, because one of the next ticks may carry it out."""
ROWS, BATCHES, OF_A_STATE = 1000, 50, 100
"""Maximum items that one answer checks: waiting rows, batches, and rows of each state of a batch."""
NOT_DRIVEN = (*sorted(ADMITTED, key=lambda state: state.value), *sorted(WAITING_FOR_A_PERSON, key=lambda state: state.value))
"""The states whose rows the tick does not read, because the migration waits for a slot or for a person."""
WAITING_IN_CLOSED = tuple(state for state in NOT_DRIVEN if state not in ADMITTED)
"""The states of ``NOT_DRIVEN`` that occur in a closed batch, in which no migration waits for a slot."""
_REMEDY_OF_UNREADABLE_ROW = "Correct the row, or deploy the version that wrote it. Replank does not change the row."
_REMEDY_OF_PENDING_EFFECT = (
    "The log of replank-watch has the error under the migration's id. Correct its cause; Replank tries again within half an hour."
)


def stuck_rows(ports: Ports) -> StuckRowList:
    """Return the stuck rows that one answer finds. The field ``more`` is true if this answer left some rows unchecked, because
    one answer checks only a limited number of rows.
    """
    now = ports.clock.now()
    waiting = ports.migrations.due_migration_page(now + timedelta(days=1), limit=ROWS)
    swept = ports.migrations.migration_page_past_retention(now + timedelta(days=1), limit=ROWS, token="")
    batches = ports.batches.batch_page(limit=BATCHES, token="")
    more = bool(waiting.next_token or swept.next_token or batches.next_token)
    found = [
        *_rows_of_stuck_migrations(waiting, now, ports),
        *map(_unreadable_migration_row, swept.unreadable),
        *map(_unreadable_batch_row, batches.unreadable),
    ]
    for batch in batches.batches:
        if batch.state is BatchState.PLANNING:
            found += [StuckRow("planning", batch.batch_id, f"{code}: {text}", "") for _, code, text in batch.problems]
        else:
            for state in NOT_DRIVEN if batch.state is BatchState.OPEN else WAITING_IN_CLOSED:
                page = ports.migrations.migration_page_of_batch(batch.batch_id, state=state, limit=OF_A_STATE, token="")
                found += [_unreadable_migration_row(each) for each in page.unreadable]
                more = more or bool(page.next_token)
    unique = tuple({(each.kind, each.id): each for each in found}.values())
    return StuckRowList(unique, more)


def _rows_of_stuck_migrations(page: MigrationPage, now: datetime, ports: Ports) -> Iterator[StuckRow]:
    yield from map(_unreadable_migration_row, page.unreadable)
    for migration in page.migrations:
        if migration.owes and now - migration.effects_due_since > STUCK_AFTER:
            yield StuckRow(
                "owed",
                migration.migration_id,
                f"The outbox still has {_pending_effect_names(migration, ports)}.",
                _REMEDY_OF_PENDING_EFFECT,
            )


def _pending_effect_names(migration: Migration, ports: Ports) -> str:
    """Return the names of the effects and events in the migration's outboxes."""
    try:
        owed = ports.migrations.outboxes(migration.migration_id)
    except Permanent as error:
        return f"effects that cannot be read ({error.message})"
    names = [type(effect).__name__ for each in owed for effect in each.effects]
    names += [event.type for each in owed for event in each.events]
    return ", ".join(dict.fromkeys(names)) or "no effect any more"


def _unreadable_migration_row(row: UnreadableRow) -> StuckRow:
    return StuckRow("unreadable migration", row.id, row.cause, _REMEDY_OF_UNREADABLE_ROW)


def _unreadable_batch_row(row: UnreadableRow) -> StuckRow:
    return StuckRow("unreadable batch", row.id, row.cause, _REMEDY_OF_UNREADABLE_ROW)
