"""What the pages share: the repository's path, and Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTICE = "<!-- Written by `make docs` from the code; a test keeps it up to date. -->\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars and line breaks in a cell are escaped."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def codes(values: Iterable[object]) -> str:
    """Values in code type, separated by commas; a dash if there are no values."""
    return ", ".join(f"`{value}`" for value in values) or "-"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
