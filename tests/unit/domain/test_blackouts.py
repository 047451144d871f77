"""Blackouts: how they are parsed, what they hold, and when the next start is possible."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.codec import decode, encode
from shared.domain.errors import Refused
from shared.domain.limits import has_missed_window, needs_new_snapshots
from shared.domain.migration import Migration, State
from shared.domain.policy import Policy, parse_policy, policy_without_never_open_window
from shared.domain.times import MOST_BLACKOUTS, Blackout, TimeLimits
from shared.domain.window import NEVER, Window

UTC = timezone.utc


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(*asked: dict[str, Any], **more: Any) -> tuple[Blackout, ...]:
    return parse_policy({"blackouts": list(asked), **more}).blackouts


def test_days_count_whole_and_are_days_of_the_zone() -> None:
    found = read({"from": "2026-12-24", "to": "2026-12-26", "reason": "year end"}, zone="Asia/Shanghai")
    assert found == (Blackout(at("2026-12-23 16:00"), at("2026-12-26 16:00"), "year end", 30),)


def test_times_are_local_unless_they_have_an_offset() -> None:
    summer = {"from": "2026-07-01T18:00", "to": "2026-07-01T18:00+00:00", "cutoffMin": 0}
    assert read(summer, zone="Europe/London") == (Blackout(at("2026-07-01 17:00"), at("2026-07-01 18:00")),)
    assert read({"from": "2026-07-01T18:00Z", "to": "2026-07-01T19:00"})[0].from_ == at("2026-07-01 18:00")


def test_what_is_shown_is_read_as_the_same() -> None:
    policy = parse_policy({"zone": "Europe/London", "blackouts": [{"from": "2026-12-24", "to": "2027-01-03"}]})
    shown = {"from": "2026-12-24T00:00:00Z", "to": "2027-01-04T00:00:00Z", "reason": "", "cutoffMin": 30}
    assert parse_policy({"zone": "Europe/London", "blackouts": [shown]}) == policy
    assert decode(Policy, encode(policy), "policy") == policy


def test_nothing_starts_in_the_last_minutes_before_and_then_until_the_end() -> None:
    times = TimeLimits((), (Blackout(at("2026-12-24 00:00"), at("2026-12-27 00:00"), cutoff_min=30),))
    moments = ["2026-12-23 23:29", "2026-12-23 23:30", "2026-12-26 23:59", "2026-12-27 00:00"]
    assert [times.allows_start(at(each)) for each in moments] == [True, False, False, True]
    assert times.next_opening(at("2026-12-25 00:00")) == at("2026-12-27 00:00")


def test_the_next_opening_is_in_a_window_and_outside_of_every_blackout() -> None:
    nights = Window("22:00", "04:00", cutoff_min=60)
    blackouts = (
        Blackout(at("2026-12-24 00:00"), at("2026-12-26 23:00")),
        Blackout(at("2026-12-26 22:30"), at("2026-12-27 12:00"), cutoff_min=30),
    )
    times = TimeLimits((nights,), blackouts)
    assert times.next_opening(at("2026-12-24 01:00")) == at("2026-12-27 22:00")
    assert times.next_opening(at("2026-12-23 21:00")) == at("2026-12-23 22:00")
    assert TimeLimits((NEVER,), blackouts).next_opening(at("2026-12-24 01:00")) is None


def test_a_policy_with_a_blackout_alone_holds_everything_in_an_older_version() -> None:
    policy = parse_policy({"blackouts": [{"from": "2026-12-24", "to": "2026-12-26"}]})
    assert policy.window == NEVER
    assert policy.time_limits.allows_start(at("2026-12-20 12:00"))
    days = [{"from": "2026-12-24", "to": "2026-12-26"}]
    with_window = parse_policy({"window": {"start": "22:00", "end": "04:00"}, "blackouts": days})
    assert with_window.time_limits.windows == (Window("22:00", "04:00", cutoff_min=30),)
    assert with_window.window == NEVER


def test_a_policy_with_waves_holds_everything_in_an_older_version() -> None:
    policy = parse_policy({"waves": ["1", "50%"]})
    assert policy.window == NEVER
    assert policy.time_limits.windows == ()
    assert policy_without_never_open_window(policy).window is None
    with_window = parse_policy({"waves": ["1"], "window": {"start": "22:00", "end": "04:00"}})
    assert with_window.window == NEVER
    assert with_window.time_limits.windows == (Window("22:00", "04:00", cutoff_min=30),)
    stored_before = Policy(waves=("1",), window=Window("22:00", "04:00"))
    assert stored_before.time_limits.windows == (Window("22:00", "04:00"),)


def test_a_policy_with_a_group_holds_everything_in_an_older_version() -> None:
    policy = parse_policy({"group": {"tag": "serves"}})
    assert (policy.window, policy.time_limits.windows) == (NEVER, ())


def test_snapshots_from_before_a_blackout_are_made_again_and_miss_no_window() -> None:
    ready = at("2026-12-23 20:00")
    made = Migration("m1", "b1", "i-1", "cn-hangzhou", State.SNAPSHOTTED, 4, 4, ready, ready)
    black = Policy(window=NEVER, blackouts=(Blackout(at("2026-12-24 00:00"), at("2026-12-27 00:00")),))
    summary = Batch("b1", BatchState.OPEN, 2, ready, "api", "ann", Selection(("cn-hangzhou",)), black).summary
    assert needs_new_snapshots(made, summary, at("2026-12-27 00:01"))
    assert not needs_new_snapshots(made, summary, at("2026-12-23 23:00"))
    assert not has_missed_window(made, summary, at("2026-12-25 00:00"))
    later = replace(made, entered_at=at("2026-12-27 00:01"))
    assert not needs_new_snapshots(later, summary, at("2026-12-27 00:02"))


def test_a_blackout_in_a_window_is_no_window_missed() -> None:
    ready = at("2026-12-23 23:00")
    made = Migration("m1", "b1", "i-1", "cn-hangzhou", State.SNAPSHOTTED, 4, 4, ready, ready)
    hour = Blackout(at("2026-12-24 00:00"), at("2026-12-24 01:00"))
    policy = Policy(window=NEVER, windows=(Window("22:00", "04:00"),), blackouts=(hour,))
    summary = Batch("b1", BatchState.OPEN, 2, ready, "api", "ann", Selection(("cn-hangzhou",)), policy).summary
    assert not has_missed_window(made, summary, at("2026-12-24 00:30"))
    assert needs_new_snapshots(made, summary, at("2026-12-24 01:30"))
    assert not has_missed_window(made, summary, at("2026-12-24 01:30"))


DAY = "2026-12-24"
WRONG: list[tuple[Any, str]] = [
    ([{"from": DAY, "to": "2026-12-23"}], "to is not after from"),
    ([{"from": DAY}], "to must be a day or a time"),
    ([{"from": "24.12.2026", "to": DAY}], "from must be a day or a time"),
    ([{"from": "2026-13-01", "to": DAY}], "from must be a day or a time"),
    ([{"from": "1969-12-01", "to": DAY}], "not in the years"),
    ([{"from": DAY, "to": DAY, "until": 1}], "until is not a known field"),
    ([{"from": DAY, "to": DAY, "reason": "a\nb"}], "reason must be one line"),
    ([{"from": DAY, "to": DAY, "cutoffMin": True}], "cutoffMin must be a whole number"),
    ([{"from": DAY, "to": DAY}] * (MOST_BLACKOUTS + 1), "more than 100"),
    ("Christmas", "must be a list"),
    (["Christmas"], "must be an object"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG)
def test_a_blackout_that_cannot_be_meant_is_refused(asked: Any, told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        parse_policy({"blackouts": asked})
    assert caught.value.remedy


def test_a_window_does_not_make_good_a_blackout() -> None:
    times = TimeLimits((Window("00:00", "00:00", cutoff_min=0),), (Blackout(at("2026-12-24 00:00"), at("2026-12-24 06:00")),))
    assert not times.allows_start(at("2026-12-24 03:00"))
    assert times.starts_allowed_since(at("2026-12-24 07:00")) == at("2026-12-24 06:00")
    assert times.next_opening(at("2026-12-24 03:00")) == at("2026-12-24 06:00") + timedelta(0)
