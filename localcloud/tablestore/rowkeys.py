"""Checks a request's primary key against the key columns of its table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid, invalid_key
from localcloud.tablestore.rows import value_size
from localcloud.tablestore.schema import KeyColumn, Table, has_type
from localcloud.wire.plainbuffer import KeyValue, Malformed, Row, Special, Value, decode_row

_INFINITE = (Special.INF_MIN, Special.INF_MAX)
_WIRE_NAMES: dict[object, str] = {
    int: "VT_INTEGER",
    float: "VT_DOUBLE",
    bool: "VT_BOOLEAN",
    str: "VT_STRING",
    bytes: "VT_BLOB",
    "INTEGER": "VT_INTEGER",
    "STRING": "VT_STRING",
    "BINARY": "VT_BLOB",
    "BOOLEAN": "VT_BOOLEAN",
}


def read_row(data: bytes) -> Row:
    """The row inside a message. Raises ApiError if the bytes are not PlainBuffer."""
    try:
        return decode_row(data)
    except Malformed as error:
        raise invalid(f"Cell data broken, {error}.") from error


def read_key(table: Table, data: bytes) -> tuple[Value, ...]:
    """The complete key of a row to read."""
    return tuple(_finite(column, value) for column, value in _read(table, data))


def range_key(table: Table, data: bytes) -> tuple[KeyValue, ...]:
    """One end of a range: a complete key in which infinities are allowed."""
    return tuple(value if value in _INFINITE else _finite(column, value) for column, value in _read(table, data))


def partition_key(table: Table, data: bytes) -> Value:
    """The first key column alone, which StartLocalTransaction takes."""
    row = read_row(data)
    if len(row.key) != 1 or row.cells:
        raise invalid("Only the partition key may be given to start a local transaction.")
    column, (name, value) = table.key[0], row.key[0]
    if name != column.name:
        raise invalid_key(f"Validate PK name fail. Input: {name}, Meta: {column.name}.")
    return _finite(column, value)


def write_key(table: Table, row: Row, action: str) -> tuple[KeyValue, ...]:
    """The key of a row to write. An automatic column may be AUTO_INCREMENT, except in a deletion."""
    values: list[KeyValue] = []
    for column, value in _matched(table, row.key):
        if column.auto and value is Special.AUTO_INCREMENT:
            if action == "DeleteRow":
                raise invalid("Invalid row to delete which with pk auto increment.")
            values.append(value)
        else:
            values.append(_finite(column, value))
    return tuple(values)


@lru_cache(maxsize=4096)
def _key_row(data: bytes) -> Row:
    """The row of a key to read, cached because the same few keys are read often. Callers must not change the result."""
    return read_row(data)


def _read(table: Table, data: bytes) -> list[tuple[KeyColumn, KeyValue]]:
    row = _key_row(data)
    if row.cells:
        raise invalid("Attribute column cannot be given while reading data.")
    if row.deleted:
        raise invalid("Delete marker cannot be given.")
    matched = _matched(table, row.key)
    if any(value is Special.AUTO_INCREMENT for _, value in matched):
        raise invalid("PKAutoIncr can't be used for read operations.")
    return matched


def _matched(table: Table, key: Sequence[tuple[str, KeyValue]]) -> list[tuple[KeyColumn, KeyValue]]:
    if len(key) != len(table.key):
        raise invalid_key(f"Validate PK size fail. Input: {len(key)}, Meta: {len(table.key)}.")
    for column, (name, _) in zip(table.key, key, strict=True):
        if name != column.name:
            raise invalid_key(f"Validate PK name fail. Input: {name}, Meta: {column.name}.")
    return [(column, value) for column, (_, value) in zip(table.key, key, strict=True)]


def _finite(column: KeyColumn, value: KeyValue) -> Value:
    if isinstance(value, Special) or not has_type(value, column.type):
        given = f"VT_{value.name}" if isinstance(value, Special) else _WIRE_NAMES[type(value)]
        raise invalid_key(f"Validate PK type fail. Input: {given}, Meta: {_WIRE_NAMES[column.type]}.")
    size = value_size(value)
    if size > limits.KEY_VALUE_SIZE:
        longest = limits.KEY_VALUE_SIZE
        raise invalid(
            f"The length of primary key column: '{column.name}' exceeds the MaxLength: {longest} with CurrentLength: {size}."
        )
    return value
