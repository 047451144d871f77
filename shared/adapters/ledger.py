"""Stores the snapshot ledger as rows in Tablestore."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.migrations import values_of_readable_rows
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import HighestKey, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.errors import Permanent, Stale, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.ports.ledger import LedgerPage

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


def _ledger_entry_key(migration_id: str, key: str) -> Key:
    return (("migration_id", migration_id), ("key", key))
