"""The current day by this machine's clock, in UTC."""

from __future__ import annotations

from datetime import date, datetime, timezone


def today() -> date:
    """Today in UTC, as everywhere in Replank."""
    return datetime.now(timezone.utc).date()
