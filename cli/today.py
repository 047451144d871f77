"""The current day in UTC, from the clock of this machine."""

from __future__ import annotations

from datetime import date, datetime, timezone


def today_in_utc() -> date:
    """The current day in UTC. All days in Replank are UTC days."""
    return datetime.now(timezone.utc).date()
