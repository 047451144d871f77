"""Writes a day or a time in words, with its distance from a reference day or time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from shared.domain.timing import duration_in_words


def day_in_words(day: date, on: date) -> str:
    """A day in words, with its distance from a reference day, such as ``2026-03-31, 242 days ago``."""
    left = (day - on).days
    if left == 0:
        return f"{day.isoformat()}, today"
    days = "1 day" if abs(left) == 1 else f"{abs(left)} days"
    return f"{day.isoformat()}, in {days}" if left > 0 else f"{day.isoformat()}, {days} ago"


def moment_in_words(at: datetime, now: datetime) -> str:
    """A time in words, with its distance from the present time, such as ``2026-09-03 08:00 UTC, in 47 hours``."""
    away = at - now
    told = at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    length = duration_in_words(abs(away))
    return f"{told}, in {length}" if away >= timedelta(0) else f"{told}, {length} ago"
