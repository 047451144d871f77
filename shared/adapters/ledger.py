"""Stores the snapshot ledger as rows in Tablestore."""

from __future__ import annotations

from datetime import datetime

from shared.adapters import tables
from shared.adapters.clock import milliseconds
from shared.adapters.migrations import readable
from shared.adapters.page_tokens import start_of, token_of
from shared.adapters.store import Highest, InDoubt, Key, Lowest, Range, Store
from shared.domain.errors import Stale, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.ports.ledger import LedgerPage

MAX_ENTRIES = 2000
"""Maximum entries of one migration. 17 disks, 4 hops, their attempts and SMC's own copies need far fewer."""


class TablestoreLedger:
    """Implements the port ``Ledger`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, entry: LedgerEntry) -> None:
        key, columns = _key(entry.migration_id, entry.key), tables.ledger_columns(entry)
        unless = "" if entry.sweep_at else "sweep_at"
        if not self._store.put(tables.SNAPSHOTS, key, columns, unless=unless):
            name = f"{entry.migration_id}/{entry.key}"
            raise Stale("Ledger.Scheduled", f"Snapshot row {name} was given its time to be swept.", "Nothing to do.")

    def put_new(self, entry: LedgerEntry) -> LedgerEntry:
        key = _key(entry.migration_id, entry.key)
        try:
            if self._store.put_new(tables.SNAPSHOTS, key, tables.ledger_columns(entry)):
                return entry
        except InDoubt:
            pass  # what stands there is read anyway
        row = self._store.get(tables.SNAPSHOTS, key, ("doc",))
        if row is None:
            raise Transient("Store.Unavailable", f"Snapshot row {entry.migration_id}/{entry.key} went while it was read.")
        return tables.ledger_of(row)

    def of_migration(self, migration_id: str) -> list[LedgerEntry]:
        migration = ("migration_id", migration_id)
        wanted = Range(tables.SNAPSHOTS, (migration, ("key", Lowest)), (migration, ("key", Highest)), columns=("doc",))
        rows, _ = self._store.range(wanted, limit=MAX_ENTRIES)
        return [tables.ledger_of(row) for row in rows]

    def due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        lane, rest = ("sweep_lane", tables.SWEEP), (("migration_id", Lowest), ("key", Lowest))
        start, end = (lane, ("sweep_at", Lowest), *rest), (lane, ("sweep_at", milliseconds(now) + 1), *rest)
        found, following = self._store.range(Range(tables.BY_SWEEP, start_of(token, start), end), limit=limit)
        keys = [_key(row["migration_id"], row["key"]) for row in found]
        entries = readable(tables.ledger_of, self._store.many(tables.SNAPSHOTS, keys, tables.JUST_DOC))
        # The index lags behind the rows.
        due = [each for each in entries if each.state is not SnapshotState.SWEPT and each.sweep_at and each.sweep_at <= now]
        return LedgerPage(tuple(due), token_of(following))

    def page(self, *, limit: int, token: str) -> LedgerPage:
        start = start_of(token, (("migration_id", Lowest), ("key", Lowest)))
        end = (("migration_id", Highest), ("key", Highest))
        rows, following = self._store.range(Range(tables.SNAPSHOTS, start, end, columns=("doc",)), limit=limit)
        return LedgerPage(tuple(readable(tables.ledger_of, rows)), token_of(following))


def _key(migration_id: str, key: str) -> Key:
    return (("migration_id", migration_id), ("key", key))
