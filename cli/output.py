"""How results are shown: tables for people, JSON for programs; errors always on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.problem import Problem

STYLES = {
    "completed": "green",
    "confirmed": "green",
    "migrated": "cyan",
    "failed": "red",
    "precheck_failed": "yellow",
    "refused": "yellow",
    "rolled_back": "magenta",
    "cancelled": "dim",
}


def console() -> Console:
    """Standard output, made anew so that it follows a redirection; wide, so that a terminal wraps a line and no cell is cut."""
    return Console(width=200, highlight=False, emoji=False, markup=False)


def show_json(value: Any) -> None:
    """The value as JSON on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """A table; columns whose name starts with ``#`` are numbers."""
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name.lstrip("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    console().print(made)


def _cell(value: Any) -> Any:
    text = "" if value is None else str(value)
    if text in STYLES:
        from rich.text import Text

        return Text(text, style=STYLES[text])
    return text


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; empty ones are left out."""
    shown = [(name, str(value)) for name, value in pairs if value not in ("", None, [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {value}")


def show_problem(problem: Problem, *, as_json: bool = False) -> None:
    """Code, sentence and remedy on stderr."""
    if as_json:
        body = {"Code": problem.code, "Message": problem.message, "RequestId": problem.request_id, "Recommend": problem.remedy}
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr)
        return
    request = f" (request {problem.request_id})" if problem.request_id else ""
    print(f"{problem.code}: {problem.message}{request}\n{problem.remedy}", file=sys.stderr)


def moment(text: str | None) -> str:
    """A time of the API, to the minute."""
    return (text or "")[:16].replace("T", " ")
