"""The part of a row that a read returns: columns, versions, a time range, a filter and a page of columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.tablestore import limits
from localcloud.tablestore.conditions import Filter, read_filter
from localcloud.tablestore.errors import invalid
from localcloud.tablestore.rows import Row, Shown, row_size
from localcloud.tablestore.schema import Table, is_name
from localcloud.wire.plainbuffer import Cell


@dataclass(frozen=True)
class Projection:
    """What GetRow, BatchGetRow and GetRange return of a row. Times are in milliseconds; ``until_ms`` is exclusive."""

    columns: frozenset[str]
    first: str
    end: str
    from_ms: int | None
    until_ms: int | None
    max_versions: int
    filter: Filter

    def apply(self, table: Table, row: Row) -> tuple[list[Cell] | None, int]:
        """The row's cells by name, newest version first (None: the row is not returned), and the number of bytes read.

        The filter sees only the requested columns. A row that has none of the requested columns is not returned (unless a key
        column is requested). Rows that the filter drops count as read.
        """
        cells: Mapping[str, Shown]
        if self._whole(row):
            cells, every = row.cells, row.flat
            size = row_size(table.named(row.key), ()) + row.cells_size
        else:
            cells = self._cells(row)
            every = _flat(cells, cells)
            size = row_size(table.named(row.key), every)
        if self.columns and not cells and not any(column.name in self.columns for column in table.key):
            return None, size
        if self.filter.test is not None and not self.filter.test(self._seen(table, row, cells)):
            return None, size
        if self.filter.page:
            offset, count = self.filter.page
            return _flat(cells, list(cells)[offset : offset + count]), size
        return every, size

    def _whole(self, row: Row) -> bool:
        """Whether every version of every column is requested, which is the usual case: the row keeps these cells and their size."""
        return (
            not self.columns
            and not self.first
            and not self.end
            and self.from_ms is None
            and not self.filter.page
            and row.deepest <= self.max_versions
        )

    def _cells(self, row: Row) -> dict[str, Shown]:
        """The requested columns, ordered by name."""
        names = row.names
        names = names[bisect_left(names, self.first) : bisect_left(names, self.end) if self.end else None]
        cells: dict[str, Shown] = {}
        for name in names:
            if self.columns and name not in self.columns:
                continue
            versions: Shown = row.cells[name]
            if self.from_ms is not None and self.until_ms is not None:
                versions = [each for each in versions if self.from_ms <= each[0] < self.until_ms]
            if versions:
                cells[name] = versions[: self.max_versions]
        return cells

    def _seen(self, table: Table, row: Row, cells: Mapping[str, Shown]) -> dict[str, Shown]:
        key: dict[str, Shown] = {column.name: [(0, value)] for column, value in zip(table.key, row.key, strict=True)}
        return {**key, **cells}


def _flat(cells: Mapping[str, Shown], names: Iterable[str]) -> list[Cell]:
    return [Cell(name, value, 0, stamp) for name in names for stamp, value in cells[name]]


def read_projection(message: Any) -> Projection:
    """The projection of a GetRow or GetRange message, or of a table in a BatchGetRow message."""
    given = message.max_versions if message.HasField("max_versions") else None
    if given is not None and given <= 0:
        raise invalid(f"Invalid max versions: {given} . Reason: Max versions must be positive.")
    from_ms, until_ms = _time_range(message)
    if given is None and from_ms is None:
        raise invalid("No version condition is specified while querying row.")
    if len(message.columns_to_get) > limits.COLUMNS_TO_GET:
        most = limits.COLUMNS_TO_GET
        count = len(message.columns_to_get)
        raise invalid(f"The number of columns from the request exceeds the limit, limit count: {most}, column count: {count}.")
    for name in message.columns_to_get:
        if not is_name(name):
            raise invalid(f"Invalid column name: '{name}'.")
    columns = frozenset(message.columns_to_get)
    versions = given or limits.INT64_MAX
    return Projection(columns, message.start_column, message.end_column, from_ms, until_ms, versions, read_filter(message.filter))


def _time_range(message: Any) -> tuple[int | None, int | None]:
    if not message.HasField("time_range"):
        return None, None
    span = message.time_range
    if span.HasField("specific_time"):
        if span.HasField("start_time") or span.HasField("end_time"):
            raise invalid("Specific tiemstamp and time range cannot be given at the same time.")
        if message.HasField("max_versions"):
            raise invalid("Specific timestamp and max versions cannot be given at the same time.")
        if span.specific_time < 0:
            raise invalid("Specific timestamp cannot be less than 0.")
        return span.specific_time, span.specific_time + 1
    if not (span.HasField("start_time") and span.HasField("end_time")):
        raise invalid("Start and end time must be given at the same time.")
    if not 0 <= span.start_time < span.end_time:
        raise invalid("Timestamp must be in range [0, INT64_MAX/1000).")
    return span.start_time, span.end_time
