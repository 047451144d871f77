"""What other clients need of the wire protocol, the limits, and that no bytes at all break the service or change its state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.http import Request
from localcloud.tablestore import Index, Tablestore, limits
from localcloud.tablestore.messages import filters
from localcloud.wire.plainbuffer import DELETE_ONE, Cell, Special, decode_row, encode_row, encode_value
from tests.contract.localcloud.tablestore_support import call, make_cloud, messages, send

OPERATIONS = sorted(
    name.removesuffix("Request")
    for name in vars(messages)
    if name.endswith("Request") and name.removesuffix("Request") in Tablestore(Cloud())._operations
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], [("v", "INTEGER")], [Index("by_v", ("v",))])
    call(cloud, "PutRow", put(cells=[Cell("v", 1), Cell("w", "x")]))
    yield cloud
    cloud.close()


def put(key: Any = "a", cells: Any = (), existence: int = 0, **fields: Any) -> Any:
    request = messages.PutRowRequest(table_name="t", row=encode_row([("k", key)], cells), **fields)
    request.condition.row_existence = existence
    return request


def get(key: bytes) -> Any:
    return messages.GetRowRequest(table_name="t", primary_key=key, max_versions=1)


def rows_of(cloud: Cloud) -> list[Any]:
    return cloud.db.sql.execute("SELECT * FROM ots_rows UNION ALL SELECT instance, name, doc FROM ots_tables").fetchall()


def test_answers_carry_what_other_clients_insist_on(cloud: Cloud) -> None:
    described = send(cloud, "DescribeTable", messages.DescribeTableRequest(table_name="t").SerializeToString())
    assert described.body.endswith(b"\x20\x01")
    assert call(cloud, "DescribeTable", messages.DescribeTableRequest(table_name="t")).table_options.HasField(
        "deviation_cell_version_in_sec"
    )
    for answer in (call(cloud, "GetRow", get(encode_row([("k", "a")]))), call(cloud, "PutRow", put("b"))):
        assert answer.consumed.capacity_unit.HasField("read")
        assert answer.consumed.capacity_unit.HasField("write")


def test_zero_bytes_after_a_range_key_are_overlooked(cloud: Cloud) -> None:
    start, end = encode_row([("k", Special.INF_MIN)]) + bytes(7), encode_row([("k", Special.INF_MAX)]) + bytes(1)
    request = messages.GetRangeRequest(table_name="t", direction=0, max_versions=1)
    request.inclusive_start_primary_key, request.exclusive_end_primary_key = start, end
    assert decode_row(call(cloud, "GetRange", request).rows).key == [("k", "a")]


def test_an_update_returns_the_columns_it_changed(cloud: Cloud) -> None:
    change = encode_row([("k", "a")], [Cell("v", 5, 4)])
    request = messages.UpdateRowRequest(table_name="t", row_change=change)
    request.condition.row_existence = messages.EXPECT_EXIST
    request.return_content.return_type = messages.RT_AFTER_MODIFY
    request.return_content.return_column_names.append("v")
    row = decode_row(call(cloud, "UpdateRow", request).row)
    assert [(cell.name, cell.value) for cell in row.cells] == [("v", 6)]


BIG = "x" * limits.COLUMN_VALUE_SIZE


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (put("x" * 1025), "exceeds the MaxLength: 1024 with CurrentLength: 1025"),
        (put(cells=[Cell("c", BIG + "x")]), "exceeded the MaxLength"),
        (put(cells=[Cell("c", BIG), Cell("d", BIG)]), "total data size of PutRow"),
        (put(cells=[Cell(f"c{n}", n) for n in range(1025)]), "limit count: 1024, column count: 1025"),
        (put(cells=[Cell("k", 1)]), "Duplicated attribute column name with primary key column"),
        (put(cells=[Cell("1st", 1)]), "Invalid column name: '1st'"),
        (put(cells=[Cell("j:1", 1)]), "Invalid column name: 'j:1'"),
        (put(cells=[Cell("", 1)]), "Invalid column name: ''"),
        (put(cells=[Cell("c", 1, 4)]), "OpType cannot be given"),
        (put(cells=[Cell("c", None)]), "without values"),
        (put(cells=[Cell("c", float("nan"))]), "NaN"),
        (put(cells=[Cell("c", float("inf"))]), "Infinity"),
        (put(cells=[Cell("c", None, DELETE_ONE, 1)]), "OpType cannot be given"),
        (put(cells=[Cell("v", "text")]), "The type of column 'v'"),
    ],
)
def test_limits_of_a_row(cloud: Cloud, request_: Any, text: str) -> None:
    before = rows_of(cloud)
    answer = call(cloud, "PutRow", request_)
    assert (answer.code, text in answer.message) == ("OTSParameterInvalid", True), answer.message
    assert rows_of(cloud) == before


def test_limits_of_batches(cloud: Cloud) -> None:
    batch = messages.BatchWriteRowRequest()
    asked = batch.tables.add(table_name="t")
    for number in range(201):
        change = asked.rows.add(type=messages.PUT, row_change=encode_row([("k", str(number))]))
        change.condition.row_existence = messages.IGNORE
    assert call(cloud, "BatchWriteRow", batch).message == "Rows count exceeds the upper limit: 200."
    del asked.rows[200]
    asked.rows[1].CopyFrom(asked.rows[0])
    assert all(row.is_ok for row in call(cloud, "BatchWriteRow", batch).tables[0].rows)
    asked.rows[1].condition.row_existence = messages.EXPECT_NOT_EXIST
    assert call(cloud, "BatchWriteRow", batch).message.startswith("Repeated rows do not support row exist expectation")
    reads = messages.BatchGetRowRequest()
    wanted = reads.tables.add(table_name="t", max_versions=1)
    wanted.primary_key.extend(encode_row([("k", str(number))]) for number in range(101))
    assert call(cloud, "BatchGetRow", reads).message == "Rows count exceeds the upper limit: 100."
    reads.tables[0].table_name = "none"
    del wanted.primary_key[50:]
    assert call(cloud, "BatchGetRow", reads).code == "OTSObjectNotExist"


def test_a_range_stops_at_its_limits(cloud: Cloud) -> None:
    for number in range(6):
        call(cloud, "PutRow", put(f"b{number}", [Cell("big", "x" * 1_000_000)]))
    request = messages.GetRangeRequest(table_name="t", direction=0, max_versions=1)
    request.inclusive_start_primary_key = encode_row([("k", "b")])
    request.exclusive_end_primary_key = encode_row([("k", Special.INF_MAX)])
    answer = call(cloud, "GetRange", request)
    assert decode_row(answer.next_start_primary_key).key == [("k", "b5")]
    assert answer.consumed.capacity_unit.read > 1000
    request.limit = 0
    assert call(cloud, "GetRange", request).message == "The limit must be greater than 0."


def test_the_request_itself_is_checked(cloud: Cloud) -> None:
    good = put("z").SerializeToString()
    assert send(cloud, "PutRow", good).status == 200
    refused = {
        "md5": send(cloud, "PutRow", good, x_ots_contentmd5="AAAA"),
        "date": send(cloud, "PutRow", good, x_ots_date="2020-01-01T00:00:00.000Z"),
        "form": send(cloud, "PutRow", good, x_ots_date="yesterday"),
        "operation": send(cloud, "Search", good),
        "instance": send(cloud, "PutRow", good, x_ots_instancename="no/instance"),
        "method": cloud.handle(Request("GET", "/PutRow", {"x-ots-apiversion": "2015-12-31"})),
        "header": cloud.handle(Request("POST", "/PutRow", {"x-ots-apiversion": "2015-12-31"})),
    }
    assert {name: answer.status for name, answer in refused.items()} == {
        "md5": 403,
        "date": 403,
        "form": 400,
        "operation": 400,
        "instance": 400,
        "method": 405,
        "header": 400,
    }


def test_what_is_not_emulated_is_refused(cloud: Cloud) -> None:
    request = messages.CreateTableRequest()
    request.table_meta.table_name = "s"
    request.table_meta.primary_key.add(name="k", type=messages.STRING)
    request.reserved_throughput.capacity_unit.read = 0
    request.stream_spec.enable_stream = True
    assert "not emulated" in call(cloud, "CreateTable", request).message
    request.stream_spec.enable_stream = False
    assert call(cloud, "CreateTable", request) == messages.CreateTableResponse()


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.sampled_from(OPERATIONS), st.binary(max_size=60))
def test_no_bytes_break_an_operation(cloud: Cloud, operation: str, body: bytes) -> None:
    before = rows_of(cloud)
    response = send(cloud, operation, body)
    assert response.status in (200, 400, 403, 404, 409)
    if response.status != 200:
        assert rows_of(cloud) == before


def samples() -> list[tuple[str, bytes]]:
    """A valid request for each operation with parameters besides a name."""
    row, low, high = encode_row([("k", "a")]), encode_row([("k", Special.INF_MIN)]), encode_row([("k", Special.INF_MAX)])
    single = filters.SingleColumnValueFilter(comparator=1, column_name="v", filter_if_missing=True, latest_version_only=True)
    single.column_value = encode_value(1)
    condition = filters.Filter(type=1, filter=single.SerializeToString()).SerializeToString()
    update = messages.UpdateRowRequest(table_name="t", row_change=encode_row([("k", "a")], [Cell("v", 2)]))
    update.condition.row_existence, update.condition.column_condition = messages.EXPECT_EXIST, condition
    reading = messages.GetRangeRequest(table_name="t", direction=0, max_versions=1, limit=3, filter=condition)
    reading.inclusive_start_primary_key, reading.exclusive_end_primary_key = low, high
    batch = messages.BatchWriteRowRequest()
    change = batch.tables.add(table_name="t").rows.add(type=messages.PUT, row_change=row)
    change.condition.row_existence = messages.IGNORE
    batch_read = messages.BatchGetRowRequest()
    batch_read.tables.add(table_name="t", max_versions=1, filter=condition).primary_key.append(row)
    table = messages.CreateTableRequest()
    table.table_meta.table_name = "u"
    table.table_meta.primary_key.add(name="k", type=messages.STRING)
    table.table_meta.defined_column.add(name="v", type=messages.DCT_STRING)
    table.reserved_throughput.capacity_unit.read = 0
    table.index_metas.add(name="by_v_u", primary_key=["v"], index_update_mode=0, index_type=0)
    start = messages.StartLocalTransactionRequest(table_name="t", key=row)
    requests = (update, reading, batch, batch_read, table, start, get(row), put("a"))
    return [(type(each).__name__.removesuffix("Request"), each.SerializeToString()) for each in requests]


@FUZZ
@given(st.sampled_from(samples()), st.data())
def test_no_damaged_request_breaks_an_operation(cloud: Cloud, sample: tuple[str, bytes], data: st.DataObject) -> None:
    operation, body = sample[0], bytearray(sample[1])
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    before = rows_of(cloud)
    response = send(cloud, operation, bytes(body[: data.draw(st.integers(1, len(body)))]))
    assert response.status in (200, 400, 403, 404, 409)
    if response.status != 200:
        assert rows_of(cloud) == before


def test_a_table_name_that_is_no_text_is_refused(cloud: Cloud) -> None:
    body = messages.DescribeTableRequest(table_name="t").SerializeToString().replace(b"t", b"\xff")
    assert send(cloud, "DescribeTable", body).status == 400


@FUZZ
@given(st.data())
def test_no_damage_to_a_row_is_overlooked(cloud: Cloud, data: st.DataObject) -> None:
    request = put("a", [Cell("v", 7), Cell("w", "text", 0, None), Cell("x", b"bytes")])
    row = bytearray(request.row)
    at = data.draw(st.integers(0, len(row) - 1))
    row[at] ^= data.draw(st.integers(1, 255))
    request.row = bytes(row)
    before = rows_of(cloud)
    assert call(cloud, "PutRow", request).code in ("OTSParameterInvalid", "OTSInvalidPK")
    request.row = bytes(row[:at])
    assert call(cloud, "PutRow", request).code == "OTSParameterInvalid"
    assert rows_of(cloud) == before
