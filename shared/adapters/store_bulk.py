"""Writes many rows in one call (BatchWriteRow). Each row has its own condition and result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.adapters.store import Expected, Key, Store, sdk_condition, sdk_row
from shared.domain.errors import Transient

WRITE_ROWS = 200
"""Maximum number of rows in one bulk call. Tablestore accepts 200 rows in BatchWriteRow."""
BATCH_BYTES = 2 * 1024 * 1024
"""Maximum size of the columns in one bulk call. Tablestore accepts 4 MB in BatchWriteRow, names and key columns included."""
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
    return _write_rows(store, table, [_update_item(each) for each in changes])


def try_update_rows(store: Store, table: str, changes: Sequence[Change]) -> list[bool]:
    """Change the existing rows that meet their conditions. Returns True for each row that this call changed.

    A row that is not changed for any reason is False. The caller changes such a row alone and learns the reason. If a request gets
    no answer and is repeated, the rows that the first request changed are False too.
    """
    changed: list[bool] = []
    for part in _portions(changes):
        changed += [each.is_ok for each in store.write_rows(table, [_update_item(each) for each in part])]
    return changed


def put_rows(store: Store, table: str, rows: Sequence[tuple[Key, Mapping[str, Any]]]) -> list[bool]:
    """Write or replace the rows. Returns True for each row that was written.

    A row that Tablestore refuses for any reason is False. The caller writes such a row alone and learns the reason.
    """
    from tablestore import PutRowItem

    written: list[bool] = []
    for place in range(0, len(rows), WRITE_ROWS):
        part = rows[place : place + WRITE_ROWS]
        items = [PutRowItem(sdk_row(key, list(put.items())), sdk_condition("IGNORE")) for key, put in part]
        written += [each.is_ok for each in store.write_rows(table, items)]
    return written


def _portions(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes in the given order, split into portions that each fit into one bulk call."""
    portion: list[Change] = []
    size = 0
    for change in changes:
        needs = sum(len(value.encode()) for value in change[1].values() if isinstance(value, str))
        if portion and (size + needs > BATCH_BYTES or len(portion) == WRITE_ROWS):
            yield portion
            portion, size = [], 0
        portion.append(change)
        size += needs
    if portion:
        yield portion


def _update_item(change: Change) -> Any:
    from tablestore import UpdateRowItem

    key, put, remove, expect = change
    parts = {name: each for name, each in (("put", list(put.items())), ("delete_all", list(remove))) if each}
    return UpdateRowItem(sdk_row(key, parts), sdk_condition("EXPECT_EXIST", expect))


def _write_rows(store: Store, table: str, items: Sequence[Any]) -> list[bool]:
    """Write the rows.

    Returns False for a row whose condition fails. Raises Transient if Tablestore refuses a row for any reason other than the row's
    condition.
    """
    written: list[bool] = []
    for place in range(0, len(items), WRITE_ROWS):
        rows = store.write_rows(table, items[place : place + WRITE_ROWS])
        refused = next((each for each in rows if not each.is_ok and each.error_code != "OTSConditionCheckFail"), None)
        if refused is not None:
            sentence = f"Tablestore answered {refused.error_code} for a row of {table}: {refused.error_message}"
            raise Transient("Store.Unavailable", sentence)
        written += [each.is_ok for each in rows]
    return written
