"""Timer expressions."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from localcloud.core.clock import iso, to_ms
from localcloud.fc import cron

START = to_ms(datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc))  # a Monday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@every 1m", "2026-11-23T08:01:00Z"),
        ("@every 1h30m", "2026-11-23T09:30:00Z"),
        ("0 0 4 * * *", "2026-11-24T04:00:00Z"),
        ("CRON_TZ=Asia/Shanghai 0 0 4 * * *", "2026-11-23T20:00:00Z"),
        ("0 */15 * * * *", "2026-11-23T08:15:00Z"),
        ("0 0 0 1 * *", "2026-12-01T00:00:00Z"),
        ("0 30 8 ? * MON-FRI", "2026-11-23T08:30:00Z"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("0 0 12 ? * 7", "2026-11-29T12:00:00Z"),
        ("30 59 23 31 12 *", "2026-12-31T23:59:30Z"),
        ("0 0 8 * * *", "2026-11-24T08:00:00Z"),
    ],
)
def test_an_expression_gives_its_next_time(expression: str, expected: str) -> None:
    assert iso(cron.parse(expression).next_ms(START)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "@every",
        "@every 0s",
        "@every 1d",
        "* * * * *",
        "60 * * * * *",
        "0 0 0 32 * *",
        "0 0 0 * * XYZ",
        "0 5-1 * * * *",
        "0 */0 * * * *",
    ],
)
def test_a_wrong_expression_is_refused(wrong: str) -> None:
    with pytest.raises(cron.CronError):
        cron.parse(wrong)


def test_what_never_comes() -> None:
    with pytest.raises(cron.CronError):
        cron.parse("0 0 0 31 2 *").next_ms(START)
