"""PlainBuffer, the row format inside Tablestore's protobuf messages (API version 2015-12-31).

A buffer is ``int32 0x75`` and rows. A row has primary-key cells, attribute cells, an optional delete marker, and a checksum over
the checksums of its cells. Values are int, float, bool, str, bytes, or one of the three ``Special`` marks of primary keys. Source:
the codec of the tablestore SDK 6.4.8 and the format's description in its documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

HEADER = 0x75
DELETE_ALL, DELETE_ONE, INCREMENT = 1, 3, 4
"""The operation marks of a cell in UpdateRow. Without a mark (0) the value is written."""

_PK, _DATA, _CELL, _NAME, _VALUE, _OP, _TIMESTAMP, _DELETE_ROW, _ROW_SUM, _CELL_SUM = range(1, 11)
_INTEGER, _DOUBLE, _BOOLEAN, _STRING, _BLOB = 0, 1, 2, 3, 7


class Special(Enum):
    """Values that only a primary key may hold: the two infinities of a range, and the request for an automatic number."""

    INF_MIN = 9
    INF_MAX = 10
    AUTO_INCREMENT = 11


Value = int | float | bool | str | bytes
KeyValue = Value | Special


class Cell(NamedTuple):
    """One attribute cell. ``value`` is None if an update only deletes. ``timestamp`` (ms) is None if the server sets it."""

    name: str
    value: Value | None
    op: int = 0
    timestamp: int | None = None


class Row(NamedTuple):
    """One decoded row."""

    key: list[tuple[str, KeyValue]]
    cells: list[Cell]
    deleted: bool = False


class Malformed(ValueError):
    """The bytes are not PlainBuffer."""


def _table() -> bytes:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc << 1) ^ (0x107 if crc & 0x80 else 0)
        table.append(crc)
    return bytes(table)


_CRC = _table()
_LONG = 4096
"""Longer values are not kept in the cache of encoded cells."""
_PERIOD = 127
"""x**127 is 1 modulo the checksum's polynomial. So blocks of 127 bits can be combined by XOR without changing the checksum."""


def crc8(data: bytes) -> int:
    """CRC-8 with polynomial 0x07 and start 0. Long data are folded into 127 bits first, which is 20 times faster."""
    if len(data) > 24:
        number, bits = int.from_bytes(data, "big"), 8 * len(data)
        while bits > _PERIOD:
            shift = _PERIOD * ((bits // _PERIOD + 1) // 2)
            number = (number >> shift) ^ (number & ((1 << shift) - 1))
            bits = max(bits - shift, shift)
        data = number.to_bytes(16, "big")
    return _crc8(data)


@lru_cache(maxsize=16384)
def _crc8(data: bytes) -> int:
    """The checksum byte by byte. Results are cached, because the same names and short values occur again and again."""
    crc = 0
    for byte in data:
        crc = _CRC[crc ^ byte]
    return crc


_i32, _u32, _i64, _f64 = struct.Struct("<i"), struct.Struct("<I"), struct.Struct("<q"), struct.Struct("<d")


def encode_value(value: KeyValue) -> bytes:
    """A value as type byte and payload. Filters use this form, and so do cells, after a length."""
    if isinstance(value, str):
        payload = value.encode()
        return b"\x03" + _u32.pack(len(payload)) + payload
    if isinstance(value, bool):
        return b"\x02\x01" if value else b"\x02\x00"
    if isinstance(value, int):
        return b"\x00" + _i64.pack(value)
    if isinstance(value, float):
        return b"\x01" + _f64.pack(value)
    if isinstance(value, Special):
        return bytes((value.value,))
    return b"\x07" + _u32.pack(len(value)) + value


def decode_value(data: bytes) -> KeyValue:
    """The value from the bytes that ``encode_value`` wrote. Raises Malformed."""
    try:
        return _decode_value(data)
    except (struct.error, IndexError, ValueError) as error:
        raise Malformed(f"not a value: {error}") from error


def _decode_value(data: bytes) -> KeyValue:
    kind = data[0]
    if kind in (_STRING, _BLOB):
        (length,) = _u32.unpack_from(data, 1)
        if len(data) != length + 5:
            raise Malformed("a value's length does not match")
        return data[5:].decode() if kind == _STRING else data[5:]
    if kind == _INTEGER:
        return int(_i64.unpack(data[1:])[0])
    if kind == _DOUBLE:
        return float(_f64.unpack(data[1:])[0])
    if kind == _BOOLEAN:
        if data not in (b"\x02\x00", b"\x02\x01"):
            raise Malformed("a boolean is neither 0 nor 1")
        return data[1] == 1
    if len(data) != 1:
        raise Malformed("a mark carries a payload")
    return Special(kind)


def decode_row(data: bytes) -> Row:
    """The one row of a buffer, with its checksums verified. Raises Malformed.

    Zero bytes may follow, because the Node.js client allocates its buffers too large and sends them whole.
    """
    try:
        if _u32.unpack_from(data, 0)[0] != HEADER:
            raise Malformed("the header is not 0x75")
        row, end = _Reader(data).row(4)
    except (struct.error, IndexError, ValueError) as error:
        raise error if isinstance(error, Malformed) else Malformed(f"cut off or damaged: {error}") from error
    if data[end:].strip(b"\x00"):
        raise Malformed("bytes follow the row")
    return row


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def row(self, at: int) -> tuple[Row, int]:
        data, sums = self._data, bytearray()
        if data[at] != _PK:
            raise Malformed("the row does not begin with its primary key")
        key_cells, at = self._cells(at + 1, sums)
        if any(cell.op or cell.timestamp is not None or cell.value is None for cell in key_cells):
            raise Malformed("a primary key cell carries more than a value")
        cells: list[Cell] = []
        if data[at] == _DATA:
            cells, at = self._cells(at + 1, sums)
        deleted = data[at] == _DELETE_ROW
        at += deleted
        sums.append(deleted)
        if data[at] != _ROW_SUM or data[at + 1] != crc8(bytes(sums)):
            raise Malformed("the row's checksum does not match")
        return Row([(cell.name, cell.value) for cell in key_cells if cell.value is not None], cells, deleted), at + 2

    def _cells(self, at: int, sums: bytearray) -> tuple[list[Cell], int]:
        cells = []
        while self._data[at] == _CELL:
            cell, at, total = self._cell(at + 1)
            cells.append(cell)
            sums.append(total)
        return cells, at

    def _cell(self, at: int) -> tuple[Cell, int, int]:
        data = self._data
        if data[at] != _NAME:
            raise Malformed("a cell has no name")
        name, at = self._block(at + 1)
        summed, value, op, timestamp = name, None, 0, None
        if data[at] == _VALUE:
            body, at = self._block(at + 1)
            summed, value = summed + body, _decode_value(body)
        mark = b""
        if data[at] == _OP:
            mark, op, at = data[at + 1 : at + 2], data[at + 1], at + 2
        if data[at] == _TIMESTAMP:
            summed, timestamp, at = summed + data[at + 1 : at + 9], _i64.unpack_from(data, at + 1)[0], at + 9
        total = crc8(summed + mark)
        if data[at] != _CELL_SUM or data[at + 1] != total:
            raise Malformed("a cell's checksum does not match")
        return Cell(name.decode(), value, op, timestamp), at + 2, total  # type: ignore[arg-type]

    def _block(self, at: int) -> tuple[bytes, int]:
        (length,) = _u32.unpack_from(self._data, at)
        end = at + 4 + length
        if end > len(self._data):
            raise Malformed("a length points past the end")
        return self._data[at + 4 : end], end


def encode_row(key: Iterable[tuple[str, KeyValue]], cells: Iterable[Cell] = ()) -> bytes:
    """A buffer with one row."""
    return encode_rows([(key, cells)])


def encode_rows(rows: Iterable[tuple[Iterable[tuple[str, KeyValue]], Iterable[Cell]]]) -> bytes:
    """A buffer with any number of rows. Without rows the buffer is empty, as in the real service."""
    out = bytearray()
    for key, cells in rows:
        _write_row(out, key, cells)
    return _u32.pack(HEADER) + bytes(out) if out else b""


def _write_row(out: bytearray, key: Iterable[tuple[str, KeyValue]], cells: Iterable[Cell]) -> None:
    sums = bytearray()
    out.append(_PK)
    for name, value in key:
        sums.append(_write_cell(out, name, value, 0, None))
    first = True
    for cell in cells:
        if first:
            out.append(_DATA)
            first = False
        sums.append(_write_cell(out, *cell))
    sums.append(0)
    out += bytes((_ROW_SUM, crc8(bytes(sums))))


def _write_cell(out: bytearray, name: str, value: KeyValue | None, op: int, timestamp: int | None) -> int:
    if isinstance(value, (str, bytes)) and len(value) > _LONG:
        written, total = _encode_cell(name, value, op, timestamp)
    else:
        written, total = _encode_cell_once(name, value, type(value), op, timestamp)  # type: ignore[arg-type]
    out += written
    return total


@lru_cache(maxsize=32768)
def _encode_cell_once(name: str, value: KeyValue | None, kind: type, op: int, timestamp: int | None) -> tuple[bytes, int]:
    """The cell like ``_encode_cell``. Results are cached, because most cells are read again. ``kind`` tells 1 from True and 1.0."""
    return _encode_cell(name, value, op, timestamp)


def _encode_cell(name: str, value: KeyValue | None, op: int, timestamp: int | None) -> tuple[bytes, int]:
    """The bytes of a cell, and its checksum."""
    out, raw = bytearray(), name.encode()
    out += b"\x03\x04" + _u32.pack(len(raw)) + raw
    summed = raw
    if value is not None:
        body = encode_value(value)
        out += b"\x05" + _u32.pack(len(body)) + body
        summed += body
    if op:
        out += bytes((_OP, op))
    if timestamp is not None:
        stamp = _i64.pack(timestamp)
        out += b"\x07" + stamp
        summed += stamp
    total = crc8(summed + bytes((op,)) if op else summed)
    out += bytes((_CELL_SUM, total))
    return bytes(out), total
