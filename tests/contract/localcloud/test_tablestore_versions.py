"""Versions, expiry, time and column ranges, automatic keys: through the real client, by the cloud's clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.clock import VirtualClock
from localcloud.tablestore import Tablestore
from tests.contract.localcloud.tablestore_support import OTSClient, OTSServiceError, make_client, make_cloud
from tools.deployed.inprocess import in_process

from tablestore import (  # isort: skip
    INF_MAX,
    INF_MIN,
    PK_AUTO_INCR,
    CapacityUnit,
    ComparatorType,
    Condition,
    ReservedThroughput,
    ReturnType,
    Row,
    SingleColumnCondition,
    TableMeta,
    TableOptions,
)

ANY = Condition("IGNORE")
DAY_S, DAY_MS = 86_400, 86_400_000
Parts = tuple[Cloud, Tablestore, OTSClient]


@pytest.fixture
def parts() -> Iterator[Parts]:
    cloud, service = make_cloud()
    with in_process(cloud.handle):
        yield cloud, service, make_client(cloud)
    cloud.close()


def forward(cloud: Cloud, ms: int) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.advance_to(cloud.clock.now_ms() + ms)


def cells(client: OTSClient, **options: Any) -> list[tuple[str, Any]] | None:
    _, row, _ = client.get_row("t", [("k", "a")], **options)
    return None if row is None else [(name, value) for name, value, _ in row.attribute_columns]


def write(client: OTSClient, *columns: tuple[Any, ...]) -> None:
    client.update_row("t", Row([("k", "a")], {"PUT": list(columns)}), ANY)


def test_only_the_newest_versions_are_kept(parts: Parts) -> None:
    cloud, service, client = parts
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], max_versions=3)
    for number in range(5):
        write(client, ("v", number))
        forward(cloud, 1)
    assert cells(client, max_version=10) == [("v", 4), ("v", 3), ("v", 2)]
    assert cells(client, max_version=2) == [("v", 4), ("v", 3)]
    now = cloud.clock.now_ms()
    assert cells(client, max_version=10, time_range=(now - 3, now - 1)) == [("v", 3), ("v", 2)]
    assert cells(client, max_version=None, time_range=now - 1) == [("v", 4)]
    client.update_row("t", Row([("k", "a")], {"DELETE": [("v", None, now - 1)]}), ANY)
    assert cells(client, max_version=1) == [("v", 3)]


def test_conditions_look_at_the_newest_or_at_every_version(parts: Parts) -> None:
    cloud, service, client = parts
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], max_versions=2)
    write(client, ("v", "old"))
    forward(cloud, 1)
    write(client, ("v", "new"))
    for latest_only, expected in ((True, None), (False, [("v", "new"), ("v", "old")])):
        old = SingleColumnCondition("v", "old", ComparatorType.EQUAL, latest_version_only=latest_only)
        assert cells(client, max_version=2, column_filter=old) == expected


def test_cells_and_rows_expire(parts: Parts) -> None:
    cloud, service, client = parts
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], ttl_s=DAY_S)
    write(client, ("early", 1))
    forward(cloud, DAY_MS // 2)
    write(client, ("late", 2))
    assert cells(client) == [("early", 1), ("late", 2)]
    forward(cloud, DAY_MS // 2)
    assert cells(client) == [("late", 2)]
    forward(cloud, DAY_MS // 2)
    assert cells(client) is None
    _, _, rows, _ = client.get_range("t", "FORWARD", [("k", INF_MIN)], [("k", INF_MAX)])
    assert rows == []
    client.put_row("t", Row([("k", "a")], [("v", 1)]), Condition("EXPECT_NOT_EXIST"))
    assert cells(client) == [("v", 1)]


def test_a_given_version_must_be_near_now(parts: Parts) -> None:
    cloud, service, client = parts
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")], max_versions=5)
    now = cloud.clock.now_ms()
    write(client, ("v", "past", now - DAY_MS), ("v", "future", now + DAY_MS - 1))
    assert cells(client, max_version=5) == [("v", "future"), ("v", "past")]
    for wrong in (now - DAY_MS - 1, now + DAY_MS):
        with pytest.raises(OTSServiceError, match="Invalid timestamp"):
            write(client, ("v", 1, wrong))


def test_a_range_of_columns(parts: Parts) -> None:
    _, service, client = parts
    service.ensure_table(INSTANCE_NAME, "t", [("k", "STRING")])
    write(client, *((name, name) for name in ("a", "j_001", "j_002", "j_010", "z")))
    assert cells(client, start_column="j_", end_column="j_~") == [(name, name) for name in ("j_001", "j_002", "j_010")]
    assert cells(client, start_column="j_002") == [(name, name) for name in ("j_002", "j_010", "z")]


def test_the_service_numbers_an_automatic_key(parts: Parts) -> None:
    _, _, client = parts
    meta = TableMeta("auto", [("k", "STRING"), ("n", "INTEGER", PK_AUTO_INCR)])
    client.create_table(meta, TableOptions(), ReservedThroughput(CapacityUnit(0, 0)))
    numbers = []
    for _ in range(3):
        row = Row([("k", "a"), ("n", PK_AUTO_INCR)], [("v", 1)])
        _, written = client.put_row("auto", row, ANY, ReturnType.RT_PK)
        numbers.append(dict(written.primary_key)["n"])
    assert sorted(set(numbers)) == numbers
    _, row, _ = client.get_row("auto", [("k", "a"), ("n", numbers[1])])
    assert row.attribute_columns[0][:2] == ("v", 1)
    with pytest.raises(OTSServiceError, match="EXPECT_NOT_EXIST"):
        client.put_row("auto", Row([("k", "a"), ("n", PK_AUTO_INCR)], [("v", 1)]), Condition("EXPECT_NOT_EXIST"))
    with pytest.raises(OTSServiceError, match="First primary key"):
        client.create_table(
            TableMeta("x", [("n", "INTEGER", PK_AUTO_INCR)]), TableOptions(), ReservedThroughput(CapacityUnit(0, 0))
        )
