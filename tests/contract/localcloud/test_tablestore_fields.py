"""Fields that our SDK's protocol does not have, as other clients send them: defaults are accepted, anything else is refused.

The bytes are those that the Go, Java and Node.js clients write (field numbers: aliyun-tablestore-go-sdk 1.7, otsprotocol/ots.proto;
tablestore.proto of the npm package 5.6.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.tablestore.messages import filters
from localcloud.wire.plainbuffer import Cell, Special, encode_row, encode_value
from tests.contract.localcloud.tablestore_support import make_cloud, messages, send

DEFAULT, OTHER = True, False


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], [("v", "INTEGER")])
    yield cloud
    cloud.close()


def tag(number: int, wire_type: int) -> bytes:
    key = number << 3 | wire_type
    return bytes((key & 0x7F | 0x80, key >> 7) if key > 0x7F else (key,))


def varint(number: int, value: int) -> bytes:
    return tag(number, 0) + bytes((value,))


def block(number: int, value: bytes) -> bytes:
    return tag(number, 2) + bytes((len(value),)) + value


def range_bytes() -> bytes:
    request = messages.GetRangeRequest(table_name="t", direction=0, max_versions=1)
    request.inclusive_start_primary_key = encode_row([("k", Special.INF_MIN)])
    request.exclusive_end_primary_key = encode_row([("k", Special.INF_MAX)])
    return bytes(request.SerializeToString())


def get_bytes() -> bytes:
    request = messages.GetRowRequest(table_name="t", primary_key=encode_row([("k", "a")]), max_versions=1)
    return bytes(request.SerializeToString())


def batch_bytes(condition: bytes = b"\x08\x00") -> bytes:
    """The bytes of one put. Its condition is given as bytes, so that it can have additional fields."""
    change = b"\x08\x01" + block(2, encode_row([("k", "a")], [Cell("v", 1)])) + block(3, condition)
    return block(1, block(1, b"t") + block(2, change))


def batch_get_bytes(more: bytes) -> bytes:
    return block(1, block(1, b"t") + block(2, encode_row([("k", "a")])) + varint(6, 1) + more)


def table_bytes(options: bytes = b"", index: bytes = b"", more: bytes = b"") -> bytes:
    key, column = block(1, b"k") + varint(2, 2), block(1, b"v") + varint(2, 1)
    meta = block(1, b"made") + block(2, key) + block(3, column)
    body = block(1, meta) + block(2, block(1, varint(1, 0) + varint(2, 0))) + block(3, varint(2, 1) + options)
    return body + (block(7, block(1, b"by_v") + block(2, b"v") + index) if index else b"") + more


CASES = [
    ("BatchWriteRow is_atomic=false", "BatchWriteRow", batch_bytes() + varint(3, 0), DEFAULT),
    ("BatchWriteRow is_atomic=true", "BatchWriteRow", batch_bytes() + varint(3, 1), OTHER),
    ("GetRange plain buffer", "GetRange", range_bytes() + varint(15, 0), DEFAULT),
    ("GetRange another block type", "GetRange", range_bytes() + varint(15, 1), OTHER),
    ("GetRange whole keys", "GetRange", range_bytes() + varint(16, 1), DEFAULT),
    ("GetRange parts of keys", "GetRange", range_bytes() + varint(16, 0), OTHER),
    ("GetRange no compression", "GetRange", range_bytes() + varint(17, 0), DEFAULT),
    ("GetRange compressed", "GetRange", range_bytes() + varint(17, 1), OTHER),
    ("GetRange caches blocks", "GetRange", range_bytes() + varint(9, 1), DEFAULT),
    ("GetRange does not cache", "GetRange", range_bytes() + varint(9, 0), DEFAULT),
    ("GetRow caches blocks", "GetRow", get_bytes() + varint(6, 1), DEFAULT),
    ("GetRow unknown", "GetRow", get_bytes() + varint(99, 1), OTHER),
    ("GetRow unknown, empty", "GetRow", get_bytes() + block(99, b""), DEFAULT),
    ("GetRow unknown text", "GetRow", get_bytes() + block(99, b"x"), OTHER),
    ("BatchGetRow caches blocks", "BatchGetRow", batch_get_bytes(varint(7, 1)), DEFAULT),
    ("BatchGetRow unknown", "BatchGetRow", batch_get_bytes(varint(98, 1)), OTHER),
    ("within a condition within a row, default", "BatchWriteRow", batch_bytes(b"\x08\x00" + varint(9, 0)), DEFAULT),
    ("within a condition within a row", "BatchWriteRow", batch_bytes(b"\x08\x00" + varint(9, 1)), OTHER),
    ("update_full_row=false", "CreateTable", table_bytes(varint(7, 0)), DEFAULT),
    ("update_full_row=true", "CreateTable", table_bytes(varint(7, 1)), OTHER),
    ("another kind of bloom filter", "CreateTable", table_bytes(varint(3, 2)), OTHER),
    ("global index, asynchronous", "CreateTable", table_bytes(index=varint(4, 0) + varint(5, 0)), DEFAULT),
    ("global index, synchronous", "CreateTable", table_bytes(index=varint(4, 1) + varint(5, 0)), OTHER),
    ("index of an unknown type", "CreateTable", table_bytes(index=varint(4, 0) + varint(5, 7)), OTHER),
    ("a message of defaults", "CreateTable", table_bytes(more=block(20, varint(1, 0))), DEFAULT),
    ("a message that asks for something", "CreateTable", table_bytes(more=block(20, varint(1, 1))), OTHER),
]


@pytest.mark.parametrize(("operation", "body", "taken"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("strict", [True, False])
def test_a_field_that_the_protocol_lacks(cloud: Cloud, operation: str, body: bytes, taken: bool, strict: bool) -> None:
    cloud.hooks.strict = strict  # --lenient applies only to parameters of ECS and SMC
    before = cloud.db.sql.execute("SELECT COUNT(*) FROM ots_rows").fetchone()
    response = send(cloud, operation, body)
    if taken:
        assert response.status == 200, response.body
    else:
        error = messages.Error.FromString(response.body)
        assert (response.status, error.code) == (400, "OTSParameterInvalid"), error
        assert cloud.db.sql.execute("SELECT COUNT(*) FROM ots_rows").fetchone() == before


@pytest.mark.parametrize(("more", "status"), [(b"", 200), (varint(9, 0), 200), (varint(9, 1), 400)])
def test_a_field_within_a_filter(cloud: Cloud, more: bytes, status: int) -> None:
    single = filters.SingleColumnValueFilter(comparator=1, column_name="v", filter_if_missing=True, latest_version_only=True)
    single.column_value = encode_value(1)
    inner, plain = single.SerializeToString() + more, single.SerializeToString()
    for outer in (
        filters.Filter(type=1, filter=inner).SerializeToString(),
        filters.Filter(type=1, filter=plain).SerializeToString() + more,
    ):
        assert send(cloud, "GetRange", range_bytes() + block(10, outer)).status == status


def test_the_field_is_named(cloud: Cloud) -> None:
    error: Any = messages.Error.FromString(send(cloud, "BatchWriteRow", batch_bytes(b"\x08\x00" + varint(9, 1))).body)
    assert "tables.rows.condition.9" in error.message
