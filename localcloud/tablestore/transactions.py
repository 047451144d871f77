"""Local transactions: changes to the rows of one partition key that others do not see until the commit.

While a transaction is open, no other request can write to its partition key. The transaction ends by itself after a minute of the
cloud's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from heapq import merge
from typing import Any, Protocol

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid, row_conflict, table_missing
from localcloud.tablestore.keys import encode_key
from localcloud.tablestore.messages import messages
from localcloud.tablestore.rowkeys import partition_key
from localcloud.tablestore.rows import Row, load_row
from localcloud.tablestore.schema import Table
from localcloud.tablestore.store import Store
from localcloud.wire.plainbuffer import KeyValue

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ots_transactions (id TEXT PRIMARY KEY, instance TEXT NOT NULL, name TEXT NOT NULL,
  table_id INTEGER NOT NULL, part BLOB NOT NULL, shown TEXT NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ots_changes (transaction_id TEXT NOT NULL, pk BLOB NOT NULL, row TEXT,
  PRIMARY KEY (transaction_id, pk)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ots_sent (transaction_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
"""
_ID = re.compile(r"[0-9a-f]{32}")


class Rows(Protocol):
    """The rows that an operation reads and writes: the store's, or the store's as a transaction sees them."""

    def get(self, table: Table, key: bytes) -> Row | None: ...

    def scan(self, table: Table, start: bytes, end: bytes, *, backward: bool = False) -> Iterator[tuple[bytes, Row]]: ...

    def replace(self, table: Table, key: bytes, old: Row | None, new: Row | None) -> None: ...


class Transactions:
    """The open transactions. It chooses the rows that an operation works on."""

    def __init__(self, cloud: Cloud, store: Store) -> None:
        self._cloud, self._store, self._sql = cloud, store, cloud.db.sql
        self._sql.executescript(_SCHEMA)

    # Operations -----------------------------------------------------------------------------------------------------

    def start(self, instance: str, request: Any) -> Any:
        """StartLocalTransaction."""
        table = self._store.table(instance, request.table_name)
        if table is None:
            raise table_missing()
        if table.is_index or any(column.auto for column in table.key):
            raise invalid("Try to call method using explicit transaction on explicit-transaction-disabled table.")
        value = partition_key(table, request.key)
        part = encode_key([value])
        self._expire()
        self._check_unlocked(table, part)
        id = self._cloud.random("ots:transaction", self._cloud.db.counter("ots:transaction")).randbytes(16).hex()
        expires_ms = self._cloud.clock.now_ms() + limits.TRANSACTION_MS
        self._sql.execute(
            "INSERT INTO ots_transactions VALUES (?,?,?,?,?,?,?)",
            (id, instance, table.name, table.id, part, str(value), expires_ms),
        )
        return messages.StartLocalTransactionResponse(transaction_id=id)

    def commit(self, instance: str, request: Any) -> Any:
        """CommitTransaction."""
        table = self._table(instance, request.transaction_id)
        changes = self._sql.execute(
            "SELECT pk, row FROM ots_changes WHERE transaction_id=? ORDER BY pk", (request.transaction_id,)
        ).fetchall()
        for key, text in changes:
            self._store.replace(table, key, self._store.get(table, key), load_row(text) if text else None)
        self._forget(request.transaction_id)
        return messages.CommitTransactionResponse()

    def abort(self, instance: str, request: Any) -> Any:
        """AbortTransaction."""
        self._table(instance, request.transaction_id)
        self._forget(request.transaction_id)
        return messages.AbortTransactionResponse()

    # For the other operations ---------------------------------------------------------------------------------------

    def table_name(self, instance: str, id: str) -> str:
        """The table of a transaction, for RAM; ``*`` if the transaction does not exist."""
        row = self._sql.execute("SELECT name FROM ots_transactions WHERE id=? AND instance=?", (id, instance)).fetchone()
        return row[0] if row else "*"

    def rows(self, table: Table, id: str, *partitions: KeyValue) -> Rows:
        """The rows to work on in the transaction ``id`` (empty: no transaction). The given keys must have its partition key."""
        if not id:
            return self._store
        row = self._open(table.instance, id)
        for value in partitions:
            if row["table_id"] != table.id or row["part"] != encode_key([value]):
                message = f"Data out of scope of transaction. Transaction PartKey:{row['shown']}. Data PartKey:{value!s}"
                raise ApiError("OTSDataOutOfRange", message, 400)
        return _View(self._store, self._sql, id)

    def count(self, id: str, size: int) -> None:
        """Refuse a write that would exceed the transaction's limit; else add it to the transaction's size. An empty id means no
        transaction.
        """
        if not id:
            return
        row = self._sql.execute("SELECT bytes FROM ots_sent WHERE transaction_id=?", (id,)).fetchone()
        total = size + (row[0] if row else 0)
        if total > limits.TRANSACTION_SIZE:
            raise ApiError("OTSOutOfTransactionDataSizeLimit", "The volume of data in the transaction exceeds the limit.", 400)
        self._sql.execute("INSERT OR REPLACE INTO ots_sent VALUES (?,?)", (id, total))

    def check_free(self, table: Table, partition: KeyValue, id: str) -> None:
        """Refuse a write if another transaction locks its partition key."""
        if not id:
            self._check_unlocked(table, encode_key([partition]))

    def _check_unlocked(self, table: Table, part: bytes) -> None:
        held = self._sql.execute("SELECT expires_ms FROM ots_transactions WHERE table_id=? AND part=?", (table.id, part)).fetchone()
        if held and held[0] > self._cloud.clock.now_ms():
            raise row_conflict()

    def _open(self, instance: str, id: str) -> dict[str, Any]:
        if not _ID.fullmatch(id):
            raise invalid("Invalid transaction id.")
        row = self._sql.execute(
            "SELECT name, table_id, part, shown, expires_ms FROM ots_transactions WHERE id=? AND instance=?", (id, instance)
        ).fetchone()
        if row is None or row[4] <= self._cloud.clock.now_ms():
            raise ApiError("OTSSessionNotExist", "Session not exist or may be timeout.", 404)
        return dict(zip(("name", "table_id", "part", "shown"), row, strict=False))

    def _table(self, instance: str, id: str) -> Table:
        row = self._open(instance, id)
        table = self._store.table(instance, row["name"])
        if table is None or table.id != row["table_id"]:
            raise table_missing()
        return table

    def _expire(self) -> None:
        now = self._cloud.clock.now_ms()
        for (id,) in self._sql.execute("SELECT id FROM ots_transactions WHERE expires_ms<=?", (now,)).fetchall():
            self._forget(id)

    def _forget(self, id: str) -> None:
        self._sql.execute("DELETE FROM ots_transactions WHERE id=?", (id,))
        self._sql.execute("DELETE FROM ots_changes WHERE transaction_id=?", (id,))
        self._sql.execute("DELETE FROM ots_sent WHERE transaction_id=?", (id,))


class _View:
    """The store overlaid with one transaction's changes."""

    def __init__(self, store: Store, sql: Any, id: str) -> None:
        self._store, self._sql, self._id = store, sql, id

    def get(self, table: Table, key: bytes) -> Row | None:
        row = self._sql.execute("SELECT row FROM ots_changes WHERE transaction_id=? AND pk=?", (self._id, key)).fetchone()
        if row is None:
            return self._store.get(table, key)
        return load_row(row[0]) if row[0] else None

    def scan(self, table: Table, start: bytes, end: bytes, *, backward: bool = False) -> Iterator[tuple[bytes, Row]]:
        where = "pk<=? AND pk>? ORDER BY pk DESC" if backward else "pk>=? AND pk<? ORDER BY pk"
        changes = self._sql.execute(
            f"SELECT pk, row FROM ots_changes WHERE transaction_id=? AND {where}", (self._id, start, end)
        ).fetchall()
        changed = {key for key, _ in changes}
        ours = ((key, load_row(text)) for key, text in changes if text)
        theirs = ((key, row) for key, row in self._store.scan(table, start, end, backward=backward) if key not in changed)
        return merge(ours, theirs, key=lambda each: each[0], reverse=backward)

    def replace(self, table: Table, key: bytes, old: Row | None, new: Row | None) -> None:
        text = new.dump() if new else None
        self._sql.execute("INSERT OR REPLACE INTO ots_changes VALUES (?,?,?)", (self._id, key, text))
