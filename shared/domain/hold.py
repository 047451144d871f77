"""The hold: a switch that a person sets to stop all starts. While the hold is set, the pipeline starts nothing in the account.

All functions in this module are pure. The functions of this module interpret the hold's row, and compute the columns that an act
writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.domain.codec import DocumentInvalid, decode
from shared.domain.record import dataclass

HELD, RELEASED = "held", "released"
STATE, VERSION, WHY, LINE = "state", "version", "why", "change_"
"""The columns of the hold's row: the state, the version, and the reason for a hold that a person set directly in the table.
Each act is recorded in a column whose name begins with ``LINE``.
"""
SHOWN = 20
"""Maximum number of acts that the pipeline reads from the hold's history. If the history is longer, only the latest acts are read.
"""


@dataclass(frozen=True)
class HoldHistoryEntry:
    """One act: who set or released the hold, when and why."""

    act: str
    """The act: ``hold`` or ``release``."""
    by: str
    at: datetime
    why: str
    trust: str = ""
    """The trust in the person's name: ``claimed`` or ``verified``; empty if an older version of Replank or a manual edit wrote the
    line.
    """


@dataclass(frozen=True)
class Hold:
    """The state of the hold. The string ``reason`` is empty if the hold is not set. The number ``version`` is 0 before the first
    act.
    """

    reason: str = ""
    version: int = 0
    exists: bool = False
    """Whether the table has a row for the hold."""
    lines: tuple[HoldHistoryEntry, ...] = ()
    """The acts, oldest first."""
    unread: Any = None
    """The value in the version column if this value is not a whole number; otherwise None. An act changes the row only if the
    column still has the value, so that no other change is lost.
    """

    @property
    def is_held(self) -> bool:
        return bool(self.reason)


NOTHING_HELD = Hold()


def hold_from_row(row: Mapping[str, Any] | None) -> Hold:
    """The hold that a row describes. If the table has no row for the hold, the hold is not set. An unreadable row stops all starts,
    because only an edit by hand can make the row unreadable.
    """
    if row is None:
        return NOTHING_HELD
    lines = _acts_from_row(row)
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
"""The version that a hold gets if the stored version is not a whole number."""


def columns_after_act(seen: Hold, line: HoldHistoryEntry) -> dict[str, Any]:
    """The new values of the columns for state and version after an act. Writing both columns also repairs an unreadable row."""
    return {STATE: HELD if line.act == "hold" else RELEASED, VERSION: max(seen.version, 0) + 1}


def next_act_column(seen: Hold) -> str:
    """The name of the column that will record the next act."""
    return f"{LINE}{max(seen.version, 0) + 1:08d}"


def _unreadable_reason(what: str) -> str:
    return f"everything is held: the row of the hold cannot be read ({what})"


def _acts_from_row(row: Mapping[str, Any]) -> tuple[HoldHistoryEntry, ...]:
    """The latest acts, oldest first. Unreadable lines are skipped, because only the column with the state decides whether the hold
    is set.
    """
    found: list[HoldHistoryEntry] = []
    for name in sorted(each for each in row if each.startswith(LINE))[-SHOWN:]:
        with suppress(DocumentInvalid):
            found.append(decode(HoldHistoryEntry, row[name], name))
    return tuple(found)


def _reason_in_words(row: Mapping[str, Any], lines: tuple[HoldHistoryEntry, ...]) -> str:
    """The reason of the hold, in words. If the row has no act, a person set the hold in the Tablestore console."""
    if not lines or lines[-1].act != "hold":
        given = row.get(WHY, "")
        return "everything is held, by the row set in the Tablestore console" + (f": {given}" if given else "")
    last = lines[-1]
    return f"everything is held by {last.by} since {last.at:%Y-%m-%d %H:%M} UTC" + (f": {last.why}" if last.why else "")
