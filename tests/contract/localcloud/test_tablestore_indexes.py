"""Secondary indexes through the real client, and tables as a deployment creates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.errors import ApiError
from localcloud.tablestore import Index, Tablestore
from tests.contract.localcloud.tablestore_support import OTSClient, OTSServiceError, make_client, make_cloud
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    INF_MAX,
    INF_MIN,
    CapacityUnit,
    Condition,
    ReservedThroughput,
    Row,
    SecondaryIndexMeta,
    SecondaryIndexType,
    TableMeta,
    TableOptions,
)

ANY = Condition("IGNORE")
BY_DUE = Index("by_due", ("state", "due"), ("batch",))
COLUMNS = [("state", "STRING"), ("due", "INTEGER"), ("batch", "STRING")]


@pytest.fixture
def parts() -> Iterator[tuple[Cloud, Tablestore, OTSClient]]:
    cloud, service = make_cloud()
    with in_process(cloud.handle):
        yield cloud, service, make_client(cloud)
    cloud.close()


@pytest.fixture
def client(parts: tuple[Cloud, Tablestore, OTSClient]) -> OTSClient:
    parts[1].ensure_table(INSTANCE_NAME, "jobs", [("id", "STRING")], COLUMNS, [BY_DUE])
    return parts[2]


def due(client: OTSClient, state: str, until: Any = INF_MAX) -> list[tuple[Any, ...]]:
    start, end = [("state", state), ("due", INF_MIN), ("id", INF_MIN)], [("state", state), ("due", until), ("id", INF_MIN)]
    if until is INF_MAX:
        end = [("state", state), ("due", INF_MAX), ("id", INF_MAX)]
    _, _, rows, _ = client.get_range("by_due", "FORWARD", start, end)
    return [(*[value for _, value in row.primary_key], *[value for _, value, _ in row.attribute_columns]) for row in rows]


def put(client: OTSClient, id: str, **columns: Any) -> None:
    client.put_row("jobs", Row([("id", id)], list(columns.items())))


def test_an_index_follows_its_table(client: OTSClient) -> None:
    put(client, "a", state="ready", due=20, batch="x", note="not carried")
    put(client, "b", state="ready", due=10)
    put(client, "c", state="ready", batch="x")
    assert due(client, "ready") == [("ready", 10, "b"), ("ready", 20, "a", "x")]
    assert due(client, "ready", 20) == [("ready", 10, "b")]
    client.update_row("jobs", Row([("id", "a")], {"PUT": [("state", "done")]}), ANY)
    assert (due(client, "ready"), due(client, "done")) == ([("ready", 10, "b")], [("done", 20, "a", "x")])
    client.update_row("jobs", Row([("id", "b")], {"DELETE_ALL": ["due"]}), ANY)
    client.delete_row("jobs", [("id", "a")])
    assert due(client, "ready") == due(client, "done") == []


def test_an_index_cannot_be_written_and_its_columns_keep_their_types(client: OTSClient) -> None:
    with pytest.raises(OTSServiceError, match="Can't write index table directly"):
        client.put_row("by_due", Row([("state", "s"), ("due", 1), ("id", "a")], [("batch", "x")]))
    with pytest.raises(OTSServiceError, match="OTSParameterInvalid"):
        put(client, "a", state="ready", due="soon")


def test_create_table_describes_its_indexes(parts: tuple[Cloud, Tablestore, OTSClient]) -> None:
    client = parts[2]
    meta = TableMeta("t", [("k", "STRING")], [("v", "INTEGER"), ("w", "BINARY")])
    indexes = [
        SecondaryIndexMeta("by_v", ["v"], ["w"]),
        SecondaryIndexMeta("local", ["k", "v"], [], SecondaryIndexType.LOCAL_INDEX),
    ]
    client.create_table(meta, TableOptions(), ReservedThroughput(CapacityUnit(0, 0)), secondary_indexes=indexes)
    seen = client.describe_table("t").secondary_indexes
    assert [(each.index_name, each.primary_key_names, each.defined_column_names) for each in seen] == [
        ("by_v", ["v"], ["w"]),
        ("local", ["k", "v"], []),
    ]
    assert client.describe_table("by_v").table_meta.schema_of_primary_key == [("v", "INTEGER"), ("k", "STRING")]
    assert list(client.list_table()) == ["t"]
    client.delete_table("t")
    with pytest.raises(OTSServiceError, match="OTSObjectNotExist"):
        client.describe_table("by_v")


def test_an_index_made_later_holds_the_rows_there_are(parts: tuple[Cloud, Tablestore, OTSClient]) -> None:
    _, service, client = parts
    service.ensure_table(INSTANCE_NAME, "jobs", [("id", "STRING")], COLUMNS)
    put(client, "a", state="ready", due=1)
    client.create_secondary_index("jobs", SecondaryIndexMeta("by_due", ["state", "due"], ["batch"]), True)
    assert due(client, "ready") == [("ready", 1, "a")]
    client.delete_secondary_index("jobs", "by_due")
    with pytest.raises(OTSServiceError, match="OTSObjectNotExist"):
        due(client, "ready")


@pytest.mark.parametrize("options", [{"max_version": 2}, {"time_to_live": 86_400}])
def test_a_table_with_versions_or_expiry_carries_no_index(parts: tuple[Cloud, Tablestore, OTSClient], options: Any) -> None:
    meta = TableMeta("t", [("k", "STRING")], [("v", "INTEGER")])
    with pytest.raises(OTSServiceError, match="OTSParameterInvalid"):
        parts[2].create_table(
            meta,
            TableOptions(**options),
            ReservedThroughput(CapacityUnit(0, 0)),
            secondary_indexes=[SecondaryIndexMeta("i", ["v"], [])],
        )
    assert list(parts[2].list_table()) == []


def test_ensuring_a_table_twice_is_once(parts: tuple[Cloud, Tablestore, OTSClient], client: OTSClient) -> None:
    _, service, _ = parts
    put(client, "a", state="ready", due=1, batch="x")
    key = [("id", "STRING")]
    first = service.ensure_table(INSTANCE_NAME, "jobs", key, COLUMNS, [BY_DUE])
    assert service.ensure_table(INSTANCE_NAME, "jobs", key, COLUMNS, [BY_DUE]) == first
    service.ensure_table(INSTANCE_NAME, "jobs", key, COLUMNS, [BY_DUE, Index("by_batch", ("batch",))])
    assert [each.index_name for each in client.describe_table("jobs").secondary_indexes] == ["by_due", "by_batch"]
    assert due(client, "ready") == [("ready", 1, "a", "x")]
    service.ensure_table(INSTANCE_NAME, "jobs", key, COLUMNS, ttl_s=86_400, max_versions=2)
    assert client.describe_table("jobs").secondary_indexes == []
    with pytest.raises(ApiError, match="OTSObjectAlreadyExist"):
        service.ensure_table(INSTANCE_NAME, "jobs", [("id", "INTEGER")], COLUMNS)
