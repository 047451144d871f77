"""Tablestore as Go's client speaks to it: its bytes, built here by hand and signed by hand, and the answers as it reads them.

Go's client dereferences some fields of an answer without asking whether they are there. A field that is missing ends the caller's
program, so these tests name each such field. Source: github.com/aliyun/aliyun-tablestore-go-sdk at b3195ca (tablestore/api.go,
plain_buffer.go, ots_header.go, otsprotocol/table_store.proto). Nothing here uses the encoders of the cloud or of another client.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.http import Request, Response
from tests.contract.localcloud.tablestore_support import make_cloud
from tests.support.signing_time import signing_time

INF_MIN, INF_MAX = b"\x09", b"\x0a"
Tree = dict[int, list[Any]]


def varint(number: int) -> bytes:
    number &= 2**64 - 1  # Go's int32(-1) is ten bytes, as protobuf demands
    head = bytearray()
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*head, number))


def field(number: int, value: bytes | int) -> bytes:
    """One field of a message: a number, or a text, bytes or inner message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tree(data: bytes) -> Tree:
    """The fields of a message by number, each a number or bytes."""
    found: Tree = {}
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        value: Any
        value, at = _number(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def at(data: bytes, *path: int) -> Any:
    """The field at a path through messages. KeyError where Go's client would end with a nil pointer."""
    for number in path:
        data = tree(data)[number][0]
    return data


def crc8(data: bytes, crc: int = 0) -> int:
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def cell(name: bytes, value: bytes) -> tuple[bytes, int]:
    """A cell and its checksum. ``value`` is a type byte and the value's bytes."""
    check = crc8(name + value)
    shown = b"\x04" + struct.pack("<i", len(name)) + name + b"\x05" + struct.pack("<i", len(value)) + value
    return b"\x03" + shown + b"\x0a" + bytes((check,)), check


def row(key: list[tuple[bytes, int]], cells: list[tuple[bytes, int]], *, deleted: bool = False) -> bytes:
    checks = bytes(check for _, check in (*key, *cells)) + bytes((deleted,))
    body = b"\x01" + b"".join(data for data, _ in key)
    if cells:
        body += b"\x02" + b"".join(data for data, _ in cells)
    return struct.pack("<i", 0x75) + body + (b"\x08" if deleted else b"") + b"\x09" + bytes((crc8(checks),))


def text(value: bytes) -> bytes:
    return b"\x03" + struct.pack("<i", len(value)) + value


def number(value: int) -> bytes:
    return b"\x00" + struct.pack("<q", value)


def key(value: bytes) -> list[tuple[bytes, int]]:
    return [cell(b"k", value)]


ALWAYS = field(1, 0)
"""A condition without expectation: Go writes the 0."""


def put(name: bytes, value: int) -> bytes:
    return field(1, b"t") + field(2, row(key(text(name)), [cell(b"v", number(value))])) + field(3, ALWAYS)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud, _ = make_cloud()
    yield cloud
    cloud.close()


def post(cloud: Cloud, operation: str, body: bytes) -> Response:
    """Send a request as doRequest of Go's client does."""
    sent = {
        "x-ots-date": signing_time(millis=True),
        "x-ots-apiversion": "2015-12-31",
        "x-ots-accesskeyid": cloud.owner.access_key_id,
        "x-ots-contentmd5": base64.b64encode(hashlib.md5(body).digest()).decode(),
        "x-ots-instancename": INSTANCE_NAME,
    }
    signed = f"/{operation}\nPOST\n\n" + "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    secret = cloud.owner.access_key_secret.encode()
    sent["x-ots-signature"] = base64.b64encode(hmac.digest(secret, signed.encode(), "sha1")).decode()
    return cloud.handle(Request("POST", f"/{operation}", {**sent, "user-agent": "aliyun-tablestore-sdk-golang/4.0.2"}, body))


def ask(cloud: Cloud, operation: str, body: bytes) -> bytes:
    response = post(cloud, operation, body)
    assert response.status == 200, response.body
    return response.body


def create(cloud: Cloud, more: bytes = b"", options: bytes = b"") -> Response:
    """CreateTable of table t (key k, column v and an index by v), as Go writes it."""
    schema = field(1, b"t") + field(2, field(1, b"k") + field(2, 2)) + field(3, field(1, b"v") + field(2, 1))
    index = field(1, b"by_v") + field(2, b"v") + field(4, 0) + field(5, 0)
    body = field(1, schema) + field(2, field(1, field(1, 0) + field(2, 0))) + field(3, field(1, -1) + field(2, 1) + options)
    return post(cloud, "CreateTable", body + field(7, index) + more)


def span(start: bytes, end: bytes, more: bytes = b"") -> bytes:
    """GetRange: Go always writes the direction, and the two hints 15 and 17 with their defaults."""
    ends = field(7, row(key(start), [])) + field(8, row(key(end), []))
    return field(1, b"t") + field(2, 0) + field(5, 1) + ends + more + field(15, 0) + field(17, 0)


RECORDED = bytes.fromhex(
    "0a0174"  # table_name: t
    "1233"  # row, 51 bytes
    "75000000"  # the header of PlainBuffer
    "01" "03" "04" "01000000" "6b" "05" "06000000" "03" "01000000" "61" "0a" "51"  # key k: the text a, its checksum
    "02" "03" "04" "01000000" "76" "05" "09000000" "00" "0700000000000000" "0a" "f9"  # column v: the integer 7
    "09" "e6"  # the row's checksum
    "1a02" "0800"  # condition.row_existence: IGNORE
)  # fmt: skip


def test_the_bytes_of_a_put_are_those_of_the_source(cloud: Cloud) -> None:
    assert put(b"a", 7) == RECORDED


def test_a_row_is_put_and_read(cloud: Cloud) -> None:
    assert create(cloud).status == 200
    answer = ask(cloud, "PutRow", put(b"a", 7))
    assert (at(answer, 1, 1, 1), at(answer, 1, 1, 2)) == (0, 1)
    answer = ask(cloud, "GetRow", field(1, b"t") + field(2, row(key(text(b"a")), [])) + field(5, 1))
    assert (at(answer, 1, 1, 1), at(answer, 1, 1, 2)) == (1, 0)
    assert cell(b"k", text(b"a"))[0] in at(answer, 2)
    assert number(7) in at(answer, 2)


def test_a_batch_says_that_it_is_not_atomic(cloud: Cloud) -> None:
    create(cloud)
    rows = b"".join(
        field(2, field(1, 1) + field(2, row(key(text(name)), [cell(b"v", number(1))])) + field(3, ALWAYS)) for name in (b"a", b"b")
    )
    gone = field(2, field(1, 3) + field(2, row(key(text(b"z")), [], deleted=True)) + field(3, field(1, 1)))
    answer = ask(cloud, "BatchWriteRow", field(1, field(1, b"t") + rows + gone) + field(3, 0))
    results = tree(at(answer, 1))[2]
    assert [at(each, 1) for each in results] == [1, 1, 0]
    assert [(at(each, 3, 1, 1), at(each, 3, 1, 2)) for each in results[:2]] == [(0, 1), (0, 1)]
    assert at(results[2], 2, 1) == b"OTSConditionCheckFail"
    assert at(results[2], 2, 2)


def test_a_range_names_its_hints(cloud: Cloud) -> None:
    create(cloud)
    for name in (b"a", b"b", b"c"):
        ask(cloud, "PutRow", put(name, 1))
    answer = ask(cloud, "GetRange", span(INF_MIN, INF_MAX, field(6, 2)))
    assert (at(answer, 1, 1, 1), at(answer, 1, 1, 2)) == (1, 0)
    assert at(answer, 3) == row(key(text(b"c")), [])
    rows = at(answer, 2)
    assert rows.count(b"\x01\x03\x04\x01\x00\x00\x00k") == 2  # two rows, each begins with its key
    assert not {4, 5, 6} & set(tree(answer))  # plain buffer without compression: Go takes the defaults
    answer = ask(cloud, "GetRange", span(text(b"x"), INF_MAX))
    assert 3 not in tree(answer)
    assert at(answer, 2) in (b"", struct.pack("<i", 0x75))


@pytest.mark.parametrize("hint", [field(15, 1), field(16, 0), field(17, 1)])
def test_a_range_in_another_form_is_refused(cloud: Cloud, hint: bytes) -> None:
    """Go's fields DataBlockType and ReturnSpecifiedPkOnly of a query, and a compression that does not exist."""
    create(cloud)
    response = post(cloud, "GetRange", span(INF_MIN, INF_MAX) + hint)
    assert (response.status, at(response.body, 1)) == (400, b"OTSParameterInvalid")


def test_a_stream_that_is_off_may_be_all_that_an_update_says(cloud: Cloud) -> None:
    create(cloud)
    assert at(ask(cloud, "UpdateTable", field(1, b"t") + field(4, field(1, 0))), 3, 1) == 0
    response = post(cloud, "UpdateTable", field(1, b"t") + field(4, field(1, 1) + field(2, 24)))
    assert (response.status, at(response.body, 1)) == (400, b"OTSParameterInvalid")


def test_a_changed_table_is_described_completely(cloud: Cloud) -> None:
    create(cloud)
    changed = field(1, b"t") + field(2, field(1, field(1, 0) + field(2, 0))) + field(3, field(1, -1) + field(2, 1) + field(5, 1000))
    answer = ask(cloud, "UpdateTable", changed + field(4, field(1, 0)))
    assert (at(answer, 1, 1, 1), at(answer, 1, 1, 2)) == (0, 0)
    assert (at(answer, 2, 1), at(answer, 2, 2), at(answer, 2, 5)) == (2**64 - 1, 1, 1000)
    assert at(answer, 3, 1) == 0  # Go reads StreamDetails.EnableStream without asking
    answer = ask(cloud, "DescribeTable", field(1, b"t"))
    assert (at(answer, 1, 1), at(answer, 3, 1), at(answer, 3, 2), at(answer, 3, 5)) == (b"t", 2**64 - 1, 1, 1000)
    assert (at(answer, 2, 1, 1), at(answer, 2, 1, 2), at(answer, 4)) == (0, 0, 1)
    assert (at(answer, 8, 1), at(answer, 8, 5)) == (b"by_v", 0)


def test_a_table_for_local_transactions(cloud: Cloud) -> None:
    """Every table here takes local transactions, as enable_local_txn asks."""
    assert create(cloud, field(8, 1)).status == 200
    id = at(ask(cloud, "StartLocalTransaction", field(1, b"t") + field(2, row(key(text(b"a")), []))), 1)
    ask(cloud, "PutRow", put(b"a", 1) + field(5, id))
    ask(cloud, "CommitTransaction", field(1, id))
    assert number(1) in at(ask(cloud, "GetRow", field(1, b"t") + field(2, row(key(text(b"a")), [])) + field(5, 1)), 2)


@pytest.mark.parametrize("more", [{"options": field(7, 1)}, {"more": field(5, field(1, 1) + field(2, 24))}])
def test_what_a_table_asks_for_and_does_not_get(cloud: Cloud, more: dict[str, bytes]) -> None:
    """UpdateFullRow and a stream."""
    response = create(cloud, **more)
    assert (response.status, at(response.body, 1)) == (400, b"OTSParameterInvalid")
    assert tree(ask(cloud, "ListTable", b"")) == {}
