"""A stored row: its cells with their versions, the cells still visible, and the change that an update makes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from json.encoder import encode_basestring_ascii
from typing import Any

from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid
from localcloud.tablestore.schema import Options
from localcloud.wire.plainbuffer import DELETE_ALL, DELETE_ONE, INCREMENT, Cell, KeyValue, Special, Value

_REMEMBERED = 8192
"""The maximum number of rows in the cache of one cloud."""

Shown = Sequence[tuple[int, Value]]
"""The versions of a column that a request sees: (milliseconds, value), newest first."""


class Versions(list[tuple[int, Value]]):
    """The versions of one column, (milliseconds, value), newest first. They are immutable: a write creates new ones."""

    __slots__ = ("_text",)

    @property
    def text(self) -> str:
        """The versions as JSON, made once. An update changes few columns, and serialising large ones again would be slow."""
        try:
            return self._text
        except AttributeError:
            self._text: str = self._as_text()
            return self._text

    def _as_text(self) -> str:
        if len(self) == 1:  # the usual case; most values are strings or numbers
            written_ms, value = self[0]
            if type(value) is str:
                return f"[[{written_ms},{encode_basestring_ascii(value)}]]"
            if type(value) is int:
                return f"[[{written_ms},{value}]]"
        return json.dumps(self, separators=(",", ":"), default=_bytes_out)


@dataclass
class Row:
    """One row. ``written_ms`` is the time of the last write; a row without attribute columns expires by it."""

    key: tuple[Value, ...]
    cells: dict[str, Versions]
    written_ms: int

    def dump(self) -> str:
        """The row as text for the database."""
        key = json.dumps(self.key, separators=(",", ":"), default=_bytes_out)
        columns = ",".join([f'["{name}",{versions.text}]' for name, versions in self.cells.items()])
        return f"[{self.written_ms},{key},[{columns}]]"

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns, sorted."""
        return sorted(self.cells)

    @cached_property
    def deepest(self) -> int:
        """The largest number of versions in any column."""
        return max(map(len, self.cells.values()), default=0)

    @cached_property
    def flat(self) -> list[Cell]:
        """Every version of every column, ordered by name, newest version first. Callers must not change the list."""
        return [Cell(name, value, 0, stamp) for name in self.names for stamp, value in self.cells[name]]

    @cached_property
    def cells_size(self) -> int:
        """The number of bytes that ``flat`` counts for."""
        return row_size((), self.flat)

    def _cut(self, most: int) -> dict[str, Versions]:
        return {name: Versions(versions[:most]) for name, versions in self.cells.items()}

    def latest(self, name: str) -> tuple[int, Value] | None:
        """The newest version of a column."""
        versions = self.cells.get(name)
        return versions[0] if versions else None

    def visible(self, options: Options, now_ms: int) -> Row | None:
        """The row without expired cells and surplus versions; None if nothing is left."""
        if self.deepest > options.max_versions:  # max_versions was lowered since the write
            return Row(self.key, self._cut(options.max_versions), self.written_ms).visible(options, now_ms)
        if options.ttl_s == -1:
            return self
        oldest = now_ms - options.ttl_s * 1000
        lasting = {name: Versions(each for each in versions if each[0] > oldest) for name, versions in self.cells.items()}
        cells = {name: versions for name, versions in lasting.items() if versions}
        if not cells and self.written_ms <= oldest:
            return None
        return Row(self.key, cells, self.written_ms)


def load_row(text: str) -> Row:
    """The row from the text that ``Row.dump`` wrote."""
    written_ms, key, cells = json.loads(text, object_hook=_bytes_in)
    return Row(tuple(key), {name: Versions(versions) for name, versions in cells}, written_ms)


class Remembered:
    """A cache of rows that were recently written or read, by table and key. Most rows are read again soon.

    A cached row is returned only if the database holds exactly its text, so it is never stale, even after a rollback. Rows are
    immutable: a write creates a new row. The caller holds the cloud's lock.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, bytes], tuple[str, Row]] = {}

    def load(self, table_id: int, key: bytes, text: str) -> Row:
        """The row of a text, from the cache if possible."""
        known = self._rows.get((table_id, key))
        if known and known[0] == text:
            return known[1]
        row = load_row(text)
        self.keep(table_id, key, text, row)
        return row

    def keep(self, table_id: int, key: bytes, text: str, row: Row) -> None:
        """Cache a row in place of its older version. The oldest entries make room."""
        self._rows.pop((table_id, key), None)
        if len(self._rows) >= _REMEMBERED:
            del self._rows[next(iter(self._rows))]
        self._rows[table_id, key] = text, row

    def forget(self, table_id: int, key: bytes) -> None:
        """Remove a deleted row from the cache."""
        self._rows.pop((table_id, key), None)


def _bytes_out(value: bytes) -> dict[str, str]:
    return {"b": b64encode(value).decode()}


def _bytes_in(doc: dict[str, Any]) -> bytes:
    return b64decode(doc["b"])


def value_size(value: Value | None) -> int:
    """The number of bytes that a value counts for."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    return 1 if isinstance(value, bool) else 8


def row_size(key: Iterable[tuple[str, KeyValue]], cells: Iterable[Cell]) -> int:
    """The number of bytes that a row, or a change to a row, counts for: names and values, including the primary key.

    All limits (of a put, a batch, a transaction and a page) and the capacity units use this measure.
    """
    size = sum(len(name) + (8 if isinstance(value, Special) else value_size(value)) for name, value in key)
    return size + sum(len(cell.name) + (0 if cell.value is None else value_size(cell.value)) for cell in cells)


def capacity_units(size: int) -> int:
    """The capacity units of a number of bytes: one per started 4 KB, at least one."""
    return max(1, -(-size // limits.CAPACITY_UNIT))


def put_cells(cells: Iterable[Cell], options: Options, now_ms: int) -> dict[str, Versions]:
    """The columns of a row that PutRow replaces."""
    columns: dict[str, Versions] = {}
    for cell in cells:
        if cell.op:
            raise invalid(f"OpType cannot be given for column name: '{cell.name}' in PutRow.")
        if cell.value is None:
            raise invalid("Invalid request of put row: find cells without values.")
        _add(columns, cell.name, (_stamp(cell, options, now_ms), cell.value), options)
    return columns


def update_cells(old: dict[str, Versions], cells: Iterable[Cell], options: Options, now_ms: int) -> dict[str, Versions]:
    """The columns after UpdateRow. ``old`` is not changed."""
    columns, cells = dict(old), list(cells)
    _check_counters(cells)
    for cell in cells:
        if cell.op == DELETE_ALL:
            _delete_all(columns, cell)
        elif cell.op == DELETE_ONE:
            _delete_one(columns, cell)
        elif cell.op == INCREMENT:
            _increment(columns, cell, options, now_ms)
        elif cell.op:
            raise invalid(f"Invalid op type of cell: {cell.op}.")
        elif cell.value is None:
            raise invalid(f"Invalid cell: {cell.name}. Reason: missing value.")
        else:
            _add(columns, cell.name, (_stamp(cell, options, now_ms), cell.value), options)
    return columns


def is_counter(cells: Iterable[Cell]) -> bool:
    """Whether an UpdateRow message increments a column."""
    return any(cell.op == INCREMENT for cell in cells)


def _check_counters(cells: Sequence[Cell]) -> None:
    """Refuse a second change to a column that is incremented. Source: "Atomic counters" of the documentation."""
    if not is_counter(cells):
        return
    names = [cell.name for cell in cells]
    for cell in cells:
        if cell.op == INCREMENT and names.count(cell.name) > 1:
            raise invalid(f"A column that is incremented cannot be changed otherwise in the same request: '{cell.name}'.")


def _delete_all(columns: dict[str, Versions], cell: Cell) -> None:
    if cell.timestamp is not None:
        raise invalid("Timestamp cannot be given when type is DELETE_ALL_VERSION.")
    _no_value(cell)
    columns.pop(cell.name, None)


def _delete_one(columns: dict[str, Versions], cell: Cell) -> None:
    if cell.timestamp is None:
        raise invalid("Timestamp must be given when type is DELETE_ONE_VERSION.")
    _no_value(cell)
    kept = Versions(each for each in columns.get(cell.name, ()) if each[0] != cell.timestamp)
    if kept:
        columns[cell.name] = kept
    else:
        columns.pop(cell.name, None)


def _no_value(cell: Cell) -> None:
    if cell.value is not None:
        raise invalid("Column value cannot be given when type is DELETE_ONE_VERSION,DELETE_ALL_VERSION.")


def _increment(columns: dict[str, Versions], cell: Cell, options: Options, now_ms: int) -> None:
    versions = columns.get(cell.name)
    base = versions[0][1] if versions else 0
    if type(base) is not int or type(cell.value) is not int:
        raise invalid(f"Only a column of type INTEGER can be incremented: '{cell.name}'.")
    total = base + cell.value
    if not -limits.INT64_MAX - 1 <= total <= limits.INT64_MAX:
        raise invalid(f"The increment of column '{cell.name}' overflows.")
    _add(columns, cell.name, (_stamp(cell, options, now_ms), total), options)


def _stamp(cell: Cell, options: Options, now_ms: int) -> int:
    if cell.timestamp is None:
        return now_ms
    deviation = options.deviation_s * 1000
    oldest = now_ms - (deviation if options.ttl_s == -1 else min(deviation, options.ttl_s * 1000))
    if not max(oldest, 0) <= cell.timestamp < now_ms + deviation:
        raise invalid(f"Invalid timestamp. Cell: {cell.name}.")
    return cell.timestamp


def _add(columns: dict[str, Versions], name: str, version: tuple[int, Value], options: Options) -> None:
    versions = [version, *(each for each in columns.get(name, ()) if each[0] != version[0])]
    versions.sort(key=lambda each: -each[0])
    columns[name] = Versions(versions[: options.max_versions])
