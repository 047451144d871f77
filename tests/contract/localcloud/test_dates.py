"""Dates of requests: the fast parser accepts and refuses exactly the same as ``strptime``."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from localcloud.core.clock import MICROSECONDS, SECONDS, seconds_of

REFUSED = r"time data|unconverted data|out of range|must be in"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-23T08:00:00Z", SECONDS),
        ("2026-11-23T08:00:00.123456Z", MICROSECONDS),
        ("2026-11-23T08:00:00.5Z", MICROSECONDS),
        ("2026-1-3T8:00:00Z", SECONDS),
        ("2024-02-29T23:59:59Z", SECONDS),
    ],
)
def test_what_strptime_reads_is_read_as_it_reads_it(text: str, form: str) -> None:
    assert seconds_of(text, form) == datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-23T08:00:00", SECONDS),
        ("2026-11-23 08:00:00Z", SECONDS),
        ("2026-11-23T08:00:00.123456Z", SECONDS),
        ("2026-13-23T08:00:00Z", SECONDS),
        ("2026-11-23T08:00:61Z", SECONDS),
        ("2026-11-23T08:00:00,123456Z", MICROSECONDS),
        ("2026-11-23T08:00:00+00:000000Z", MICROSECONDS),
        ("", SECONDS),
    ],
)
def test_what_strptime_refuses_is_refused(text: str, form: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        datetime.strptime(text, form)
    with pytest.raises(ValueError, match=REFUSED):
        seconds_of(text, form)
