"""Prints results: tables for people or JSON for programs, and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from cli.problem import Problem
from shared.domain.text import escaped_json, plain_line, plain_lines

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


class EscapedStream:
    """A text stream that escapes control characters, so that names from guests or services cannot control the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text with its control characters escaped."""
        self.stream.write(plain_lines(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def escaped_output() -> Iterator[None]:
    """Inside the ``with`` block, control characters in printed text are escaped."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = EscapedStream(out), EscapedStream(err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def unescaped_stdout() -> TextIO:
    """Standard output without escaping, for tables with colours.

    Callers must escape the names in a table with ``plain_line``.
    """
    return sys.stdout.stream if isinstance(sys.stdout, EscapedStream) else sys.stdout


def rich_console() -> Console:
    """A new console of the library ``rich``, which writes to the current standard output. Each call makes a new console, so that a
    redirection of standard output takes effect.

    The console is as wide as the terminal, or 200 columns in a pipe. The variable NO_COLOR (no-color.org) removes colours, bold
    and dim text.
    """
    stream = unescaped_stdout()
    plainly = bool(os.environ.get("NO_COLOR"))
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, color_system=None if plainly else "auto")


def finding_headline(finding: dict[str, Any]) -> str:
    """The code, title and details of a finding, on one line."""
    return f"{finding['code']}: {title_with_details(finding['title'], finding['seen'])}"


def title_with_details(title: str, seen: str) -> str:
    """The title of a finding, followed by the observed details, if there are any."""
    return f"{title.rstrip('.')}: {seen}" if seen else title


def error_in_words(error: Exception) -> str:
    """The cause of a file error in words, without the error number and the file name."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def print_note(text: str) -> None:
    """Print a message for the user on stderr. Only results go to stdout."""
    print(text, file=sys.stderr)


def json_text(value: Any, indent: int | None = 2) -> str:
    """The value as JSON text, with control characters escaped."""
    return escaped_json(json.dumps(value, indent=indent, ensure_ascii=False))


def show_json(value: Any) -> None:
    """Print the value as JSON on stdout."""
    print(json_text(value))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
    """Print a table. A column whose name starts with ``#`` is right-aligned, because it contains numbers."""
    made = Table(title=plain_line(title) or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name.lstrip("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_table_cell(value) for value in row))
    rich_console().print(made)


def _table_cell(value: Any) -> Any:
    text = (
        {None: "", True: "yes", False: "no"}.get(value, "") if value is None or isinstance(value, bool) else plain_line(str(value))
    )
    if text in STYLES:
        from rich.text import Text

        return Text(text, style=STYLES[text])
    return text


def print_line(text: str) -> None:
    """Print a line immediately, wrapped on a terminal and unwrapped in a pipe."""
    if unescaped_stdout().isatty():
        rich_console().print(plain_line(text), style="")
    else:
        print(plain_line(text), flush=True)


def print_fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one pair per line. Pairs with an empty value are left out."""
    shown = [(name, str(value)) for name, value in pairs if value not in ("", None, [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {value}")


def show_problem(problem: Problem, *, as_json: bool = False) -> None:
    """Print the code, message and remedy of a problem on stderr, as text or as JSON."""
    if as_json:
        body = {"Code": problem.code, "Message": problem.message, "RequestId": problem.request_id, "Recommend": problem.remedy}
        print(json_text(body, None), file=sys.stderr)
        return
    request = f" (request {problem.request_id})" if problem.request_id else ""
    print(f"{problem.code}: {problem.message}{request}\n{problem.remedy}", file=sys.stderr)


def time_in_words(text: str | None) -> str:
    """A time from the API as readable text in UTC, without seconds; empty if there is no time."""
    return text[:16].replace("T", " ") + " UTC" if text else ""


def actor_in_words(line: Mapping[str, Any]) -> str:
    """The name of the person who acted. Brackets after the name say, if known, how the name was verified and which interface was
    used.
    """
    known = ", ".join(each for each in (line.get("trust", ""), line.get("door", "")) if each)
    return f"{line['by']} ({known})" if known else str(line["by"])


_shown_hold_headers: set[str] = set()


def print_hold_notice(header: str) -> None:
    """Print on stderr, once per command, that the account is on hold, and why.

    ``header`` is the value of the API's header ``X-Replank-Hold``: the reason, as a JSON text.
    """
    if not header or header in _shown_hold_headers:
        return
    _shown_hold_headers.add(header)
    try:
        reason = str(json.loads(header))
    except ValueError:
        reason = header
    shown = "".join(letter if letter.isprintable() else "?" for letter in reason)
    print(f"HOLD: {shown}\nNothing new starts. `replank hold --show` shows the last acts.", file=sys.stderr)
