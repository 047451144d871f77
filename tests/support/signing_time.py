"""The time that a signed request carries.

The only tests that may look at the machine's clock, and only for this: the SDKs stamp every request with it, and the local cloud
refuses a stamp that is more than a quarter of an hour off. Nothing else in a test depends on the day it runs.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def signing_time(*, minutes_ago: float = 0, millis: bool = False) -> str:
    """The machine's time in UTC as requests carry it (``2026-11-23T08:00:00Z``, or with ``.000`` before the ``Z``)."""
    at = datetime.now(timezone.utc) - timedelta(minutes=minutes_ago)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z" if millis else "%Y-%m-%dT%H:%M:%SZ")
