"""The time in a signed request.

Only tests that use this may read the machine's clock. The SDKs stamp every request with it, and the local cloud refuses a stamp
that is more than 15 minutes off. Nothing else in a test depends on the day of the run.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def signing_time(*, minutes_ago: float = 0, millis: bool = False) -> str:
    """The machine's time in UTC, in the form for requests (``2026-11-23T08:00:00Z``, or with ``.000`` before the ``Z``)."""
    at = datetime.now(timezone.utc) - timedelta(minutes=minutes_ago)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z" if millis else "%Y-%m-%dT%H:%M:%SZ")
