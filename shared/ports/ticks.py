"""The port that stores the time of the last tick."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class TickTimeStore(Protocol):
    """The store of the last tick's time. Every method raises Transient (Store.Unavailable) if Tablestore does not answer."""

    def write_tick_time(self, at: datetime) -> None:
        """Store the time of a tick in one call. Replaces the time that was stored before."""

    def last_tick_time(self) -> datetime | None:
        """The time that was stored last, read in one call; None if no time was ever stored.

        Raises Permanent (Store.RowInvalid) if the row cannot be read.
        """
