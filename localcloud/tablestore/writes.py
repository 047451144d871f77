"""PutRow, UpdateRow, DeleteRow and BatchWriteRow.

A row is checked completely before any of it is written. So a refused row of a batch changes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from localcloud.core.clock import Clock
from localcloud.core.errors import ApiError
from localcloud.tablestore import limits
from localcloud.tablestore.conditions import read_condition
from localcloud.tablestore.errors import condition_failed, invalid, table_missing
from localcloud.tablestore.keys import encode_key
from localcloud.tablestore.messages import messages
from localcloud.tablestore.reads import consumed
from localcloud.tablestore.rowkeys import read_row, write_key
from localcloud.tablestore.rows import Row, capacity_units, is_counter, put_cells, row_size, update_cells, value_size
from localcloud.tablestore.schema import Table, check_declared_type, is_name, key_values_of_indexes
from localcloud.tablestore.store import Store
from localcloud.tablestore.transactions import Transactions
from localcloud.wire.plainbuffer import Cell, Special, Value, encode_row
from localcloud.wire.plainbuffer import Row as WireRow

PUT, UPDATE, DELETE = "PutRow", "UpdateRow", "DeleteRow"
_BATCH_ACTIONS = {messages.PUT: PUT, messages.UPDATE: UPDATE, messages.DELETE: DELETE}


class Writes:
    """The writing operations. Each takes an instance name and a request message and returns the response message."""

    def __init__(self, store: Store, clock: Clock, transactions: Transactions) -> None:
        self._store, self._clock, self._transactions = store, clock, transactions

    def put_row(self, instance: str, request: Any) -> Any:
        response = messages.PutRowResponse()
        self._write(
            self._table(instance, request.table_name), PUT, read_row(request.row), request, response, request.transaction_id
        )
        return response

    def update_row(self, instance: str, request: Any) -> Any:
        response = messages.UpdateRowResponse()
        self._write(
            self._table(instance, request.table_name),
            UPDATE,
            read_row(request.row_change),
            request,
            response,
            request.transaction_id,
        )
        return response

    def delete_row(self, instance: str, request: Any) -> Any:
        response = messages.DeleteRowResponse()
        self._write(
            self._table(instance, request.table_name),
            DELETE,
            read_row(request.primary_key),
            request,
            response,
            request.transaction_id,
        )
        return response

    def batch_write_row(self, instance: str, request: Any) -> Any:
        """Write several rows. Each row has its own result; only an error in the request as a whole fails the call."""
        _check_batch(request)
        tables = [self._table(instance, asked.table_name) for asked in request.tables]
        rows = [[read_row(change.row_change) for change in asked.rows] for asked in request.tables]
        _check_batch_size(rows)
        _check_repeated(request, rows)
        response = messages.BatchWriteRowResponse()
        for table, asked, wires in zip(tables, request.tables, rows, strict=True):
            answer = response.tables.add(table_name=asked.table_name)
            for change, wire in zip(asked.rows, wires, strict=True):
                row = answer.rows.add(is_ok=True)
                try:
                    self._write(table, _BATCH_ACTIONS[change.type], wire, change, row, request.transaction_id)
                except ApiError as error:
                    row.Clear()
                    row.is_ok = False
                    row.error.code, row.error.message = error.code, error.message
        return response

    def _write(self, table: Table, action: str, wire: WireRow, request: Any, answer: Any, transaction: str) -> None:
        """Carry out the change of one row and fill in its answer."""
        size = _check_change(table, action, wire)
        given = write_key(table, wire, action)
        _check_auto(given, request.condition)
        self._transactions.check_free(table, given[0], transaction)
        rows = self._transactions.rows(table, transaction, given[0])
        condition = read_condition(request.condition.column_condition)
        now = self._clock.now_ms()
        if Special.AUTO_INCREMENT in given:
            given = tuple(self._store.next_auto(table) if value is Special.AUTO_INCREMENT else value for value in given)
        values: tuple[Value, ...] = tuple(value for value in given if not isinstance(value, Special))
        key = encode_key(values)
        stored = rows.get(table, key)
        old = stored.visible(table.options, now) if stored else None
        _check_existence(request.condition.row_existence, old)
        if condition is not None and not condition(old.cells if old else {}):
            raise condition_failed()
        new = _changed(table, action, wire, values, old, now)
        self._transactions.count(transaction, size)
        if new is not None or stored is not None:
            rows.replace(table, key, stored, new)
        _fill(answer, table, request, values, new, size)

    def _table(self, instance: str, name: str) -> Table:
        table = self._store.table(instance, name)
        if table is None:
            raise table_missing()
        if table.is_index:
            raise invalid("Can't write index table directly.")
        return table


def _changed(table: Table, action: str, wire: WireRow, values: tuple[Value, ...], old: Row | None, now: int) -> Row | None:
    if action == DELETE:
        return None
    if action == PUT:
        return Row(values, put_cells(wire.cells, table.options, now), now)
    cells = update_cells(old.cells if old else {}, wire.cells, table.options, now)
    if old is None and not cells:
        return None  # an update that only deletes does not create a row
    return Row(values, cells, now)


def _check_existence(expectation: int, row: Row | None) -> None:
    if expectation == messages.EXPECT_EXIST and row is None:
        raise condition_failed()
    if expectation == messages.EXPECT_NOT_EXIST and row is not None:
        raise condition_failed()


def _fill(answer: Any, table: Table, request: Any, values: tuple[Value, ...], new: Row | None, size: int) -> None:
    conditional = request.condition.row_existence != messages.IGNORE or bool(request.condition.column_condition)
    consumed(answer, read=int(conditional), write=capacity_units(size))
    wanted = request.return_content
    if wanted.return_type == messages.RT_PK:
        answer.row = encode_row(table.named(values))
    elif wanted.return_type == messages.RT_AFTER_MODIFY and new is not None:
        names = sorted(set(wanted.return_column_names) & new.cells.keys())
        answer.row = encode_row(
            table.named(values), [Cell(name, new.cells[name][0][1], 0, new.cells[name][0][0]) for name in names]
        )


def _check_change(table: Table, action: str, wire: WireRow) -> int:
    """Refuse columns that are not allowed. Returns how many bytes the change counts for."""
    if action == DELETE:
        if not wire.deleted:
            raise invalid("Invalid request of delete row: missing RowDeleteMarker in request.")
        if wire.cells:
            raise invalid("Invalid delete row request: unexpected cells in request.")
    elif wire.deleted:
        raise invalid("Invalid request of put/update row: unexpected RowDeleteMarker in request.")
    elif action == UPDATE:
        if not wire.cells:
            raise invalid("Invalid update row request: missing cells in request.")
        if not table.options.allow_update:
            raise invalid(f"Update is not allowed for table: {table.name}.")
    _check_number(wire)
    short = key_values_of_indexes(table)
    for cell in wire.cells:
        _check_cell(table, cell, limits.KEY_VALUE_SIZE if cell.name in short else limits.COLUMN_VALUE_SIZE)
    size = row_size(wire.key, wire.cells)
    if size > limits.ROW_WRITE_SIZE:
        raise invalid(
            f"The total data size of {action} request exceeds the limit, limit size: {limits.ROW_WRITE_SIZE}, data size: {size}."
        )
    return size


def _check_number(wire: WireRow) -> None:
    if len(wire.cells) > limits.COLUMNS_PER_WRITE:
        most, count = limits.COLUMNS_PER_WRITE, len(wire.cells)
        raise invalid(f"The number of attribute columns exceeds the limit, limit count: {most}, column count: {count}.")


def _check_cell(table: Table, cell: Cell, longest: int) -> None:
    if not is_name(cell.name):
        raise invalid(f"Invalid column name: '{cell.name}'.")
    if any(column.name == cell.name for column in table.key):
        raise invalid(f"Duplicated attribute column name with primary key column: '{cell.name}'.")
    value = cell.value
    if value is None:
        return
    if isinstance(value, Special):
        raise invalid("data format is invalid, unknown variant type occured.")
    if isinstance(value, float) and value != value:
        raise invalid("NaN can't be set to double value.")
    if value in (float("inf"), float("-inf")):
        raise invalid("Infinity can't be set to double value.")
    check_declared_type(table, cell.name, value)
    size = value_size(value)
    if size > longest:
        raise invalid(
            f"The length of attribute column: '{cell.name}' exceeded the MaxLength: {longest} with Current Length: {size}."
        )


def _check_auto(key: tuple[object, ...], condition: Any) -> None:
    if Special.AUTO_INCREMENT not in key:
        return
    if condition.row_existence != messages.IGNORE:
        name = messages.RowExistenceExpectation.Name(condition.row_existence)
        raise invalid(f"Invalid expect: {name} when modify row with pk auto increment.")
    if condition.column_condition:
        raise invalid("Can't set condition when modify row with pk auto increment.")


def _check_batch(request: Any) -> None:
    names = [asked.table_name for asked in request.tables]
    if not any(asked.rows for asked in request.tables):
        raise invalid("No row is specified in BatchWriteRow.")
    for asked in request.tables:
        if not asked.rows:
            raise invalid(f"No operation is specified for table: '{asked.table_name}'.")
        if names.count(asked.table_name) > 1:
            raise invalid(f"Duplicated table name: '{asked.table_name}'.")
    if sum(len(asked.rows) for asked in request.tables) > limits.BATCH_WRITE_ROWS:
        raise invalid(f"Rows count exceeds the upper limit: {limits.BATCH_WRITE_ROWS}.")


def _check_batch_size(rows: list[list[WireRow]]) -> None:
    size = sum(row_size(wire.key, wire.cells) for wires in rows for wire in wires)
    if size > limits.BATCH_WRITE_SIZE:
        most = limits.BATCH_WRITE_SIZE
        raise invalid(f"The total data size of BatchWriteRow request exceeds the limit, limit size: {most}, data size: {size}.")


def _check_repeated(request: Any, rows: list[list[WireRow]]) -> None:
    """Refuse a row that comes twice in a batch, unless both changes are unconditional and neither is a counter."""
    for asked, wires in zip(request.tables, rows, strict=True):
        seen = Counter(repr(wire.key) for wire in wires)
        for change, wire in zip(asked.rows, wires, strict=True):
            if seen[repr(wire.key)] > 1 and change.condition.row_existence != messages.IGNORE:
                raise invalid("Repeated rows do not support row exist expectation check in BatchModify.")
            if seen[repr(wire.key)] > 1 and change.condition.column_condition:
                raise invalid("Repeated rows do not support row condition check in BatchModify.")
            if seen[repr(wire.key)] > 1 and is_counter(wire.cells):
                raise invalid("Repeated rows do not support increment in BatchModify.")
