"""Writes many rows in one call (BatchWriteRow). Each row has its own condition and result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapters.store import BATCH_ROWS, Expected, Key, Store, sdk_condition, sdk_row
from shared.domain.errors import Transient

Change = tuple[Key, Mapping[str, Any], Sequence[str], Expected]
"""The change of one row: its key, the columns to write, the columns to remove, and the condition."""


def put_new_rows(store: Store, table: str, rows: Sequence[tuple[Key, Mapping[str, Any]]]) -> list[bool]:
    """Write the rows that do not exist yet. Returns True for each row that this call wrote.

    If a request gets no answer, its rows count as not written, although their outcome is unknown.
    """
    from tablestore import PutRowItem

    return _write_rows(
        store, table, [PutRowItem(sdk_row(key, list(put.items())), sdk_condition("EXPECT_NOT_EXIST")) for key, put in rows]
    )


def update_rows(store: Store, table: str, changes: Sequence[Change]) -> list[bool]:
    """Change the existing rows that meet their conditions. Returns True for each row that this call changed."""
    from tablestore import UpdateRowItem

    items = []
    for key, put, remove, expect in changes:
        change = {name: each for name, each in (("put", list(put.items())), ("delete_all", list(remove))) if each}
        items.append(UpdateRowItem(sdk_row(key, change), sdk_condition("EXPECT_EXIST", expect)))
    return _write_rows(store, table, items)


def put_rows(store: Store, table: str, rows: Sequence[tuple[Key, Mapping[str, Any]]]) -> list[bool]:
    """Write or replace the rows. Returns True for each row that was written.

    A row that Tablestore refuses for any reason is False. The caller writes such a row alone and learns the reason.
    """
    from tablestore import PutRowItem

    written: list[bool] = []
    for place in range(0, len(rows), BATCH_ROWS):
        part = rows[place : place + BATCH_ROWS]
        items = [PutRowItem(sdk_row(key, list(put.items())), sdk_condition("IGNORE")) for key, put in part]
        written += [each.is_ok for each in store.write_rows(table, items)]
    return written


def _write_rows(store: Store, table: str, items: Sequence[Any]) -> list[bool]:
    """Write the rows.

    Returns False for a row whose condition fails. Raises Transient if Tablestore refuses a row for any reason other than the row's
    condition.
    """
    written: list[bool] = []
    for place in range(0, len(items), BATCH_ROWS):
        rows = store.write_rows(table, items[place : place + BATCH_ROWS])
        refused = next((each for each in rows if not each.is_ok and each.error_code != "OTSConditionCheckFail"), None)
        if refused is not None:
            sentence = f"Tablestore answered {refused.error_code} for a row of {table}: {refused.error_message}"
            raise Transient("Store.Unavailable", sentence)
        written += [each.is_ok for each in rows]
    return written
