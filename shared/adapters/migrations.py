"""Stores migrations as rows in Tablestore. Each step is one conditional UpdateRow request. Each listing reads an index."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import Columns, HighestKey, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.errors import Permanent, Refused, Stale
from shared.domain.events import Event
from shared.domain.migration import JournalEntry, Migration, State, Step
from shared.domain.timing import LONGEST_BACK_OFF
from shared.ports.migrations import MigrationPage, NewMigration, Outbox, UnreadableRow, WaitingMigration

log = logging.getLogger("replank.store")
T = TypeVar("T")
_Change = tuple[Key, Columns, tuple[str, ...], dict[str, Any]]
"""The change of one row, as ``store_bulk.Change`` describes it."""
COUNTED_AT_ONCE = 5000
"""Maximum number of rows that one GetRange call returns."""


class TablestoreMigrations:
    """Implements the port ``Migrations`` with Tablestore.

    Methods that read many rows leave out unreadable rows and log a warning. An unreadable row does not hide the readable rows.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    # Steps ------------------------------------------------------------------------------------------------------------

    def create(self, migration: Migration, entry: JournalEntry, events: Sequence[Event]) -> bool:
        columns = tables.step_columns(Step(migration, migration, entry, events=tuple(events)))
        try:
            return self._store.put_new(tables.MIGRATIONS, _migration_key(migration.migration_id), columns)
        except WriteInDoubt:
            return self._was_step_written(migration, columns)

    def create_migrations(self, made: Sequence[NewMigration]) -> list[bool]:
        from shared.adapters.store_bulk import put_new_rows  # only intake writes in bulk

        rows = [
            (_migration_key(each.migration.migration_id), tables.step_columns(_first_step_of_new_migration(each))) for each in made
        ]
        if len(rows) > 1:
            with suppress(Permanent):  # in an older stack, the role may not have the permission to write in bulk
                return put_new_rows(self._store, tables.MIGRATIONS, rows)
        return [self.create(*each) for each in made]

    def remove_last_outboxes(self, migrations: Sequence[Migration]) -> None:
        from shared.adapters.store_bulk import update_rows

        changes = [_change_removing_last_outbox(each) for each in migrations]
        settled = [False] * len(migrations)
        if len(migrations) > 1:
            with suppress(Permanent):
                settled = update_rows(self._store, tables.MIGRATIONS, changes)
        for migration, is_settled in zip(migrations, settled, strict=True):
            if not is_settled:  # the migration has already taken a further step
                self.remove_outbox(migration, migration.version)

    def commit_steps(self, steps: Sequence[Step]) -> list[bool]:
        from shared.adapters.store_bulk import try_update_rows  # only the sweep takes many steps at once

        if len(steps) > 1:
            with suppress(Permanent):  # in an older stack, the role may not have the permission to write in bulk
                return try_update_rows(self._store, tables.MIGRATIONS, [_change_of_step(each) for each in steps])
        return [False] * len(steps)

    def commit(self, step: Step) -> None:
        _, columns, remove, _ = _change_of_step(step)
        try:
            written = self._update_row(step.before, columns, remove)
        except WriteInDoubt:
            written = self._was_step_written(step.after, columns)
        if not written:
            sentence = f"Migration {step.before.migration_id} is no longer at version {step.before.version}."
            raise Stale("Migration.Moved", sentence, "Read it again and decide again.")

    def _was_step_written(self, after: Migration, columns: Columns) -> bool:
        """Whether the step was written although its request got no answer.

        If the step was written, the stored journal line equals the line that was sent.
        """
        line = tables.numbered_column_name(tables.JOURNAL, after.version)
        row = self._store.get(tables.MIGRATIONS, _migration_key(after.migration_id), (line,)) or {}
        return bool(row.get(line) == columns[line])

    def remove_outbox(self, migration: Migration, version: int) -> None:
        outbox = tables.numbered_column_name(tables.OUTBOX, version)
        if not self._has_other_outbox(migration, version) and self._restore_due_time(migration, (outbox,)):
            return
        self._store.update(tables.MIGRATIONS, _migration_key(migration.migration_id), {}, (outbox,))

    def _has_other_outbox(self, migration: Migration, version: int) -> bool:
        """Whether the row has another open outbox, apart from the outbox of ``version``.

        The row is read only if the migration had another open outbox when the migration was loaded.
        """
        if not set(migration.owes) - {version}:
            return False
        own = tables.numbered_column_name(
            tables.OUTBOX, version
        )  # another process may have taken the same step and removed this outbox
        return any(name != own for name, _ in self._columns_with_prefix(migration.migration_id, tables.OUTBOX))

    def _restore_due_time(self, migration: Migration, remove: tuple[str, ...] = ()) -> bool:
        """Write the due time that the migration's state requires into the row. Returns False if the row has a newer version."""
        lane = tables.queue_columns(migration)
        return self._try_update_row(migration, lane, remove if lane else (*remove, "due_lane", "due_at"))

    def change_due_time(self, migration: Migration, due_at: datetime, *, percent: int | None = None) -> None:
        progress = {} if percent is None else {"progress": percent}
        columns = {"due_lane": tables.DRIVE, "due_at": epoch_milliseconds(due_at), **progress}
        self._try_update_row(migration, columns, _received_outbox_column(migration))

    def change_due_times(self, changes: Sequence[tuple[Migration, datetime]]) -> None:
        from shared.adapters.store_bulk import try_update_rows

        if len(changes) > 1:
            with suppress(Permanent):  # in an older stack, the role may not have the permission to write in bulk
                try_update_rows(self._store, tables.MIGRATIONS, [_change_of_due_time(*each) for each in changes])
                return
        for each in changes:
            self.change_due_time(*each)

    def add_restart(self, migration_id: str, event_id: str, at: datetime, states: Collection[State]) -> bool:
        columns = {tables.column_name_of_restart(event_id): epoch_milliseconds(at)}
        one_of = {"state": frozenset(state.value for state in states)}
        try:
            return self._store.update(tables.MIGRATIONS, _migration_key(migration_id), columns, expect=one_of)
        except WriteInDoubt:
            return True  # most likely the first request was carried out, and the state has changed since

    def put_document(self, migration_id: str, name: str, document: Mapping[str, Any]) -> None:
        column = tables.document_column_name(name)
        self._store.update(tables.MIGRATIONS, _migration_key(migration_id), {column: tables.json_column_text(name, dict(document))})

    def _update_row(self, at: Migration, put: Columns, remove: Sequence[str] = ()) -> bool:
        """Change the migration's row if the row's version equals the version of the given migration.

        Returns whether the row was changed.
        """
        return self._store.update(tables.MIGRATIONS, _migration_key(at.migration_id), put, remove, expect={"version": at.version})

    def _try_update_row(self, at: Migration, put: Columns, remove: Sequence[str] = ()) -> bool:
        """Change the row like ``_update_row``, but return False if the outcome is unknown."""
        try:
            return self._update_row(at, put, remove)
        except WriteInDoubt:
            return False

    # One row ----------------------------------------------------------------------------------------------------------

    def load(self, migration_id: str, *, event_id: str = "") -> Migration:
        row = self._store.get(tables.MIGRATIONS, _migration_key(migration_id), between=tables.MIGRATION_COLUMNS)
        if row is None:
            raise _migration_not_found_error(migration_id)
        return tables.migration_from_row(row, event_id)

    def outboxes(self, migration_id: str) -> list[Outbox]:
        return [
            tables.outbox_from_column(name, written) for name, written in self._columns_with_prefix(migration_id, tables.OUTBOX)
        ]

    def restart_count(self, migration_id: str) -> int:
        return len(self._columns_with_prefix(migration_id, tables.RESTART))

    def journal(self, migration_id: str) -> list[JournalEntry]:
        lines = self._columns_with_prefix(migration_id, tables.JOURNAL)
        if not lines:
            raise _migration_not_found_error(migration_id)
        return [tables.migration_journal_entry_from_column(written) for _, written in lines]

    def stored_document(self, migration_id: str, name: str) -> dict[str, Any] | None:
        column = tables.document_column_name(name)
        row = self._store.get(tables.MIGRATIONS, _migration_key(migration_id), (column,)) or {}
        document: dict[str, Any] | None = json.loads(row[column]) if column in row else None
        return document

    def _columns_with_prefix(self, migration_id: str, prefix: str) -> list[tuple[str, Any]]:
        """The columns whose names begin with the prefix, sorted by name."""
        row = self._store.get(tables.MIGRATIONS, _migration_key(migration_id), between=tables.column_range_of_prefix(prefix)) or {}
        return sorted((name, value) for name, value in row.items() if name.startswith(prefix))

    # Many rows --------------------------------------------------------------------------------------------------------

    def load_migrations(self, migration_ids: Sequence[str]) -> list[Migration]:
        return values_of_readable_rows(tables.migration_from_row, self._read_migration_rows(migration_ids))

    def list_due_and_postpone_unreadable(self, now: datetime, limit: int) -> list[Migration]:
        page = self._page_of_due_migrations(tables.DRIVE, now, limit, token="")
        if page.unreadable:
            self.postpone_unreadable_rows([each.id for each in page.unreadable], now + LONGEST_BACK_OFF)
        return [each for each in page.migrations if each.owes or self._restore_due_time_unless_tick_needed(each)]

    def migration_page_past_retention(self, now: datetime, *, limit: int, token: str) -> MigrationPage:
        return self._page_of_due_migrations(tables.SWEEP, now, limit, token)

    def _page_of_due_migrations(self, lane: str, now: datetime, limit: int, token: str) -> MigrationPage:
        """One page of a queue, with the migrations that are due at the time ``now``. The column ``due_lane`` names the queue."""
        until = epoch_milliseconds(now) + 1
        start = (("due_lane", lane), ("due_at", LowestKey), ("migration_id", LowestKey))
        end = (("due_lane", lane), ("due_at", until), ("migration_id", LowestKey))
        found, following = self._store.read_range(RowRange(tables.BY_DUE, first_key_of_page(token, start), end), limit=limit)
        # The index may be older than the rows. Rows that have been handled since are left out.
        rows = [
            row
            for row in self._read_migration_rows(_unique_migration_ids(found))
            if row.get("due_lane") == lane and row["due_at"] < until
        ]
        return _migration_page_from_rows(rows, page_token(following))

    def due_migration_page(self, until: datetime, *, limit: int) -> MigrationPage:
        return self._page_of_due_migrations(tables.DRIVE, until, limit, token="")

    def postpone_unreadable_rows(self, migration_ids: Sequence[str], now: datetime) -> tuple[UnreadableRow, ...]:
        found = []
        for row in self._read_migration_rows(migration_ids):
            unreadable = _migration_or_unreadable_row(row)
            if isinstance(unreadable, Migration) or "due_lane" not in row:
                continue
            found.append(unreadable)
            as_seen = {"due_lane": row["due_lane"], "due_at": row["due_at"]}
            with suppress(WriteInDoubt):  # if in doubt, the first request has already postponed the row
                self._store.update(
                    tables.MIGRATIONS, _migration_key(row["migration_id"]), {"due_at": epoch_milliseconds(now)}, expect=as_seen
                )
            facts = {"migrationId": row["migration_id"], "cause": unreadable.cause, "nextLook": now.isoformat()}
            log.error("a row that cannot be read steps aside", extra={"facts": {"code": "Store.RowInvalid", **facts}})
        return tuple(found)

    def _restore_due_time_unless_tick_needed(self, migration: Migration) -> bool:
        """Restore the row's due time if the row was due only because of an outbox that is now removed.

        Returns whether the tick must handle the row.
        """
        if tables.queue_columns(migration).get("due_lane") == tables.DRIVE:
            return True
        self._restore_due_time(migration)
        return False

    def admission_queue(self, batch_id: str, limit: int, account_id: str = "") -> list[WaitingMigration]:
        lane = ("due_lane", tables.admission_queue_name(batch_id, account_id))
        start = (lane, ("due_at", LowestKey), ("migration_id", LowestKey))
        end = (lane, ("due_at", HighestKey), ("migration_id", HighestKey))
        places: dict[str, int] = {}
        following: Key | None = start
        while following and len(places) < limit:  # an index that lags behind may show a row twice: then one more call follows
            found, following = self._store.read_range(RowRange(tables.BY_DUE, following, end), limit=limit - len(places))
            places.update({row["migration_id"]: row["due_at"] for row in found})
        return [WaitingMigration(migration_id, due_at < 0) for migration_id, due_at in places.items()]

    def migration_page_of_batch(
        self, batch_id: str, *, state: State | None, limit: int, token: str, backward: bool = False
    ) -> MigrationPage:
        states = (LowestKey, HighestKey) if state is None else (state.value, state.value)
        batch = ("batch_id", batch_id)
        first: Key = (batch, ("state", states[0]), ("migration_id", LowestKey))
        last: Key = (batch, ("state", states[1]), ("migration_id", HighestKey))
        start, end = (last, first) if backward else (first, last)
        wanted = RowRange(tables.BY_BATCH, first_key_of_page(token, start), end, backward=backward)
        found, following = self._store.read_range(wanted, limit=limit)
        page = _migration_page_from_rows(self._read_migration_rows(_unique_migration_ids(found)), page_token(following))
        return replace(page, migrations=tuple(each for each in page.migrations if state is None or each.state is state))

    def state_counts(self, batch_id: str) -> Counter[State]:
        return Counter(self.states_by_migration_id(batch_id).values())

    def states_by_migration_id(self, batch_id: str) -> dict[str, State]:
        batch = ("batch_id", batch_id)
        start, end = ((batch, ("state", edge), ("migration_id", edge)) for edge in (LowestKey, HighestKey))
        states: dict[str, str] = {}  # by id, because an index that lags behind may show a row under both its old and its new state
        following: Key | None = start
        while following:
            found, following = self._store.read_range(RowRange(tables.BY_BATCH, following, end), limit=COUNTED_AT_ONCE)
            states.update({row["migration_id"]: row["state"] for row in found})
        known = {state.value for state in State}
        return {id: State(state) for id, state in states.items() if state in known}

    def migrations_of_instance(self, instance_id: str, *, limit: int) -> list[Migration]:
        instance = ("instance_id", instance_id)
        start, end = (instance, ("migration_id", LowestKey)), (instance, ("migration_id", HighestKey))
        found, _ = self._store.read_range(RowRange(tables.BY_INSTANCE, start, end), limit=limit)
        return values_of_readable_rows(tables.migration_from_row, self._read_migration_rows(_unique_migration_ids(found)))

    def migration_ids_by_instance(self, limit: int) -> dict[str, tuple[str, ...]] | None:
        start, end = ((("instance_id", edge), ("migration_id", edge)) for edge in (LowestKey, HighestKey))
        known: dict[str, tuple[str, ...]] = {}
        following: Key | None = start
        while following:
            found, following = self._store.read_range(RowRange(tables.BY_INSTANCE, following, end), limit=COUNTED_AT_ONCE)
            limit -= len(found)
            if limit < 0:
                return None
            for row in found:
                known[row["instance_id"]] = (*known.get(row["instance_id"], ()), row["migration_id"])
        return known

    def migration_page(self, *, state: State | None, limit: int, token: str) -> MigrationPage:
        start = first_key_of_page(token, (("migration_id", LowestKey),))
        equal = ("state", state.value) if state else None
        between = tables.WITH_STATE if state else tables.MIGRATION_COLUMNS
        wanted = RowRange(tables.MIGRATIONS, start, (("migration_id", HighestKey),), between=between, equal=equal)
        rows, following = self._store.read_range(wanted, limit=limit)
        return _migration_page_from_rows(rows, page_token(following))

    def _read_migration_rows(self, migration_ids: Sequence[str]) -> list[Columns]:
        return self._store.get_rows(tables.MIGRATIONS, [_migration_key(each) for each in migration_ids], tables.MIGRATION_COLUMNS)


def _migration_page_from_rows(rows: Sequence[Columns], next_token: str) -> MigrationPage:
    """A page with the migrations in these rows. Unreadable rows are listed separately."""
    read: list[Migration] = []
    unreadable: list[UnreadableRow] = []
    for row in rows:
        found = _migration_or_unreadable_row(row)
        if isinstance(found, Migration):
            read.append(found)
        else:
            unreadable.append(found)
    return MigrationPage(tuple(read), next_token, tuple(unreadable))


def _migration_or_unreadable_row(row: Columns) -> Migration | UnreadableRow:
    try:
        return tables.migration_from_row(row)
    except Permanent as error:
        log.warning(error.message, extra={"facts": {"code": error.code}})
        return UnreadableRow(row["migration_id"], error.message)


def values_of_readable_rows(read: Callable[[Columns], T], rows: Iterable[Columns]) -> list[T]:
    """The values that the function ``read`` returns for the rows. An unreadable row is left out, and a warning is logged."""
    found: list[T] = []
    for row in rows:
        try:
            found.append(read(row))
        except Permanent as error:
            log.warning(error.message, extra={"facts": {"code": error.code}})
    return found


def _first_step_of_new_migration(made: NewMigration) -> Step:
    return Step(made.migration, made.migration, made.entry, events=tuple(made.events))


def _change_of_step(step: Step) -> _Change:
    """The change of a migration's row that a step makes. The row must have the version from which the step began."""
    columns = tables.step_columns(step)
    remove = () if "due_lane" in columns else ("due_lane", "due_at")
    removed = (*remove, *_received_outbox_column(step.before))
    return _migration_key(step.before.migration_id), columns, removed, {"version": step.before.version}


def _change_of_due_time(migration: Migration, due_at: datetime) -> _Change:
    put = {"due_lane": tables.DRIVE, "due_at": epoch_milliseconds(due_at)}
    return _migration_key(migration.migration_id), put, _received_outbox_column(migration), {"version": migration.version}


def _change_removing_last_outbox(migration: Migration) -> _Change:
    """The change of a migration's row after the events of its last step are published.

    The change removes the outbox of this step, and writes the due time that the migration's state requires.
    """
    outbox, lane = tables.numbered_column_name(tables.OUTBOX, migration.version), tables.queue_columns(migration)
    remove = (outbox,) if lane else (outbox, "due_lane", "due_at")
    return _migration_key(migration.migration_id), lane, remove, {"version": migration.version}


def _received_outbox_column(migration: Migration) -> tuple[str, ...]:
    """The column of the outbox that the next write removes; empty if the next write removes no outbox."""
    return (tables.numbered_column_name(tables.OUTBOX, migration.received),) if migration.received else ()


def _migration_key(migration_id: str) -> Key:
    return (("migration_id", migration_id),)


def _unique_migration_ids(rows: Sequence[Columns]) -> list[str]:
    """The migration ids in the rows, without duplicates. An index that lags behind may show a row twice."""
    return list(dict.fromkeys(row["migration_id"] for row in rows))


def _migration_not_found_error(migration_id: str) -> Refused:
    return Refused(
        "Migration.NotFound", f"There is no migration {migration_id}.", "See which there are: replank status BATCH.", status=404
    )
