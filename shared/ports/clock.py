"""The port for the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The source of the current time, as an aware datetime in UTC. In the local cloud the time does not change during one
    invocation of a function.
    """

    def now(self) -> datetime: ...
