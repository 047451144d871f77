"""A page of Tablestore may be empty without being the last one: the store must continue to read."""

from __future__ import annotations

from shared.adapters import tables
from shared.adapters.store import HighestKey, LowestKey, RowRange, Store
from tests.support.ports import bench


def test_empty_pages_are_passed_over() -> None:
    with bench("api") as made:
        store: Store = made.ports.migrations._store  # type: ignore[attr-defined]
        for number in range(12):  # twelve megabytes of rows that the filter drops: three pages without a row
            columns = {"state": "other", "filling": "x" * 1_000_000}
            assert store.put_new(tables.MIGRATIONS, [("migration_id", f"a{number:02}")], columns)
        assert store.put_new(tables.MIGRATIONS, [("migration_id", "b")], {"state": "wanted"})
        ends = [("migration_id", LowestKey)], [("migration_id", HighestKey)]
        wanted = RowRange(tables.MIGRATIONS, *ends, equal=("state", "wanted"))
        found = []
        sent = made.calls(lambda: found.append(store.read_range(wanted, limit=10)))
        rows, following = found[0]
        assert ([row["migration_id"] for row in rows], following) == (["b"], None)
        assert sent.count("GetRange") == 3
