"""The time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time as aware UTC; in the local cloud it stays the same during one invocation."""

    def now(self) -> datetime: ...
