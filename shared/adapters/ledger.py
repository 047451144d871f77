"""Stores the snapshot ledger as rows in Tablestore."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.migrations import values_of_readable_rows
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import Columns, HighestKey, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.errors import Permanent, Stale, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.ports.ledger import LedgerPage

FIRST_ROWS, MOST_ROWS = 10, 1000
"""Number of rows that the first call and the largest call read for the entries of many migrations."""
ROWS_FOR_ONE = 32
"""Maximum number of rows that a call reads for each wanted row. Reading these rows takes less time than another call."""
MAX_ENTRIES = 2000
"""Maximum number of ledger entries of one migration. A migration with 17 disks, 4 hops and a few attempts needs far fewer entries.
"""


class TablestoreLedger:
    """Implements the port ``Ledger`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write_entry(self, entry: LedgerEntry) -> None:
        key, columns = _ledger_entry_key(entry.migration_id, entry.key), tables.ledger_entry_columns(entry)
        unless = "" if entry.sweep_at else "sweep_at"
        if not self._store.put(tables.SNAPSHOTS, key, columns, unless=unless):
            name = f"{entry.migration_id}/{entry.key}"
            raise Stale("Ledger.Scheduled", f"Snapshot row {name} was given its time to be swept.", "Nothing to do.")

    def write_entries(self, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        from shared.adapters.store_bulk import put_rows  # only the sweep writes its entries in bulk

        due = [each for each in entries if each.sweep_at]  # every other row has a condition
        rows = [(_ledger_entry_key(each.migration_id, each.key), tables.ledger_entry_columns(each)) for each in due]
        if len(due) < 2:
            return list(entries)
        with suppress(Permanent):  # in an older stack, the role may not have the permission to write in bulk
            results = zip(due, put_rows(self._store, tables.SNAPSHOTS, rows), strict=True)
            written = {(each.migration_id, each.key) for each, is_written in results if is_written}
            return [each for each in entries if (each.migration_id, each.key) not in written]
        return list(entries)

    def write_new_entry(self, entry: LedgerEntry) -> LedgerEntry:
        key = _ledger_entry_key(entry.migration_id, entry.key)
        try:
            if self._store.put_new(tables.SNAPSHOTS, key, tables.ledger_entry_columns(entry)):
                return entry
        except WriteInDoubt:
            pass  # either way the stored row is read next
        row = self._store.get(tables.SNAPSHOTS, key, ("doc",))
        if row is None:
            raise Transient("Store.Unavailable", f"Snapshot row {entry.migration_id}/{entry.key} went while it was read.")
        return tables.ledger_entry_from_row(row)

    def entries_of_migration(self, migration_id: str) -> list[LedgerEntry]:
        migration = ("migration_id", migration_id)
        wanted = RowRange(tables.SNAPSHOTS, (migration, ("key", LowestKey)), (migration, ("key", HighestKey)), columns=("doc",))
        rows, _ = self._store.read_range(wanted, limit=MAX_ENTRIES)
        return [tables.ledger_entry_from_row(row) for row in rows]

    def entries_of_migrations(self, migration_ids: Sequence[str]) -> dict[str, list[LedgerEntry]]:
        found: dict[str, list[LedgerEntry]] = {each: [] for each in migration_ids}
        left, limit, start = sorted(found), FIRST_ROWS, None
        while left:
            first: Key = start or (("migration_id", left[0]), ("key", LowestKey))
            end = (("migration_id", left[-1]), ("key", HighestKey))
            rows, following = self._store.read_range(RowRange(tables.SNAPSHOTS, first, end, columns=("doc",)), limit=limit)
            wanted = [row for row in rows if row["migration_id"] in found]
            _add_readable_entries(wanted, found)
            reached = following[0][1] if following else None
            left = [each for each in left if reached is not None and each >= reached]
            start = following if left and left[0] == reached else None
            # Other migrations' entries lie between. If they are many, each call reads few rows and goes on at the next migration.
            limit = min(limit * 2, MOST_ROWS) if len(wanted) * ROWS_FOR_ONE >= len(rows) else FIRST_ROWS
        return found

    def entries_due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        lane, rest = ("sweep_lane", tables.SWEEP), (("migration_id", LowestKey), ("key", LowestKey))
        start, end = (lane, ("sweep_at", LowestKey), *rest), (lane, ("sweep_at", epoch_milliseconds(now) + 1), *rest)
        found, following = self._store.read_range(RowRange(tables.BY_SWEEP, first_key_of_page(token, start), end), limit=limit)
        keys = [_ledger_entry_key(row["migration_id"], row["key"]) for row in found]
        entries = values_of_readable_rows(
            tables.ledger_entry_from_row, self._store.get_rows(tables.SNAPSHOTS, keys, tables.DOC_COLUMNS)
        )
        # The index may be older than the rows, so each row's own state and time are checked again.
        due = [each for each in entries if each.state is not SnapshotState.SWEPT and each.sweep_at and each.sweep_at <= now]
        return LedgerPage(tuple(due), page_token(following))

    def ledger_entry_page(self, *, limit: int, token: str) -> LedgerPage:
        start = first_key_of_page(token, (("migration_id", LowestKey), ("key", LowestKey)))
        end = (("migration_id", HighestKey), ("key", HighestKey))
        rows, following = self._store.read_range(RowRange(tables.SNAPSHOTS, start, end, columns=("doc",)), limit=limit)
        return LedgerPage(tuple(values_of_readable_rows(tables.ledger_entry_from_row, rows)), page_token(following))


def _add_readable_entries(rows: Sequence[Columns], found: dict[str, list[LedgerEntry]]) -> None:
    """Add the entries in the rows to those found by migration id. A migration with an unreadable row is removed from them."""
    for row in rows:
        entries = found.get(row["migration_id"])
        if entries is None:
            continue
        try:
            entries.append(tables.ledger_entry_from_row(row))
        except Permanent:
            del found[row["migration_id"]]


def _ledger_entry_key(migration_id: str, key: str) -> Key:
    return (("migration_id", migration_id), ("key", key))
