"""How large a row is: one measure for puts, batches, transactions, pages and capacity units. The primary key counts.

Sources: "Limits on the wide column model" (the 4 MB of a request hold primary keys and attribute columns) and "Billing of read and
write throughput" of the Tablestore documentation; "Local transactions" for the 4 MB of a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.tablestore import limits
from localcloud.tablestore.rows import row_size
from localcloud.wire.plainbuffer import DELETE_ALL, Cell, Special, decode_row, encode_row
from tests.contract.localcloud.tablestore_support import OTSClient, OTSServiceError, call, make_client, make_cloud, messages
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    INF_MAX,
    INF_MIN,
    BatchWriteRowRequest,
    ComparatorType,
    Condition,
    PutRowItem,
    Row,
    SingleColumnCondition,
    TableInBatchWriteRowItem,
)

ANY = Condition("IGNORE")
LONG = "k" * 1024
MOST = limits.ROW_WRITE_SIZE
Parts = tuple[Cloud, OTSClient]


@pytest.fixture
def parts() -> Iterator[Parts]:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")])
    with in_process(cloud.handle):
        yield cloud, make_client(cloud)
    cloud.close()


@pytest.mark.parametrize(
    ("key", "cells", "expected"),
    [
        ([("k", "a")], [], 2),
        ([("k", "ü")], [], 3),
        ([("k", 1), ("l", b"xyz")], [], 9 + 4),
        ([("k", "a")], [Cell("bool", True), Cell("d", 1.5), Cell("i", 1)], 2 + 5 + 9 + 9),
        ([("k", "a")], [Cell("gone", None, DELETE_ALL)], 2 + 4),
        ([("k", Special.AUTO_INCREMENT)], [], 9),
    ],
)
def test_names_and_values_count(key: Any, cells: Any, expected: int) -> None:
    assert row_size(key, cells) == expected


def filling(key: str, size: int) -> list[tuple[str, str]]:
    """Columns that give the row exactly this size."""
    rest = size - len("k") - len(key) - len("ab")
    return [("a", "x" * (rest // 2)), ("b", "x" * (rest - rest // 2))]


def test_the_key_counts_in_a_put_and_in_its_units(parts: Parts) -> None:
    _, client = parts
    with pytest.raises(OTSServiceError, match="total data size of PutRow"):
        client.put_row("t", Row([("k", LONG)], filling(LONG, MOST + 1)), ANY)
    assert client.get_row("t", [("k", LONG)], max_version=1)[1] is None
    client.put_row("t", Row([("k", LONG)], filling(LONG, MOST)), ANY)
    row = Row([("k", LONG)], [("v", "x" * (4096 - 1024))])  # its columns alone would be one unit
    assert client.put_row("t", row, ANY)[0].write == 2
    assert client.delete_row("t", Row([("k", LONG)]), ANY)[0].write == 1


def test_the_key_counts_in_a_batch(parts: Parts) -> None:
    _, client = parts
    keys = [f"{number:04}" + "k" * 1020 for number in range(4)]
    items = [PutRowItem(Row([("k", key)], filling(key, MOST // 4)), ANY) for key in keys]
    request = BatchWriteRowRequest()
    request.add(TableInBatchWriteRowItem("t", items))
    assert client.batch_write_row(request).is_all_succeed()
    items[0] = PutRowItem(Row([("k", keys[0])], filling(keys[0], MOST // 4 + 1)), ANY)
    request = BatchWriteRowRequest()
    request.add(TableInBatchWriteRowItem("t", items))
    with pytest.raises(OTSServiceError, match="total data size of BatchWriteRow"):
        client.batch_write_row(request)


def test_a_transaction_takes_four_megabytes_of_what_is_sent(parts: Parts) -> None:
    _, client = parts
    quotes = '"' * (limits.TRANSACTION_SIZE // 2 - 100)  # twice as long in the store's JSON
    transaction = client.start_local_transaction("t", [("k", "a")])
    client.put_row("t", Row([("k", "a")], [("v", quotes[: 2**21 - 100])]), ANY, None, transaction)
    client.put_row("t", Row([("k", "a")], [("v", "y" * (2**21 - 100))]), ANY, None, transaction)
    client.put_row("t", Row([("k", "a")], [("v", "last")]), ANY, None, transaction)
    for _ in range(2):
        with pytest.raises(OTSServiceError) as caught:
            client.put_row("t", Row([("k", "a")], [("v", "z" * 400)]), ANY, None, transaction)
        assert caught.value.get_error_code() == "OTSOutOfTransactionDataSizeLimit"
    client.commit_transaction(transaction)
    assert client.get_row("t", [("k", "a")], max_version=1)[1].attribute_columns[0][1] == "last"


def test_a_refused_row_of_a_batch_is_not_committed(parts: Parts) -> None:
    """A batch returns each row's result. A row that is refused for its size must change nothing."""
    cloud, client = parts
    cloud.services[0].ensure_table(INSTANCE_NAME, "two", [("k", "STRING"), ("n", "INTEGER")])  # type: ignore[attr-defined]
    transaction = client.start_local_transaction("two", [("k", "a")])
    for number in (1, 2):  # what the transaction already contains
        client.put_row("two", Row([("k", "a"), ("n", number)], [("v", "x" * (2**21 - 300))]), ANY, None, transaction)
    request = BatchWriteRowRequest()
    rows = [PutRowItem(Row([("k", "a"), ("n", number)], [("v", "y" * 390)]), ANY) for number in (3, 4)]
    request.set_transaction_id(transaction)
    request.add(TableInBatchWriteRowItem("two", rows))
    answer = client.batch_write_row(request)
    assert [each.is_ok for each in answer.table_of_put["two"]] == [True, False]
    client.commit_transaction(transaction)
    ends = [[("k", "a"), ("n", INF_MIN)], [("k", "a"), ("n", INF_MAX)]]
    _, _, found, _ = client.get_range("two", "FORWARD", *ends, max_version=1, columns_to_get=["n"])
    assert [row.primary_key[1][1] for row in found] == [1, 2, 3]


def test_what_a_filter_drops_was_read_all_the_same(parts: Parts) -> None:
    _, client = parts
    client.put_row("t", Row([("k", "a")], [("v", "x" * 9000)]), ANY)
    nobody = SingleColumnCondition("v", "other", ComparatorType.EQUAL)
    consumed, row, _ = client.get_row("t", [("k", "a")], column_filter=nobody, max_version=1)
    assert (row, consumed.read) == (None, 3)


def test_a_page_ends_after_what_was_scanned(parts: Parts) -> None:
    """Rows that a filter drops still count. So a page can be empty and yet have the key of the next page."""
    _, client = parts
    for number in range(6):
        client.put_row("t", Row([("k", f"b{number}")], [("v", "x" * 1_000_000)]), ANY)
    client.put_row("t", Row([("k", "c")], [("v", "wanted")]), ANY)
    wanted = SingleColumnCondition("v", "wanted", ComparatorType.EQUAL)
    ends = [("k", INF_MIN)], [("k", INF_MAX)]
    consumed, start, rows, _ = client.get_range("t", "FORWARD", *ends, column_filter=wanted, max_version=1)
    assert (start, rows) == ([("k", "b5")], [])
    assert consumed.read > 1000
    _, start, rows, _ = client.get_range("t", "FORWARD", start, ends[1], column_filter=wanted, max_version=1)
    assert (start, [row.primary_key for row in rows]) == (None, [[("k", "c")]])


def test_a_page_ends_after_five_thousand_rows_scanned(parts: Parts) -> None:
    cloud, client = parts
    for number in range(0, limits.RANGE_ROWS + 10, 200):
        batch = messages.BatchWriteRowRequest()
        asked = batch.tables.add(table_name="t")
        for each in range(number, min(number + 200, limits.RANGE_ROWS + 10)):
            change = asked.rows.add(type=messages.PUT, row_change=encode_row([("k", f"{each:05}")], [Cell("v", each)]))
            change.condition.row_existence = messages.IGNORE
        call(cloud, "BatchWriteRow", batch)
    wanted = SingleColumnCondition("v", limits.RANGE_ROWS + 1, ComparatorType.EQUAL)
    ends = [("k", INF_MIN)], [("k", INF_MAX)]
    _, start, rows, _ = client.get_range("t", "FORWARD", *ends, column_filter=wanted, max_version=1)
    assert (start, rows) == ([("k", f"{limits.RANGE_ROWS:05}")], [])


def test_a_body_that_is_too_large(parts: Parts) -> None:
    cloud, _ = parts
    request = messages.PutRowRequest(table_name="t", row=encode_row([("k", "a")], [Cell(f"c{n}", "x" * 2**20) for n in range(6)]))
    request.condition.row_existence = messages.IGNORE
    assert call(cloud, "PutRow", request).code == "OTSRequestBodyTooLarge"


def test_a_row_is_as_it_was_sent(parts: Parts) -> None:
    """Measuring a row does not change it."""
    cloud, client = parts
    client.put_row("t", Row([("k", "a")], [("v", "x")]), ANY)
    answer = call(cloud, "GetRow", messages.GetRowRequest(table_name="t", primary_key=encode_row([("k", "a")]), max_versions=1))
    assert decode_row(answer.row).key == [("k", "a")]
