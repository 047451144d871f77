"""Shows the progress of a run: a live table with progress bars on a terminal, else plain lines."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cli import states
from cli.output import STYLES, unescaped_stdout
from shared.domain.text import plain_line

Json = dict[str, Any]
_BASE = {
    "accepted": 0,
    "prechecking": 2,
    "ready": 5,
    "snapshotting": 10,
    "snapshotted": 20,
    "waiting": 20,
    "migrating": 25,
    "restarting": 78,
    "validating": 88,
}
"""Maps each state to the percentage of a hop that is done when the state begins.

In the state ``migrating``, half of the job's percentage is added.
"""


class Screen(Protocol):
    """The interface of the two classes that show progress: ``LiveScreen`` and ``PlainScreen``."""

    def update(self, batches: list[Json], migrations: list[Json], now: str) -> None:
        """Show the batches and migrations as they are at the virtual time ``now``."""

    def close(self) -> None:
        """Stop showing progress and restore the terminal."""


def make_screen() -> Screen:
    """Make a screen with a live table if stdout is a terminal, else a screen that prints plain lines."""
    return LiveScreen() if sys.stdout.isatty() else PlainScreen()


def percent_done(migration: Json) -> int:
    """The percentage of the migration's whole route that is done."""
    state, hops = migration["state"], max(1, migration["hops"])
    if state in states.DONE:
        return 100
    if state in states.STOPPED:
        return int(100 * migration["hop"] / hops)
    done = _BASE.get(state, 0) + (migration["progress"] / 2 if state == "migrating" else 0)
    return int((migration["hop"] * 100 + done) / hops)


def elapsed_in_words(text: str, now: str) -> str:
    """The time from ``text`` to ``now`` in words such as ``1h05m``. Both times have the API's format."""
    span = _parse_time(now) - _parse_time(text)
    minutes = max(timedelta(), span) // timedelta(minutes=1)
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes >= 60 else f"{minutes}m"


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class LiveScreen:
    """Shows migrations in a table that is redrawn in place. Below the table, each batch has a progress bar."""

    def __init__(self) -> None:
        self._live = Live(
            console=Console(file=unescaped_stdout()),
            auto_refresh=False,
            transient=True,
            vertical_overflow="visible",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def update(self, batches: list[Json], migrations: list[Json], now: str) -> None:
        shown = sorted(migrations, key=lambda each: (each["batchId"], each["instanceId"]))
        room = max(5, self._live.console.height - len(batches) - 6)
        moving = [each for each in shown if each["state"] not in states.DONE]
        rows = shown if len(shown) <= room else (moving or shown)[:room]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("instance", "from", "hop", "stage", "%", "in stage"):
            table.add_column(name, justify="right" if name in ("%", "in stage") else "left", no_wrap=True)
        for each in rows:
            table.add_row(*_migration_row(each, now))
        hidden = Text(f"... and {len(shown) - len(rows)} more" if len(rows) < len(shown) else "", style="dim")
        self._live.update(
            Group(table, hidden, _batch_progress_bars(batches, migrations), Text(f"virtual time {now[:16]} UTC", style="dim")),
            refresh=True,
        )

    def close(self) -> None:
        self._live.stop()


def _migration_row(migration: Json, now: str) -> tuple[Any, ...]:
    hop = f"{migration['hop'] + 1}/{migration['hops']}" if migration["hops"] else ""
    stage = Text(migration["state"], style=STYLES.get(migration["state"], ""))
    name = migration["instanceName"] or migration["instanceId"]
    return (
        plain_line(name),
        plain_line(migration["source"][:36]),
        hop,
        stage,
        str(percent_done(migration)),
        elapsed_in_words(migration["enteredAt"], now),
    )


def _batch_progress_bars(batches: list[Json], migrations: list[Json]) -> Progress:
    bars = Progress(TextColumn("{task.description}"), BarColumn(40), TextColumn("{task.percentage:>3.0f} %"), auto_refresh=False)
    for batch in sorted(batches, key=lambda each: str(each["createdAt"])):
        mine = [percent_done(each) for each in migrations if each["batchId"] == batch["batchId"]]
        ended = sum(each == 100 for each in mine)
        bars.add_task(f"batch {batch['batchId'][:8]} {ended}/{batch['size']}", total=100 * max(1, len(mine)), completed=sum(mine))
    return bars


class PlainScreen:
    """Prints a line when an instance enters a new state, and when the number of ended migrations of a batch changes."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int]] = {}
        self._start = ""
        self._ended: dict[str, int] = {}

    def update(self, batches: list[Json], migrations: list[Json], now: str) -> None:
        self._start = self._start or now
        for each in sorted(migrations, key=lambda each: str(each["instanceId"])):
            mark = (each["state"], each["hop"])
            if self._seen.get(each["migrationId"]) != mark:
                self._seen[each["migrationId"]] = mark
                print(self._progress_line(each, now), flush=True)
        for batch in batches:
            mine = [each for each in migrations if each["batchId"] == batch["batchId"]]
            ended = sum(each["state"] in states.DONE for each in mine)
            if mine and self._ended.get(batch["batchId"], 0) != ended:
                self._ended[batch["batchId"]] = ended
                print(
                    f"+{elapsed_in_words(self._start, now):>7}  batch {batch['batchId']}: {ended} of {len(mine)} ended", flush=True
                )

    def _progress_line(self, migration: Json, now: str) -> str:
        hop = f" (hop {migration['hop'] + 1} of {migration['hops']})" if migration["hops"] > 1 else ""
        why = f": {migration['failure']['code']}" if migration["failure"] else ""
        name = migration["instanceId"]
        return (
            f"+{elapsed_in_words(self._start, now):>7}  {name:<26} {percent_done(migration):>3} %  {migration['state']}{hop}{why}"
        )

    def close(self) -> None:
        pass
