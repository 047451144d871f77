"""The periods in which starts are allowed, compared with a check at every five minutes of two weeks."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain.policy import parse_policy

SINCE = datetime(2026, 10, 20, 10, 30, tzinfo=timezone.utc)
UNTIL = SINCE + timedelta(days=14)
STEP = timedelta(minutes=5)
NIGHT = {"start": "22:00", "end": "04:00", "zone": "Europe/London", "cutoffMin": 30}  # its clock changes in these two weeks
DAY = {"start": "03:00", "end": "12:00", "zone": "Europe/London", "cutoffMin": 0}
FREEZE = {"from": "2026-10-23T23:00Z", "to": "2026-10-25T01:00Z", "cutoffMin": 60}


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"windows": [NIGHT]},
        {"windows": [NIGHT, DAY]},
        {"windows": [NIGHT, {**NIGHT, "start": "23:00", "days": [0, 3]}], "blackouts": [FREEZE]},
        {"blackouts": [FREEZE, {"from": "2026-10-24", "to": "2026-10-26", "cutoffMin": 0}]},
        {"windows": [{"start": "00:00", "lengthMin": 2880, "days": [5], "cutoffMin": 0}]},
    ],
    ids=["none", "night", "joined", "blackout", "blackouts", "two-days"],
)
def test_the_openings_are_when_starts_are_allowed(policy: dict[str, Any]) -> None:
    times = parse_policy(policy).time_limits
    found = times.allowed_start_periods(SINCE, UNTIL, 100)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    for number in range((UNTIL - SINCE) // STEP):
        at = SINCE + number * STEP
        assert any(opens <= at < closes for opens, closes in found) == times.allows_start(at), at


def test_what_never_opens_has_no_openings_and_many_are_cut() -> None:
    always = {"start": "00:00", "end": "01:00", "cutoffMin": 0}
    assert len(parse_policy({"windows": [always]}).time_limits.allowed_start_periods(SINCE, UNTIL, 5)) == 5
    past = {"from": "2026-10-20", "to": "2026-12-01"}
    assert parse_policy({"blackouts": [past]}).time_limits.allowed_start_periods(SINCE, UNTIL, 5) == []
