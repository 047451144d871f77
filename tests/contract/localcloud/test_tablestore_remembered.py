"""The cache of parsed rows: it returns only a row whose text the database has."""

from __future__ import annotations

import pytest

from localcloud.tablestore import rows
from localcloud.tablestore.rows import Remembered, Row, Versions


def row(value: int) -> Row:
    return Row(("k",), {"a": Versions([(1, value)])}, written_ms=1)


def test_a_kept_row_is_given_for_its_own_text_only() -> None:
    kept, first, second = Remembered(), row(1), row(2)
    kept.keep(1, b"k", second.dump(), second)  # then the write was rolled back
    assert kept.load(1, b"k", first.dump()).dump() == first.dump()


def test_a_row_is_kept_once_read() -> None:
    kept, text = Remembered(), row(1).dump()
    assert kept.load(1, b"k", text) is kept.load(1, b"k", text)
    assert kept.load(2, b"k", text) is not kept.load(1, b"k", text)


def test_a_row_forgotten_is_parsed_again() -> None:
    kept, text = Remembered(), row(1).dump()
    before = kept.load(1, b"k", text)
    kept.forget(1, b"k")
    assert kept.load(1, b"k", text) is not before


def test_the_rows_kept_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_REMEMBERED", 2)
    kept, text = Remembered(), row(1).dump()
    old, lately = kept.load(1, b"a", text), kept.load(1, b"b", text)
    kept.keep(1, b"b", text, lately)
    kept.load(1, b"c", text)
    assert kept.load(1, b"b", text) is lately
    assert kept.load(1, b"a", text) is not old
