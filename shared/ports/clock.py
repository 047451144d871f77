"""The time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """An aware UTC time; the same for the whole of one invocation in the local cloud."""

    def now(self) -> datetime: ...
