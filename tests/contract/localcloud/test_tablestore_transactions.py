"""Local transactions through the real client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.clock import VirtualClock
from tests.contract.localcloud.tablestore_support import OTSClient, OTSServiceError, make_client, make_cloud
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    INF_MAX,
    INF_MIN,
    BatchWriteRowRequest,
    Condition,
    DeleteRowItem,
    PutRowItem,
    Row,
    TableInBatchWriteRowItem,
)

ANY = Condition("IGNORE")
Parts = tuple[Cloud, OTSClient]


@pytest.fixture
def parts() -> Iterator[Parts]:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("p", "STRING"), ("n", "INTEGER")])
    with in_process(cloud.handle):
        client = make_client(cloud)
        for number in (1, 2, 3):
            put(client, number, "before")
        yield cloud, client
    cloud.close()


def put(client: OTSClient, number: int, value: str, transaction: str | None = None, part: str = "a") -> None:
    client.put_row("t", Row([("p", part), ("n", number)], [("v", value)]), ANY, None, transaction)


def seen(client: OTSClient, transaction: str | None = None, direction: str = "FORWARD") -> list[tuple[int, str]]:
    ends = [[("p", "a"), ("n", INF_MIN)], [("p", "a"), ("n", INF_MAX)]]
    if direction == "BACKWARD":
        ends.reverse()
    _, _, rows, _ = client.get_range("t", direction, *ends, transaction_id=transaction)
    return [(row.primary_key[1][1], row.attribute_columns[0][1]) for row in rows]


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(OTSServiceError) as caught:
        call(*args)
    return str(caught.value.get_error_code())


BEFORE = [(1, "before"), (2, "before"), (3, "before")]


def change(client: OTSClient, transaction: str) -> None:
    put(client, 0, "new", transaction)
    request = BatchWriteRowRequest()
    items = [PutRowItem(Row([("p", "a"), ("n", 2)], [("v", "changed")]), ANY), DeleteRowItem(Row([("p", "a"), ("n", 3)]), ANY)]
    request.add(TableInBatchWriteRowItem("t", items))
    request.set_transaction_id(transaction)
    assert client.batch_write_row(request).is_all_succeed()


AFTER = [(0, "new"), (1, "before"), (2, "changed")]


def test_changes_are_seen_inside_and_after_the_commit(parts: Parts) -> None:
    _, client = parts
    transaction = client.start_local_transaction("t", [("p", "a")])
    change(client, transaction)
    assert seen(client, transaction) == AFTER
    assert seen(client, transaction, "BACKWARD") == AFTER[::-1]
    _, row, _ = client.get_row("t", [("p", "a"), ("n", 3)], transaction_id=transaction)
    assert row is None
    assert seen(client) == BEFORE
    client.commit_transaction(transaction)
    assert seen(client) == AFTER
    assert code_of(client.commit_transaction, transaction) == "OTSSessionNotExist"


def test_an_aborted_transaction_leaves_nothing(parts: Parts) -> None:
    _, client = parts
    transaction = client.start_local_transaction("t", [("p", "a")])
    change(client, transaction)
    client.abort_transaction(transaction)
    assert seen(client) == BEFORE
    assert code_of(seen, client, transaction) == "OTSSessionNotExist"


def test_nobody_else_writes_to_the_partition_key(parts: Parts) -> None:
    _, client = parts
    transaction = client.start_local_transaction("t", [("p", "a")])
    assert code_of(put, client, 9, "x") == "OTSRowOperationConflict"
    assert code_of(client.start_local_transaction, "t", [("p", "a")]) == "OTSRowOperationConflict"
    put(client, 9, "x", None, "b")
    assert code_of(put, client, 9, "x", transaction, "b") == "OTSDataOutOfRange"
    client.abort_transaction(transaction)
    put(client, 9, "x")


def test_a_transaction_ends_after_a_minute(parts: Parts) -> None:
    cloud, client = parts
    transaction = client.start_local_transaction("t", [("p", "a")])
    put(client, 9, "x", transaction)
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.advance_to(cloud.clock.now_ms() + 60_000)
    assert code_of(client.commit_transaction, transaction) == "OTSSessionNotExist"
    put(client, 8, "y")
    assert seen(client) == [*BEFORE, (8, "y")]
    assert client.start_local_transaction("t", [("p", "a")]) != transaction


def test_what_cannot_start_or_is_no_transaction(parts: Parts) -> None:
    _, client = parts
    assert code_of(client.start_local_transaction, "t", [("p", "a"), ("n", 1)]) == "OTSParameterInvalid"
    assert code_of(client.start_local_transaction, "none", [("p", "a")]) == "OTSObjectNotExist"
    assert code_of(seen, client, "made up") == "OTSParameterInvalid"
