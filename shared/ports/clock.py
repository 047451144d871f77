"""The port of the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time as aware UTC. In the local cloud the time does not change during one invocation of a function."""

    def now(self) -> datetime: ...
