"""Published limits of tables, indexes, columns and names, and combinations that the service refuses.

Sources: "Limits" (instances, tables, columns, rows, operations), "Limits on secondary indexes", "Atomic counters", "GetRow" and
"UpdateTable" of the Tablestore documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.clock import VirtualClock
from localcloud.core.errors import ApiError
from localcloud.tablestore import Index, Tablestore, limits, rate
from localcloud.wire.plainbuffer import DELETE_ALL, INCREMENT, Cell, Special, decode_row, encode_row
from tests.contract.localcloud.tablestore_support import call, make_client, make_cloud, messages, send
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    CapacityUnit,
    Condition,
    OTSClient,
    OTSServiceError,
    ReservedThroughput,
    Row,
    TableMeta,
    TableOptions,
)

COLUMNS = [("v", "INTEGER"), ("s", "STRING"), ("b", "BINARY"), ("yes", "BOOLEAN"), ("d", "DOUBLE")]
Parts = tuple[Cloud, Tablestore]


def wait(cloud: Cloud, ms: int) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.advance_to(cloud.clock.now_ms() + ms)


@pytest.fixture
def parts() -> Iterator[Parts]:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], COLUMNS, [Index("by_s", ("s",))])
    yield cloud, service
    cloud.close()


def put(key: str = "a", cells: Any = ()) -> Any:
    request = messages.PutRowRequest(table_name="t", row=encode_row([("k", key)], cells))
    request.condition.row_existence = messages.IGNORE
    return request


def update(cells: Any, key: str = "a") -> Any:
    request = messages.UpdateRowRequest(table_name="t", row_change=encode_row([("k", key)], cells))
    request.condition.row_existence = messages.IGNORE
    return request


def index_meta(name: str, *columns: str) -> Any:
    kind, mode = messages.IT_GLOBAL_INDEX, messages.IUM_ASYNC_INDEX
    return messages.IndexMeta(name=name, primary_key=columns, index_type=kind, index_update_mode=mode)


def pages_of(cloud: Cloud, table: str, *names: str) -> list[list[Any]]:
    """The keys of a table or index, read row by row."""
    start, keys = encode_row([(name, Special.INF_MIN) for name in names]), []
    while start:
        request = messages.GetRangeRequest(table_name=table, direction=0, max_versions=1, limit=1)
        request.inclusive_start_primary_key = start
        request.exclusive_end_primary_key = encode_row([(name, Special.INF_MAX) for name in names])
        answer = call(cloud, "GetRange", request)
        assert isinstance(answer, messages.GetRangeResponse), answer
        keys.append([value for _, value in decode_row(answer.rows).key])
        start = answer.next_start_primary_key
    return keys


@pytest.mark.parametrize("write", [put, lambda cells: update(cells)])
def test_a_column_of_an_index_is_at_most_as_long_as_a_key(parts: Parts, write: Any) -> None:
    cloud, _ = parts
    operation = type(write(cells=[Cell("v", 1)])).__name__.removesuffix("Request")
    assert call(cloud, operation, write(cells=[Cell("s", "x" * 1025)])).code == "OTSParameterInvalid"
    assert not hasattr(call(cloud, operation, write(cells=[Cell("s", "x" * 1024), Cell("b", b"x" * 1025)])), "code")
    call(cloud, "PutRow", put("z", [Cell("s", "y")]))
    assert pages_of(cloud, "by_s", "s", "k") == [["x" * 1024, "a"], ["y", "z"]]


def test_a_new_index_leaves_out_values_that_no_key_can_have(parts: Parts) -> None:
    cloud, _ = parts
    call(cloud, "PutRow", put("a", [Cell("b", b"x" * 1025)]))
    call(cloud, "PutRow", put("b", [Cell("b", b"x")]))
    request = messages.CreateIndexRequest(main_table_name="t", include_base_data=True, index_meta=index_meta("by_b", "b"))
    assert call(cloud, "CreateIndex", request) == messages.CreateIndexResponse()
    assert pages_of(cloud, "by_b", "b", "k") == [[b"x", "b"]]


@pytest.mark.parametrize("column", ["yes", "d"])
def test_types_of_the_keys_of_an_index(parts: Parts, column: str) -> None:
    _, service = parts
    with pytest.raises(ApiError, match="primary key"):
        service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, [Index("by_x", (column,))])


def test_a_column_is_once_in_an_index(parts: Parts) -> None:
    _, service = parts
    for columns in [("s", "s"), ("v",)]:
        with pytest.raises(ApiError, match="Duplicated"):
            service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, [Index("by_x", ("v",), columns)])


def test_the_number_of_indexes_of_a_table(parts: Parts) -> None:
    cloud, service = parts
    many = [Index(f"i{number}", ("v",)) for number in range(limits.INDEXES_PER_TABLE + 1)]
    with pytest.raises(ApiError, match="index"):
        service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, many)
    service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, many[:-1])
    request = messages.CreateIndexRequest(main_table_name="u", include_base_data=False, index_meta=index_meta("one_more", "v"))
    assert call(cloud, "CreateIndex", request).code == "OTSParameterInvalid"


def test_indexes_count_as_tables(parts: Parts) -> None:
    cloud, service = parts
    for number in range(limits.TABLES_PER_INSTANCE - 4):
        service.ensure_table(INSTANCE_NAME, f"t{number}", [("k", "STRING")])
    three = [Index(f"i{number}", ("v",)) for number in range(3)]
    with pytest.raises(ApiError) as caught:  # there are 62, and four more would exceed the limit
        service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, three)
    assert caught.value.code == "OTSQuotaExhausted"
    service.ensure_table(INSTANCE_NAME, "u", [("k", "STRING")], COLUMNS, three[:1])
    request = messages.CreateIndexRequest(main_table_name="u", include_base_data=False, index_meta=index_meta("one_more", "v"))
    assert call(cloud, "CreateIndex", request).code == "OTSQuotaExhausted"


def test_columns_to_get(parts: Parts) -> None:
    cloud, _ = parts
    request = messages.GetRowRequest(table_name="t", primary_key=encode_row([("k", "a")]), max_versions=1)
    request.columns_to_get.extend(f"c{number}" for number in range(128))
    assert not hasattr(call(cloud, "GetRow", request), "code")
    request.columns_to_get.append("c128")
    assert "limit count: 128, column count: 129" in call(cloud, "GetRow", request).message
    del request.columns_to_get[:]
    request.columns_to_get.append("no-name")
    assert "Invalid column name" in call(cloud, "GetRow", request).message


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("abc", 200),
        ("a-b-c1234567890x", 200),
        ("ab", 400),
        ("a" * 17, 400),
        ("abc-", 400),
        ("1abc", 400),
        ("ab_c", 400),
        ("my-ots", 400),
        ("DISPLAY", 400),
    ],
)
def test_names_of_instances(parts: Parts, name: str, status: int) -> None:
    cloud, _ = parts
    assert send(cloud, "ListTable", b"", x_ots_instancename=name).status == status


def test_the_name_of_an_instance_has_no_case(parts: Parts) -> None:
    cloud, service = parts
    service.ensure_table("Shared", "u", [("k", "STRING")])
    for name in ("shared", "SHARED", "Shared"):
        assert send(cloud, "ListTable", b"", x_ots_instancename=name).body == b"\x0a\x01u"
    assert send(cloud, "ListTable", b"", x_ots_instancename="sharing").body == b""


def test_reserved_units_have_an_upper_bound(parts: Parts) -> None:
    cloud, _ = parts
    request = messages.UpdateTableRequest(table_name="t")
    request.reserved_throughput.capacity_unit.read = 100_001
    assert "Capacity Unit" in call(cloud, "UpdateTable", request).message


def test_fewer_versions_hide_those_there_are(parts: Parts) -> None:
    cloud, service = parts
    service.ensure_table(INSTANCE_NAME, "versions", [("k", "STRING")], max_versions=3)
    with in_process(cloud.handle):
        client = make_client(cloud)
        now = cloud.clock.now_ms()
        for step in range(3):
            client.put_row("versions", Row([("k", "a")], [("v", step, now + step)]), Condition("IGNORE"))
            client.update_row("versions", Row([("k", "b")], {"put": [("v", step, now + step)]}), Condition("IGNORE"))
        assert len(client.get_row("versions", [("k", "b")], max_version=9)[1].attribute_columns) == 3
        client.update_table("versions", TableOptions(-1, 1, 86400))
        assert [cell[1] for cell in client.get_row("versions", [("k", "b")], max_version=9)[1].attribute_columns] == [2]
        wait(cloud, limits.UPDATE_TABLE_EVERY_MS)
        client.update_table("versions", TableOptions(-1, 2, 86400))
        client.update_row("versions", Row([("k", "b")], {"put": [("w", 1)]}), Condition("IGNORE"))
        cells = client.get_row("versions", [("k", "b")], ["v"], max_version=9)[1].attribute_columns
        assert [cell[1] for cell in cells] == [2, 1]


@pytest.mark.parametrize("other", [Cell("v", 1), Cell("v", None, DELETE_ALL), Cell("v", 2, INCREMENT)])
@pytest.mark.parametrize("first", [True, False])
def test_a_counter_stands_alone(parts: Parts, other: Cell, first: bool) -> None:
    cloud, _ = parts
    call(cloud, "PutRow", put("a", [Cell("v", 10)]))
    counter = Cell("v", 1, INCREMENT)
    answer = call(cloud, "UpdateRow", update([counter, other] if first else [other, counter]))
    assert answer.code == "OTSParameterInvalid"
    assert not hasattr(call(cloud, "UpdateRow", update([counter, Cell("w", 1)])), "code")


def test_a_counted_row_is_once_in_a_batch(parts: Parts) -> None:
    cloud, _ = parts
    batch = messages.BatchWriteRowRequest()
    asked = batch.tables.add(table_name="t")
    for cells in ([Cell("v", 1, INCREMENT)], [Cell("w", 1)]):
        change = asked.rows.add(type=messages.UPDATE, row_change=encode_row([("k", "a")], cells))
        change.condition.row_existence = messages.IGNORE
    assert call(cloud, "BatchWriteRow", batch).code == "OTSParameterInvalid"


def test_one_time_and_a_number_of_versions(parts: Parts) -> None:
    cloud, _ = parts
    request = messages.GetRowRequest(table_name="t", primary_key=encode_row([("k", "a")]), max_versions=1)
    request.time_range.specific_time = 1000
    assert call(cloud, "GetRow", request).code == "OTSParameterInvalid"
    request.ClearField("max_versions")
    assert not hasattr(call(cloud, "GetRow", request), "code")


def test_an_update_of_a_table_says_what_to_change(parts: Parts) -> None:
    cloud, _ = parts
    assert call(cloud, "UpdateTable", messages.UpdateTableRequest(table_name="t")).code == "OTSParameterInvalid"


def test_a_table_is_updated_once_in_two_minutes(parts: Parts) -> None:
    cloud, service = parts
    service.ensure_table(INSTANCE_NAME, "other", [("k", "STRING")])
    with in_process(cloud.handle):
        client = make_client(cloud)
        client.update_table("t", TableOptions(-1, 1, 1000))
        client.update_table("other", TableOptions(-1, 1, 1000))
        wait(cloud, limits.UPDATE_TABLE_EVERY_MS - 1)
        with pytest.raises(OTSServiceError) as caught:
            client.update_table("t", TableOptions(-1, 1, 2000))
        assert caught.value.get_error_code() == "OTSTooFrequentReservedThroughputAdjustment"
        assert caught.value.get_error_message() == "Reserved throughput adjustment is too frequent."
        wait(cloud, 1)
        client.update_table("t", TableOptions(-1, 1, 2000))  # the refused update does not begin the two minutes again
        service.ensure_table(INSTANCE_NAME, "other", [("k", "STRING")], max_versions=2)
        assert client.describe_table("other").table_options.max_version == 2, "a deployment changes tables at any time"


def test_a_refused_update_of_a_table_does_not_count(parts: Parts) -> None:
    cloud, _ = parts
    with in_process(cloud.handle):
        client = make_client(cloud)
        with pytest.raises(OTSServiceError):
            client.update_table("t", TableOptions(5, 1, 1000))
        client.update_table("t", TableOptions(-1, 1, 1000))


def test_ten_operations_a_second_on_the_tables_of_an_instance(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, _ = parts
    now = [1000.0]
    monkeypatch.setattr(rate, "wall_s", lambda: now[0])
    with in_process(cloud.handle):
        client, elsewhere = make_client(cloud), make_client(cloud, instance="other")
        for _ in range(limits.TABLE_OPERATIONS_PER_SECOND):
            client.describe_table("t")
        with pytest.raises(OTSServiceError) as caught:
            client.list_table()
        assert (caught.value.get_http_status(), caught.value.get_error_code()) == (403, "OTSQuotaExhausted")
        assert caught.value.get_error_message() == "Too frequent table operations."
        elsewhere.list_table()
        client.get_row("t", [("k", "a")])
        now[0] += 1
        assert list(client.list_table()) == ["t"]


def test_a_client_that_repeats_refused_calls_makes_twenty_tables(parts: Parts) -> None:
    """The SDK's own retries wait until the second is over."""
    cloud, _ = parts
    with in_process(cloud.handle):
        key = cloud.owner
        client = OTSClient("http://127.0.0.1:1", key.access_key_id, key.access_key_secret, INSTANCE_NAME)
        for number in range(20):
            meta = TableMeta(f"made{number}", [("k", "STRING")])
            client.create_table(meta, TableOptions(), ReservedThroughput(CapacityUnit(0, 0)))
        assert len(list(client.list_table())) == 21


BAD = "QQQQ"
"""A text that is replaced by bytes that are not valid UTF-8."""
KEY = encode_row([("k", "a")])
BROKEN = [
    messages.GetRowRequest(table_name="t", primary_key=b"", max_versions=1, columns_to_get=[BAD]),
    messages.GetRowRequest(table_name="t", primary_key=KEY, max_versions=1, start_column=BAD),
    messages.GetRowRequest(table_name="t", primary_key=KEY, max_versions=1, transaction_id=BAD),
    messages.CommitTransactionRequest(transaction_id=BAD),
    messages.CreateIndexRequest(main_table_name="t", index_meta=index_meta(BAD, "v")),
    messages.CreateIndexRequest(main_table_name="t", index_meta=index_meta("x", BAD)),
    messages.DropIndexRequest(main_table_name="t", index_name=BAD),
    messages.StartLocalTransactionRequest(table_name=BAD, key=KEY),
]


@pytest.mark.parametrize("message", BROKEN)
def test_text_that_is_no_text(parts: Parts, message: Any) -> None:
    cloud, _ = parts
    operation = type(message).__name__.removesuffix("Request")
    response = send(cloud, operation, message.SerializeToString().replace(BAD.encode(), b"\xff\xfe\xed\xa0"))
    assert response.status == 400, response.body


def test_there_are_no_search_indexes(parts: Parts) -> None:
    """The console and the other clients list search indexes first."""
    cloud, _ = parts
    assert (send(cloud, "ListSearchIndex", b"").status, send(cloud, "ListSearchIndex", b"\x0a\x01t").body) == (200, b"")
    assert send(cloud, "ListSearchIndex", b"\x0a\x04none").status == 404
    with in_process(cloud.handle):
        assert make_client(cloud).list_search_index("t") == []
