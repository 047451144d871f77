"""GetRow, BatchGetRow and GetRange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcloud.core.clock import Clock
from localcloud.core.errors import ApiError
from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid, table_missing
from localcloud.tablestore.keys import encode_key
from localcloud.tablestore.messages import messages
from localcloud.tablestore.projection import Projection, read_projection
from localcloud.tablestore.rowkeys import range_key, read_key
from localcloud.tablestore.rows import Row, capacity_units
from localcloud.tablestore.schema import Table
from localcloud.tablestore.store import Store
from localcloud.tablestore.transactions import Rows, Transactions
from localcloud.wire.plainbuffer import Cell, KeyValue, Value, encode_row, encode_rows


def consumed(message: Any, *, read: int = 0, write: int = 0) -> None:
    """Write the cost of an operation into its answer. Both numbers are always present, because the Node.js client requires them."""
    message.consumed.capacity_unit.read = read
    message.consumed.capacity_unit.write = write


class Reads:
    """The reading operations. Each takes an instance name and a request message and returns the response message."""

    def __init__(self, store: Store, clock: Clock, transactions: Transactions) -> None:
        self._store, self._clock, self._transactions = store, clock, transactions

    def get_row(self, instance: str, request: Any) -> Any:
        table = self._table(instance, request.table_name)
        response = messages.GetRowResponse(row=b"")
        projection, key = read_projection(request), read_key(table, request.primary_key)
        rows = self._transactions.rows(table, request.transaction_id, key[0])
        self._read_into(response, table, rows, key, projection)
        return response

    def batch_get_row(self, instance: str, request: Any) -> Any:
        """Read several rows. Each row has its own result; only an error in the request as a whole fails the call."""
        _check_batch(request)
        response = messages.BatchGetRowResponse()
        for asked in request.tables:
            table, projection = self._table(instance, asked.table_name), read_projection(asked)
            answer = response.tables.add(table_name=asked.table_name)
            for key in asked.primary_key:
                row = answer.rows.add(is_ok=True)
                try:
                    self._read_into(row, table, self._store, read_key(table, key), projection)
                except ApiError as error:
                    row.is_ok = False
                    row.error.code, row.error.message = error.code, error.message
        return response

    def get_range(self, instance: str, request: Any) -> Any:
        table, projection = self._table(instance, request.table_name), read_projection(request)
        most = request.limit if request.HasField("limit") else limits.RANGE_ROWS
        if most <= 0:
            raise invalid("The limit must be greater than 0.")
        rows, next_key, size = self._take(table, projection, self._scan(table, request), min(most, limits.RANGE_ROWS))
        response = messages.GetRangeResponse(rows=encode_rows(rows))
        if next_key is not None:
            response.next_start_primary_key = encode_row(table.named(next_key))
        consumed(response, read=capacity_units(size))
        return response

    def _scan(self, table: Table, request: Any) -> Iterator[tuple[bytes, Row]]:
        backward = request.direction == messages.BACKWARD
        first, last = range_key(table, request.inclusive_start_primary_key), range_key(table, request.exclusive_end_primary_key)
        start, end = encode_key(first), encode_key(last)
        if backward and start <= end:
            raise invalid("Begin key must more than end key in BACKWARD")
        if not backward and start >= end:
            raise invalid("Begin key must less than end key in FORWARD")
        rows = self._transactions.rows(table, request.transaction_id, first[0], last[0])
        return rows.scan(table, start, end, backward=backward)

    def _take(
        self, table: Table, projection: Projection, scan: Iterator[tuple[bytes, Row]], most: int
    ) -> tuple[list[tuple[list[tuple[str, KeyValue]], list[Cell]]], tuple[KeyValue, ...] | None, int]:
        """The rows of one page, the first key of the next page, and the bytes read. Rows that the filter drops count as read."""
        rows: list[tuple[list[tuple[str, KeyValue]], list[Cell]]] = []
        now, size, seen = self._clock.now_ms(), 0, 0
        for _, stored in scan:
            row = stored.visible(table.options, now)
            if row is None:
                continue
            if len(rows) >= most or seen >= limits.RANGE_ROWS or size >= limits.RANGE_SIZE:
                return rows, row.key, size
            seen += 1
            cells, read = projection.apply(table, row)
            size += read
            if cells is not None:
                rows.append((table.named(row.key), cells))
        return rows, None, size

    def _read_into(self, answer: Any, table: Table, rows: Rows, values: tuple[Value, ...], projection: Projection) -> None:
        stored = rows.get(table, encode_key(values))
        row = stored.visible(table.options, self._clock.now_ms()) if stored else None
        cells, size = projection.apply(table, row) if row else (None, 0)
        if cells is not None:
            answer.row = encode_row(table.named(values), cells)
        consumed(answer, read=capacity_units(size))

    def _table(self, instance: str, name: str) -> Table:
        table = self._store.table(instance, name)
        if table is None:
            raise table_missing()
        return table


def _check_batch(request: Any) -> None:
    names = [asked.table_name for asked in request.tables]
    count = sum(len(asked.primary_key) for asked in request.tables)
    if not count or any(not asked.primary_key for asked in request.tables):
        raise invalid("No row specified in the request of BatchGetRow.")
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicated table name: '{name}'.")
    if count > limits.BATCH_GET_ROWS:
        raise invalid(f"Rows count exceeds the upper limit: {limits.BATCH_GET_ROWS}.")
    for asked in request.tables:
        if len(set(asked.primary_key)) != len(asked.primary_key):
            raise invalid("Duplicate rows detected in MultiGet.")
