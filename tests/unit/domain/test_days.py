"""Dates and times in sentences."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from shared.domain.catalog import release_with_name
from shared.domain.days import day_in_words, moment_in_words
from shared.domain.errors import Refused
from shared.domain.route import plan_route

NOW = datetime(2026, 9, 1, 4, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (date(2026, 3, 31), "today"),
        (date(2026, 4, 1), "1 day ago"),
        (date(2026, 3, 30), "in 1 day"),
        (date(2027, 3, 31), "365 days ago"),
    ],
)
def test_a_day_says_how_far_away_it_is(on: date, said: str) -> None:
    assert day_in_words(date(2026, 3, 31), on) == f"2026-03-31, {said}"


@pytest.mark.parametrize(
    ("away", "said"),
    [(timedelta(minutes=5), "in 5 minutes"), (timedelta(hours=47), "in 47 hours"), (timedelta(days=-3), "3 days ago")],
)
def test_a_moment_says_its_zone(away: timedelta, said: str) -> None:
    told = moment_in_words((NOW + away).astimezone(timezone(timedelta(hours=8))), NOW)
    assert " UTC, " in told
    assert told.endswith(said)


@pytest.mark.parametrize(
    ("on", "said"),
    [(date(2031, 1, 1), "until then you need not act"), (date(2032, 1, 1), "Its support ended on 2031-03-31, 276 days ago.")],
)
def test_nothing_is_promised_until_a_day_that_is_past(on: date, said: str) -> None:
    source = release_with_name("Alibaba Cloud Linux 3")
    assert source is not None
    with pytest.raises(Refused) as raised:
        plan_route(source, "x86_64", on=on)
    assert said in raised.value.remedy
    assert ("until then" in raised.value.remedy) == ("until then" in said)
