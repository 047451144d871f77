"""The port of the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The clock, in aware UTC. In the local cloud the time stays the same during one invocation."""

    def now(self) -> datetime: ...
