"""Two clocks. The class ``SystemClock`` reads the machine's time. The class ``EnvironmentClock`` reads the local cloud's virtual
time from an environment variable.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone

from shared.domain.errors import Permanent


class SystemClock:
    """Reads the machine's clock."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)


class EnvironmentClock:
    """Reads the time in ISO 8601 from an environment variable. If the variable is not set, reads the machine's clock."""

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def now(self) -> datetime:
        text = os.environ.get(self._variable, "")
        return parse_time(text) if text else datetime.now(timezone.utc)


Clock = SystemClock | EnvironmentClock


def clock_from_setting(setting: str) -> Clock:
    """The clock that a setting selects. The setting is ``system`` or ``env:VARIABLE``."""
    kind, _, variable = setting.partition(":")
    if kind == "env" and variable:
        return EnvironmentClock(variable)
    if setting != "system":
        raise Permanent("Settings.Invalid", f"REPLANK_CLOCK is {setting!r}.", "Set it to `system` or `env:VARIABLE`.")
    return SystemClock()


def parse_time(text: str) -> datetime:
    """The time in an ISO 8601 string, for example ``2026-09-01T04:00Z``, as an aware datetime in UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return parsed.replace(tzinfo=timezone.utc) if parsed.tzinfo is None else parsed.astimezone(timezone.utc)


def parse_time_or_none(text: str | None) -> datetime | None:
    """The time in an ISO 8601 string, as an aware datetime in UTC; None if the string is empty or cannot be parsed."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def epoch_milliseconds(at: datetime) -> int:
    """The time in milliseconds since the epoch. Tablestore columns hold times as milliseconds since the epoch."""
    return round(at.timestamp() * 1000)
