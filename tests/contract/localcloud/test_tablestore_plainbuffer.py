"""The PlainBuffer codec, compared with the SDK's own."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.tablestore.keys import encode_key
from localcloud.wire.plainbuffer import (
    DELETE_ALL,
    DELETE_ONE,
    INCREMENT,
    Cell,
    Malformed,
    Special,
    crc8,
    decode_row,
    decode_value,
    encode_row,
    encode_value,
)
from tests.contract.localcloud.tablestore_support import OTSClient as _sdk_is_quiet  # noqa: F401

from tablestore.metadata import INF_MAX, INF_MIN, PK_AUTO_INCR  # isort: skip
from tablestore.plainbuffer.plain_buffer_builder import PlainBufferBuilder  # isort: skip
from tablestore.plainbuffer.plain_buffer_coded_stream import PlainBufferCodedInputStream  # isort: skip
from tablestore.plainbuffer.plain_buffer_crc8 import PlainBufferCrc8  # isort: skip
from tablestore.plainbuffer.plain_buffer_stream import PlainBufferInputStream  # isort: skip

INT = st.integers(-(2**63), 2**63 - 1)
KEY = st.one_of(INT, st.text(max_size=20), st.binary(max_size=40))
VALUE = st.one_of(KEY, st.booleans(), st.floats(allow_nan=False))
NAME = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,30}\Z")
STAMP = st.one_of(st.none(), st.integers(0, 2**62))
CELLS = st.lists(st.builds(Cell, NAME, VALUE, st.just(0), STAMP), max_size=6)
KEYS = st.lists(st.tuples(NAME, KEY), min_size=1, max_size=4)
QUICK = settings(max_examples=150)


def for_sdk(value: Any) -> Any:
    return bytearray(value) if isinstance(value, bytes) else value


@QUICK
@given(st.binary(max_size=2000))
def test_the_folded_checksum_is_the_plain_one(data: bytes) -> None:
    assert crc8(data) == PlainBufferCrc8.crc_bytes(0, data)


@QUICK
@given(KEYS, CELLS)
def test_rows_are_what_the_sdk_writes_and_reads(key: list[tuple[str, Any]], cells: list[Cell]) -> None:
    ours = encode_row(key, cells)
    columns = [(c.name, for_sdk(c.value)) if c.timestamp is None else (c.name, for_sdk(c.value), c.timestamp) for c in cells]
    assert ours == bytes(PlainBufferBuilder.serialize_for_put_row([(n, for_sdk(v)) for n, v in key], columns))
    assert decode_row(ours) == (key, cells, False)
    read_key, read_cells = PlainBufferCodedInputStream(PlainBufferInputStream(ours)).read_row()
    assert read_key == [(n, for_sdk(v)) for n, v in key]
    assert read_cells == [(c.name, for_sdk(c.value), c.timestamp) for c in cells]


def test_updates_deletions_and_marks_of_the_sdk_are_read() -> None:
    change = {"PUT": [("p", 1)], "DELETE": [("d", None, 5)], "DELETE_ALL": ["a"], "INCREMENT": [("i", 2)]}
    row = decode_row(bytes(PlainBufferBuilder.serialize_for_update_row([("k", "x")], change)))
    assert row.cells == [Cell("p", 1), Cell("d", None, DELETE_ONE, 5), Cell("a", None, DELETE_ALL), Cell("i", 2, INCREMENT)]
    assert decode_row(bytes(PlainBufferBuilder.serialize_for_delete_row([("k", "x")]))) == ([("k", "x")], [], True)
    marks = [("a", INF_MIN), ("b", INF_MAX), ("c", PK_AUTO_INCR)]
    assert [value for _, value in decode_row(bytes(PlainBufferBuilder.serialize_primary_key(marks))).key] == list(Special)


@QUICK
@given(VALUE)
def test_values_of_filters(value: Any) -> None:
    assert encode_value(value) == bytes(PlainBufferBuilder.serialize_column_value(for_sdk(value)))
    assert decode_value(encode_value(value)) == value


@QUICK
@given(st.binary(max_size=80))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for read, body in ((decode_row, data), (decode_row, b"u\0\0\0\x01" + data), (decode_value, data)):
        try:
            read(body)
        except Malformed:
            pass


@QUICK
@given(st.tuples(INT, st.text(max_size=5), st.binary(max_size=5)), st.tuples(INT, st.text(max_size=5), st.binary(max_size=5)))
def test_key_bytes_have_the_order_of_the_keys(one: Any, other: Any) -> None:
    def plain(key: Any) -> Any:
        return key[0], key[1].encode(), key[2]

    assert (encode_key(one) < encode_key(other)) == (plain(one) < plain(other))
    for first, last in ((Special.INF_MIN, Special.INF_MAX),):
        assert encode_key([one[0], first, first]) < encode_key(one) < encode_key([one[0], last, last])
