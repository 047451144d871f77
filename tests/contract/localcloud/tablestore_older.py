"""Every Tablestore operation through the SDK of version 5; prints what came back as one JSON document.

Usage: PYTHONPATH=FOLDER python -S tablestore_older.py ENDPOINT KEY_ID KEY_SECRET. Nothing of this repository is imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tablestore as ots

ANY, THERE = ots.Condition("IGNORE"), ots.Condition("EXPECT_EXIST")
ALL = [("g", ots.INF_MIN), ("k", ots.INF_MIN)], [("g", ots.INF_MAX), ("k", ots.INF_MAX)]
client = ots.OTSClient(*sys.argv[1:4], "replank")


def key(number: int, group: str = "a") -> list[tuple[str, Any]]:
    return [("g", group), ("k", number)]


def values(row: Any) -> Any:
    return row and {name: value for name, value, _ in row.attribute_columns}


def refused(call: Any, *arguments: Any, **named: Any) -> list[Any] | None:
    try:
        call(*arguments, **named)
    except ots.OTSServiceError as error:
        return [error.get_http_status(), error.get_error_code()]
    return None


def tables() -> dict[str, Any]:
    meta = ots.TableMeta("t", [("g", "STRING"), ("k", "INTEGER")], [("v", "INTEGER"), ("s", "STRING")])
    nothing = ots.ReservedThroughput(ots.CapacityUnit(0, 0))
    client.create_table(meta, ots.TableOptions(), nothing, [ots.SecondaryIndexMeta("by_s", ["s"], ["v"])])
    described = client.describe_table("t")
    changed = client.update_table("t", ots.TableOptions(-1, 1, 1000))
    return {
        "tables": client.list_table(),
        "indexes": [each.index_name for each in described.secondary_indexes],
        "deviation": [described.table_options.max_time_deviation, changed.table_options.max_time_deviation],
        "search": client.list_search_index("t"),
    }


def rows() -> dict[str, Any]:
    for number in range(5):
        client.put_row("t", ots.Row(key(number), [("v", number), ("s", f"x{number}")]), ANY)
    client.update_row("t", ots.Row(key(1), {"increment": [("v", 10)]}), THERE)
    units, _ = client.put_row("t", ots.Row(key(1, "g" * 1000), [("s", "x" * 1000), ("w", "y" * 2200)]), ANY)
    client.delete_row("t", ots.Row(key(1, "g" * 1000)), THERE)
    _, following, found, _ = client.get_range("t", "FORWARD", *ALL, max_version=1, limit=2)
    start, end = ([("s", bound), *ends] for bound, ends in zip((ots.INF_MIN, ots.INF_MAX), ALL, strict=True))
    _, _, indexed, _ = client.get_range("by_s", "BACKWARD", end, start, max_version=1, limit=2)
    return {
        "updated": values(client.get_row("t", key(1), max_version=1)[1]),
        "units": units.write,
        "range": [[row.primary_key[1][1] for row in found], following and following[1][1]],
        "index": [row.primary_key[0][1] for row in indexed],
    }


def batches() -> dict[str, Any]:
    request = ots.BatchWriteRowRequest()
    changes = [ots.PutRowItem(ots.Row(key(1, "b"), [("v", 1)]), ANY), ots.DeleteRowItem(ots.Row(key(9, "z")), THERE)]
    request.add(ots.TableInBatchWriteRowItem("t", changes))
    written = client.batch_write_row(request)
    wanted = ots.BatchGetRowRequest()
    wanted.add(ots.TableInBatchGetRowItem("t", [key(1, "b"), key(1, "none")], max_version=1))
    read = client.batch_get_row(wanted).get_result_by_table("t")
    return {
        "written": [written.table_of_put["t"][0].is_ok, written.table_of_delete["t"][0].error_code],
        "read": [values(each.row) for each in read],
    }


def transaction() -> dict[str, Any]:
    id = client.start_local_transaction("t", [("g", "a")])
    client.put_row("t", ots.Row(key(9), [("w", "x" * (2 * 1024 * 1024 - 300))]), ANY, None, id)
    client.put_row("t", ots.Row(key(9), [("w", "y" * (2 * 1024 * 1024 - 300))]), ANY, None, id)
    large = refused(client.put_row, "t", ots.Row(key(10), [("w", "z" * 1000)]), ANY, None, id)
    before = client.get_row("t", key(9), ["k"], max_version=1)[1]
    client.commit_transaction(id)
    after = [client.get_row("t", key(number), ["k"], max_version=1)[1] is not None for number in (9, 10)]
    return {"before": before, "large": large, "after": after}


def end() -> dict[str, Any]:
    missing = refused(client.get_row, "none", key(1), max_version=1)
    many = refused(client.get_row, "t", key(1), [f"c{number}" for number in range(129)], max_version=1)
    client.delete_table("t")
    return {"missing": missing, "many": many, "left": client.list_table()}


if __name__ == "__main__":
    seen: dict[str, Any] = {}
    for part in (tables, rows, batches, transaction, end):
        seen.update(part())
    print(json.dumps(seen))
