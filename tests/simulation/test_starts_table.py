"""The checker of invariant 11 uses the same table as docs/architecture.md."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.invariants import starts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
JUDGED = {
    "the snapshots of a first try": starts.FIRST,
    "the job of a first try": starts.FIRST,
    "the snapshots of a next hop": starts.NEXT_HOP,
    "the job of a next hop": starts.NEXT_HOP,
    "the snapshots of a retry": starts.RETRY,
    "the job of a retry": starts.RETRY,
    "another look at the guest (a retry of the validation)": starts.RETRY,
}


def shown() -> dict[str, frozenset[str]]:
    """Each start on the page, with the limits that hold it."""
    text = PAGE.read_text(encoding="utf-8").partition("<!-- begin: limits -->")[2].partition("<!-- end: limits -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()]
    return {row[0]: frozenset(name for name, cell in zip(rows[0], row, strict=True) if cell == "yes") for row in rows[2:]}


def test_the_checker_has_the_table_of_the_page() -> None:
    page = shown()
    assert page.pop("a rollback") == frozenset()
    assert {start: starts.HELD_BY[kind] for start, kind in JUDGED.items()} == page
