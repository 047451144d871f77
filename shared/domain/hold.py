"""The hold: one switch that stops everything the pipeline would start in the account.

Pure: it takes the row and returns the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.codec import FactsInvalid, decode

HELD, RELEASED = "held", "released"
STATE, VERSION, WHY, LINE = "state", "version", "why", "change_"
"""Columns of the row: whether it holds, its version, the reason (if set by hand), and one line for each act."""
SHOWN = 20
"""How many of the last lines of the history are shown."""


@dataclass(frozen=True)
class HoldLine:
    """One act: who set or released the hold, when and why."""

    act: str
    """``hold`` or ``release``."""
    by: str
    at: datetime
    why: str
    trust: str = ""
    """How the name is known; empty if an older version, or a person by hand, wrote the line."""


@dataclass(frozen=True)
class Hold:
    """Whether every start is held. ``reason`` is empty if nothing is held; ``version`` is 0 until the first act."""

    reason: str = ""
    version: int = 0
    exists: bool = False
    """Whether a row exists."""
    lines: tuple[HoldLine, ...] = ()
    """The acts, oldest first."""
    unread: Any = None
    """The raw version if it cannot be read, so that an act can still name the row that the person saw."""

    @property
    def held(self) -> bool:
        return bool(self.reason)


NOTHING_HELD = Hold()


def hold_of(row: Mapping[str, Any] | None) -> Hold:
    """The hold in a row. No row holds nothing; a row that cannot be understood holds everything, because a person made it."""
    if row is None:
        return NOTHING_HELD
    lines = _lines(row)
    version, state = row.get(VERSION, 0), row.get(STATE, HELD)
    if not isinstance(version, int) or isinstance(version, bool):
        return Hold(_unreadable_reason(f"column {VERSION} is not a whole number"), UNREADABLE, True, lines, version)
    if state == RELEASED:
        return Hold("", version, True, lines)
    reason = (
        _reason_in_words(row, lines) if state == HELD else _unreadable_reason(f"column {STATE} is neither {HELD} nor {RELEASED}")
    )
    return Hold(reason, version, True, lines)


UNREADABLE = -1
"""The version of a row whose version cannot be read."""


def written(seen: Hold, line: HoldLine) -> dict[str, Any]:
    """The columns that an act changes, except its own line. Writing them makes an unreadable row readable."""
    return {STATE: HELD if line.act == "hold" else RELEASED, VERSION: max(seen.version, 0) + 1}


def line_column(seen: Hold) -> str:
    """The column of the next line after the state that was seen."""
    return f"{LINE}{max(seen.version, 0) + 1:08d}"


def _unreadable_reason(what: str) -> str:
    return f"everything is held: the row of the hold cannot be read ({what})"


def _lines(row: Mapping[str, Any]) -> tuple[HoldLine, ...]:
    """The last acts. A line that cannot be read does not matter: the row's state decides."""
    found: list[HoldLine] = []
    for name in sorted(each for each in row if each.startswith(LINE))[-SHOWN:]:
        with suppress(FactsInvalid):
            found.append(decode(HoldLine, row[name], name))
    return tuple(found)


def _reason_in_words(row: Mapping[str, Any], lines: tuple[HoldLine, ...]) -> str:
    """The reason, in words. Without an act of ours, a person has set the row in the Tablestore console."""
    if not lines or lines[-1].act != "hold":
        given = row.get(WHY, "")
        return "everything is held, by the row set in the Tablestore console" + (f": {given}" if given else "")
    last = lines[-1]
    return f"everything is held by {last.by} since {last.at:%Y-%m-%d %H:%M} UTC" + (f": {last.why}" if last.why else "")
