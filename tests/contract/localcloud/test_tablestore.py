"""Tablestore through the real OTSClient: tables, rows, conditions, batches, signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.access_keys import Key
from localcloud.core.app import INSTANCE_NAME, Cloud
from tests.contract.localcloud.tablestore_support import OTSClient, OTSServiceError, make_client, make_cloud
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    INF_MAX,
    INF_MIN,
    BatchGetRowRequest,
    BatchWriteRowRequest,
    CapacityUnit,
    ComparatorType,
    CompositeColumnCondition,
    Condition,
    DeleteRowItem,
    LogicalOperator,
    PutRowItem,
    ReservedThroughput,
    ReturnType,
    Row,
    RowExistenceExpectation,
    SingleColumnCondition,
    TableInBatchGetRowItem,
    TableInBatchWriteRowItem,
    TableMeta,
    TableOptions,
    UpdateRowItem,
)

THROUGHPUT = ReservedThroughput(CapacityUnit(0, 0))
MUST_EXIST = Condition(RowExistenceExpectation.EXPECT_EXIST)
MUST_NOT_EXIST = Condition(RowExistenceExpectation.EXPECT_NOT_EXIST)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud, _ = make_cloud()
    with in_process(cloud.handle):
        yield cloud
    cloud.close()


@pytest.fixture
def client(cloud: Cloud) -> OTSClient:
    client = make_client(cloud)
    make_table(client, "t", [("k", "STRING")])
    return client


def make_table(client: OTSClient, name: str, key: list[tuple[str, str]], **options: Any) -> None:
    client.create_table(TableMeta(name, key), TableOptions(**options), THROUGHPUT)


def put(client: OTSClient, key: str, condition: Condition | None = None, **columns: Any) -> None:
    client.put_row("t", Row([("k", key)], list(columns.items())), condition)


def get(client: OTSClient, key: str, **options: Any) -> dict[str, Any] | None:
    _, row, _ = client.get_row("t", [("k", key)], **options)
    return None if row is None else {name: value for name, value, _ in row.attribute_columns}


def code_of(call: Any, *args: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(OTSServiceError) as caught:
        call(*args, **options)
    return caught.value.get_http_status(), caught.value.get_error_code()


def test_every_type_comes_back_as_it_was_put(client: OTSClient, cloud: Cloud) -> None:
    columns = {"i": -(2**63), "d": 1.5, "b": True, "s": "é\x00漢", "x": bytearray(b"\x00\xff"), "empty": ""}
    put(client, "a", **columns)
    _, row, _ = client.get_row("t", [("k", "a")])
    assert row.primary_key == [("k", "a")]
    assert {name: value for name, value, _ in row.attribute_columns} == columns
    assert [name for name, _, _ in row.attribute_columns] == sorted(columns)
    assert {stamp for _, _, stamp in row.attribute_columns} == {cloud.clock.now_ms()}
    assert get(client, "missing") is None


def test_put_replaces_the_whole_row(client: OTSClient) -> None:
    put(client, "a", x=1, y=2)
    put(client, "a", z=3)
    assert get(client, "a") == {"z": 3}


def test_a_write_is_refused_if_its_existence_condition_fails(client: OTSClient) -> None:
    refused = (403, "OTSConditionCheckFail")
    assert code_of(put, client, "a", MUST_EXIST, x=1) == refused
    put(client, "a", MUST_NOT_EXIST, x=1)
    assert code_of(put, client, "a", MUST_NOT_EXIST, x=2) == refused
    assert code_of(client.delete_row, "t", [("k", "b")], MUST_EXIST) == refused
    assert code_of(client.update_row, "t", Row([("k", "b")], {"PUT": [("x", 1)]}), MUST_EXIST) == refused
    assert get(client, "a") == {"x": 1}
    client.delete_row("t", [("k", "a")], MUST_EXIST)
    assert get(client, "a") is None


def test_update_puts_deletes_and_increments(client: OTSClient, cloud: Cloud) -> None:
    put(client, "a", n=5, gone=1, one=1)
    change = {"PUT": [("new", "v")], "INCREMENT": [("n", -7), ("fresh", 3)], "DELETE_ALL": ["gone"]}
    change["DELETE"] = [("one", None, cloud.clock.now_ms())]
    client.update_row("t", Row([("k", "a")], change), MUST_EXIST)
    assert get(client, "a") == {"n": -2, "fresh": 3, "new": "v"}


def test_update_that_only_deletes_makes_no_row_and_deleting_all_columns_keeps_it(client: OTSClient) -> None:
    client.update_row("t", Row([("k", "a")], {"DELETE_ALL": ["x"]}), Condition("IGNORE"))
    assert get(client, "a") is None
    put(client, "a", x=1)
    client.update_row("t", Row([("k", "a")], {"DELETE_ALL": ["x"]}), Condition("IGNORE"))
    assert get(client, "a") == {}


@pytest.mark.parametrize(
    ("column", "comparator", "value", "missing_passes", "holds"),
    [
        ("v", ComparatorType.EQUAL, 7, False, True),
        ("v", ComparatorType.EQUAL, 8, False, False),
        ("v", ComparatorType.NOT_EQUAL, 8, False, True),
        ("v", ComparatorType.LESS_THAN, 8, False, True),
        ("v", ComparatorType.GREATER_EQUAL, 8, False, False),
        ("absent", ComparatorType.EQUAL, 8, True, True),
        ("absent", ComparatorType.EQUAL, 8, False, False),
        ("v", ComparatorType.EQUAL, "7", False, False),
    ],
)
def test_single_column_conditions(
    client: OTSClient, column: str, comparator: Any, value: Any, missing_passes: bool, holds: bool
) -> None:
    put(client, "a", v=7)
    test = SingleColumnCondition(column, value, comparator, pass_if_missing=missing_passes)
    assert (get(client, "a", column_filter=test) is not None) == holds
    change = Row([("k", "a")], {"PUT": [("w", 1)]})
    if holds:
        client.update_row("t", change, Condition("IGNORE", test))
    else:
        assert code_of(client.update_row, "t", change, Condition("IGNORE", test)) == (403, "OTSConditionCheckFail")
    assert ("w" in (get(client, "a") or {})) == holds


def test_column_conditions_combine_by_and_or_and_not(client: OTSClient) -> None:
    put(client, "a", v=7, w=1)
    seven, two = SingleColumnCondition("v", 7, ComparatorType.EQUAL), SingleColumnCondition("w", 2, ComparatorType.EQUAL)

    def passes(operator: int, *parts: Any) -> bool:
        composite = CompositeColumnCondition(operator)
        for part in parts:
            composite.add_sub_condition(part)
        return get(client, "a", column_filter=composite) is not None

    assert not passes(LogicalOperator.AND, seven, two)
    assert passes(LogicalOperator.OR, seven, two)
    assert passes(LogicalOperator.NOT, two)


def test_columns_to_get(client: OTSClient) -> None:
    put(client, "a", x=1, y=2)
    assert get(client, "a", columns_to_get=["x", "k"]) == {"x": 1}
    assert get(client, "a", columns_to_get=["k"]) == {}
    assert get(client, "a", columns_to_get=["absent"]) is None


def test_range_pages_both_ways(client: OTSClient) -> None:
    for number in range(10):
        put(client, f"k{number}", n=number)

    def pages(direction: str, start: Any, end: Any) -> list[list[int]]:
        found, key = [], [("k", start)]
        while key:
            _, key, rows, _ = client.get_range("t", direction, key, [("k", end)], limit=4)
            found.append([row.attribute_columns[0][1] for row in rows])
        return found

    assert pages("FORWARD", INF_MIN, INF_MAX) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert pages("BACKWARD", INF_MAX, INF_MIN) == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]
    assert pages("FORWARD", "k3", "k5") == [[3, 4]]
    assert pages("BACKWARD", "k5", "k3") == [[5, 4]]
    assert code_of(client.get_range, "t", "FORWARD", [("k", "b")], [("k", "a")]) == (400, "OTSParameterInvalid")


def test_range_filters_and_counts_only_what_it_returns(client: OTSClient) -> None:
    for number in range(10):
        put(client, f"k{number}", n=number, odd=bool(number % 2))
    odd = SingleColumnCondition("odd", True, ComparatorType.EQUAL)
    _, key, rows, _ = client.get_range("t", "FORWARD", [("k", INF_MIN)], [("k", INF_MAX)], limit=2, column_filter=odd)
    assert [row.primary_key[0][1] for row in rows] == ["k1", "k3"]
    assert key == [("k", "k4")]


def test_keys_of_several_columns_are_ordered_column_by_column(client: OTSClient) -> None:
    make_table(client, "wide", [("s", "STRING"), ("n", "INTEGER"), ("b", "BINARY")])
    keys = [
        ("", -1, b""),
        ("a", -5, b"\x00"),
        ("a", -5, b"\x00\x00"),
        ("a", -5, b"\x01"),
        ("a", 3, b""),
        ("a\x00", 0, b""),
        ("b", 0, b""),
    ]
    for s, n, b in reversed(keys):
        client.put_row("wide", Row([("s", s), ("n", n), ("b", bytearray(b))], [("v", 1)]))
    low, high = [(name, INF_MIN) for name in "snb"], [(name, INF_MAX) for name in "snb"]
    _, _, rows, _ = client.get_range("wide", "FORWARD", low, high)
    assert [tuple(value for _, value in row.primary_key) for row in rows] == keys
    only_a = [("s", "a"), ("n", INF_MIN), ("b", INF_MIN)], [("s", "a"), ("n", INF_MAX), ("b", INF_MAX)]
    _, _, rows, _ = client.get_range("wide", "FORWARD", *only_a)
    assert len(rows) == 4


def test_batches_give_each_row_its_own_result(client: OTSClient) -> None:
    put(client, "there", x=1)
    items = [
        PutRowItem(Row([("k", "new")], [("x", 2)]), MUST_NOT_EXIST),
        PutRowItem(Row([("k", "there")], [("x", 9)]), MUST_NOT_EXIST),
        UpdateRowItem(Row([("k", "u")], {"PUT": [("x", 3)]}), Condition("IGNORE")),
        DeleteRowItem(Row([("k", "nothing")]), MUST_EXIST),
        PutRowItem(Row([("wrong", "w")], [("x", 2)]), Condition("IGNORE")),
    ]
    request = BatchWriteRowRequest()
    request.add(TableInBatchWriteRowItem("t", items))
    answer = client.batch_write_row(request)
    assert [row.error_code for row in answer.get_put_by_table("t")[1:]] == ["OTSConditionCheckFail", "OTSInvalidPK"]
    assert [row.is_ok for row in answer.get_put_by_table("t")] == [True, False, False]
    assert [row.is_ok for row in answer.get_update_by_table("t")] == [True]
    assert [row.is_ok for row in answer.get_delete_by_table("t")] == [False]
    wanted = BatchGetRowRequest()
    keys = [[("k", "new")], [("k", "there")], [("k", "absent")], [("wrong", "x")]]
    wanted.add(TableInBatchGetRowItem("t", keys, max_version=1))
    results = client.batch_get_row(wanted).get_result_by_table("t")
    assert [row.is_ok for row in results] == [True, True, True, False]
    assert [row.row and row.row.attribute_columns[0][1] for row in results[:3]] == [2, 1, None]


def test_return_type_gives_the_key_back(client: OTSClient) -> None:
    _, row = client.put_row("t", Row([("k", "a")], [("x", 1)]), return_type=ReturnType.RT_PK)
    assert row.primary_key == [("k", "a")]


def test_tables_are_made_listed_described_and_deleted(client: OTSClient) -> None:
    make_table(client, "s", [("a", "INTEGER"), ("b", "BINARY")], time_to_live=86_400, max_version=3)
    assert sorted(client.list_table()) == ["s", "t"]
    described = client.describe_table("s")
    assert described.table_meta.schema_of_primary_key == [("a", "INTEGER"), ("b", "BINARY")]
    assert (described.table_options.time_to_live, described.table_options.max_version) == (86_400, 3)
    client.update_table("s", TableOptions(-1, 2, None))
    assert client.describe_table("s").table_options.max_version == 2
    assert code_of(make_table, client, "s", [("a", "INTEGER")]) == (409, "OTSObjectAlreadyExist")
    assert code_of(make_table, client, "1bad", [("a", "INTEGER")]) == (400, "OTSParameterInvalid")


def test_a_deleted_table_is_gone(client: OTSClient) -> None:
    make_table(client, "s", [("a", "INTEGER")])
    client.delete_table("s")
    assert list(client.list_table()) == ["t"]
    assert code_of(client.delete_table, "s") == (404, "OTSObjectNotExist")
    assert code_of(client.get_row, "s", [("a", 1)]) == (404, "OTSObjectNotExist")


@pytest.mark.parametrize("key", [[("k", 1)], [("q", "a")], [("k", "a"), ("l", "b")], [("k", bytearray(b"a"))]])
def test_keys_that_are_not_the_tables(client: OTSClient, key: Any) -> None:
    assert code_of(client.get_row, "t", key) == (400, "OTSInvalidPK")
    assert code_of(client.put_row, "t", Row(key, [("x", 1)])) == (400, "OTSInvalidPK")


def test_instances_do_not_see_each_other(client: OTSClient, cloud: Cloud) -> None:
    other = make_client(cloud, instance="other")
    assert list(other.list_table()) == []
    make_table(other, "t", [("k", "STRING")])
    put(other, "a", x=1)
    assert get(client, "a") is None


@pytest.mark.parametrize("v4", [False, True])
def test_a_wrong_signature_is_refused(cloud: Cloud, client: OTSClient, v4: bool) -> None:
    assert list(make_client(cloud, v4=v4).list_table()) == ["t"]
    assert code_of(make_client(cloud, v4=v4, secret="wrong").list_table) == (403, "OTSAuthFailed")
    stranger = Key("LTAIunknown", "s", "", "owner")
    assert code_of(make_client(cloud, stranger, v4=v4).list_table) == (403, "OTSAuthFailed")
    assert code_of(make_client(cloud, v4=v4).describe_table, "none") == (404, "OTSObjectNotExist")


def test_roles_need_their_token_and_a_permission(cloud: Cloud, client: OTSClient) -> None:
    role = cloud.identities.add(Key("STS.x", "secret", "token", "role:reader"))
    resource = f"acs:ots:*:*:instance/{INSTANCE_NAME}/table/t"
    cloud.policies.set_role("reader", [{"Effect": "Allow", "Action": "ots:Get*", "Resource": resource}])
    reader = make_client(cloud, role)
    assert get(reader, "a") is None
    assert code_of(put, reader, "a", x=1) == (403, "OTSNoPermissionAccess")
    assert code_of(make_client(cloud, role, sts_token="other").list_table) == (403, "OTSAuthFailed")


def test_an_exception_in_the_middle_changes_nothing(cloud: Cloud, client: OTSClient) -> None:
    put(client, "a", x=1)
    cloud.faults.set([{"service": "tablestore", "operation": "PutRow", "kind": "error", "code": "InternalError"}])
    assert code_of(put, client, "a", x=2) == (500, "OTSInternalServerError")
    cloud.faults.set([{"service": "tablestore", "operation": "PutRow", "kind": "error_after", "code": "OTSTimeout", "status": 503}])
    assert code_of(put, client, "b", x=2) == (503, "OTSTimeout")
    assert (get(client, "a"), get(client, "b")) == ({"x": 1}, {"x": 2})
