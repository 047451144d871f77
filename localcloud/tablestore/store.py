"""Stores tables and rows in SQLite: rows in the order of their keys, indexes updated in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from localcloud.core.app import Cloud
from localcloud.tablestore import limits
from localcloud.tablestore.keys import encode_key
from localcloud.tablestore.rows import Remembered, Row, Versions, value_size
from localcloud.tablestore.schema import Index, Table, table_from_json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ots_tables (instance TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (instance, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ots_rows (table_id INTEGER NOT NULL, pk BLOB NOT NULL, row TEXT NOT NULL,
  PRIMARY KEY (table_id, pk)) WITHOUT ROWID;
"""


class Store:
    """Rows by (table, key bytes). The entries of a secondary index are rows too, written together with the table's row.

    With ``index_lag_ms`` above 0, a global index is updated that much later, as can happen in the real service. Until then its rows
    are stale.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._db, self._clock, self._scheduler = cloud.db, cloud.clock, cloud.scheduler
        self._sql: sqlite3.Connection = cloud.db.sql
        self._sql.executescript(_SCHEMA)
        self._scheduler.on("tablestore.index", self._catch_up)
        self._rows = Remembered()
        self.index_lag_ms = 0

    # Tables ---------------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """A number that no table or index has ever had."""
        return self._db.counter("ots:table")

    def next_auto(self, table: Table) -> int:
        """The next value of a table's automatic key column."""
        return self._db.counter(f"ots:auto:{table.id}")

    def table(self, instance: str, name: str) -> Table | None:
        row = self._sql.execute("SELECT doc FROM ots_tables WHERE instance=? AND name=?", (instance, name)).fetchone()
        return table_from_json(row[0]) if row else None

    def tables(self, instance: str) -> list[Table]:
        """The tables and indexes of an instance, by name."""
        rows = self._sql.execute("SELECT doc FROM ots_tables WHERE instance=? ORDER BY name", (instance,)).fetchall()
        return [table_from_json(doc) for (doc,) in rows]

    def save_table(self, table: Table) -> None:
        self._sql.execute("INSERT OR REPLACE INTO ots_tables VALUES (?,?,?)", (table.instance, table.name, table.to_json()))

    def drop_table(self, table: Table) -> None:
        """Delete a table or index and its rows."""
        self._sql.execute("DELETE FROM ots_tables WHERE instance=? AND name=?", (table.instance, table.name))
        self._sql.execute("DELETE FROM ots_rows WHERE table_id=?", (table.id,))

    # Rows -----------------------------------------------------------------------------------------------------------

    def get(self, table: Table, key: bytes) -> Row | None:
        row = self._sql.execute("SELECT row FROM ots_rows WHERE table_id=? AND pk=?", (table.id, key)).fetchone()
        return self._rows.load(table.id, key, row[0]) if row else None

    def scan(self, table: Table, start: bytes, end: bytes, *, backward: bool = False) -> Iterator[tuple[bytes, Row]]:
        """Rows from ``start`` (included) to ``end`` (excluded), in the given direction."""
        where = "pk<=? AND pk>? ORDER BY pk DESC" if backward else "pk>=? AND pk<? ORDER BY pk"
        cursor = self._sql.execute(f"SELECT pk, row FROM ots_rows WHERE table_id=? AND {where}", (table.id, start, end))
        try:
            for key, text in cursor:
                yield key, self._rows.load(table.id, key, text)
        finally:
            cursor.close()

    def replace(self, table: Table, key: bytes, old: Row | None, new: Row | None) -> None:
        """Write a row (None: delete it) and its index entries. ``old`` is the row that ``get`` returned before."""
        if new is None:
            self._delete(table.id, key)
        else:
            self._put(table.id, key, new)
        for index in table.indexes:
            if self.index_lag_ms > 0 and not index.local:
                self._replace_later(table, index, key, old)
            else:
                self._replace_entry(table, index, old, new)

    def _replace_later(self, table: Table, index: Index, key: bytes, old: Row | None) -> None:
        gone = index_entry(table, index, old) if old else None
        payload = {
            "instance": table.instance,
            "table": table.name,
            "index": index.id,
            "key": key.hex(),
            "gone": (gone or [b""])[0].hex(),
        }
        self._scheduler.at(self._clock.now_ms() + self.index_lag_ms, "tablestore.index", payload)

    def _catch_up(self, payload: dict[str, Any]) -> None:
        """Update one row's entry in an index to match the row."""
        table = self.table(payload["instance"], payload["table"])
        index = next((each for each in table.indexes if each.id == payload["index"]), None) if table else None
        if table is None or index is None:
            return
        if payload["gone"]:
            self._delete(index.id, bytes.fromhex(payload["gone"]))
        self._replace_entry(table, index, None, self.get(table, bytes.fromhex(payload["key"])))

    def _replace_entry(self, table: Table, index: Index, old: Row | None, new: Row | None) -> None:
        gone, entry = old and index_entry(table, index, old), new and index_entry(table, index, new)
        if gone and (not entry or entry[0] != gone[0]):
            self._delete(index.id, gone[0])
        if entry and not (gone and table.options.ttl_s == -1 and _same(gone, entry)):
            self._put(index.id, *entry)

    def build_index(self, table: Table, index: Index) -> None:
        """Fill a new index from the existing rows."""
        for _, row in list(self.scan(table, b"", b"\xff")):
            self._replace_entry(table, index, None, row)

    def _put(self, table_id: int, key: bytes, row: Row) -> None:
        text = row.dump()
        self._sql.execute("INSERT OR REPLACE INTO ots_rows VALUES (?,?,?)", (table_id, key, text))
        self._rows.keep(table_id, key, text, row)

    def _delete(self, table_id: int, key: bytes) -> None:
        self._sql.execute("DELETE FROM ots_rows WHERE table_id=? AND pk=?", (table_id, key))
        self._rows.forget(table_id, key)


def _same(one: tuple[bytes, Row], other: tuple[bytes, Row]) -> bool:
    """Whether two entries differ only in their time of writing. That time matters only for a time to live."""
    return one[0] == other[0] and one[1].cells == other[1].cells


def index_entry(table: Table, index: Index, row: Row) -> tuple[bytes, Row] | None:
    """A row's entry in an index. None if a key column of the index is missing, or its value is not allowed in a key."""
    of_key = dict(zip((column.name for column in table.key), row.key, strict=True))
    values = []
    for name in index.key:
        if name in of_key:
            values.append(of_key[name])
        elif (latest := row.latest(name)) is not None:
            values.append(latest[1])
        else:
            return None
    if any(not isinstance(value, bool) and value_size(value) > limits.KEY_VALUE_SIZE for value in values):
        return None  # the row is older than the index; its value is too long for a key, so no page could begin with this entry
    values += [value for name, value in of_key.items() if name not in index.key]
    cells = {name: Versions(row.cells[name][:1]) for name in index.columns if name in row.cells}
    return encode_key(values), Row(tuple(values), cells, row.written_ms)
