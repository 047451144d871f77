"""Windows in time zones: clock changes, midnight, several windows. Checked against python-dateutil, which has its own zone
tables.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any

import pytest
from dateutil.rrule import DAILY, rrule
from dateutil.tz import resolve_imaginary
from dateutil.zoneinfo import get_zonefile_instance
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.codec import Signed, decode, encode
from shared.domain.errors import Refused
from shared.domain.policy import Policy, parse_policy
from shared.domain.times import TimeLimits
from shared.domain.window import NEVER, Window, parse_window
from shared.domain.zones import time_zone

UTC = timezone.utc
LONDON, NEW_YORK = "Europe/London", "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Clock changes, by hand --------------------------------------------------------------------------------------------------

# Europe/London: forward at 2026-03-29 01:00 UTC (01:00 becomes 02:00), back at 2026-10-25 01:00 UTC (02:00 becomes 01:00).
# America/New_York: forward at 2026-03-08 07:00 UTC (02:00 becomes 03:00), back at 2026-11-01 06:00 UTC (02:00 becomes 01:00).
CHANGES = [
    ("the night before", LONDON, "22:00", "04:00", "2026-03-27 22:00", "2026-03-28 04:00"),
    ("across, an hour shorter", LONDON, "22:00", "04:00", "2026-03-28 22:00", "2026-03-29 03:00"),
    ("the night after", LONDON, "22:00", "04:00", "2026-03-29 21:00", "2026-03-30 03:00"),
    ("a start that is skipped", LONDON, "01:30", "04:00", "2026-03-29 01:30", "2026-03-29 03:00"),
    ("an end that is skipped", LONDON, "23:00", "01:30", "2026-03-28 23:00", "2026-03-29 01:30"),
    ("across, an hour longer", LONDON, "22:00", "04:00", "2026-10-24 21:00", "2026-10-25 04:00"),
    ("a start that comes twice", LONDON, "01:30", "04:00", "2026-10-25 00:30", "2026-10-25 04:00"),
    ("an end that comes twice", LONDON, "23:00", "01:30", "2026-10-24 22:00", "2026-10-25 00:30"),
    ("both come twice", LONDON, "01:10", "01:50", "2026-10-25 00:10", "2026-10-25 00:50"),
    ("across, an hour shorter", NEW_YORK, "22:00", "04:00", "2026-03-08 03:00", "2026-03-08 08:00"),
    ("a start that is skipped", NEW_YORK, "02:30", "05:00", "2026-03-08 07:30", "2026-03-08 09:00"),
    ("across, an hour longer", NEW_YORK, "22:00", "04:00", "2026-11-01 02:00", "2026-11-01 09:00"),
    ("a start that comes twice", NEW_YORK, "01:30", "05:00", "2026-11-01 05:30", "2026-11-01 10:00"),
]


@pytest.mark.parametrize(("_what", "zone", "start", "end", "opens", "closes"), CHANGES)
def test_a_window_where_the_clocks_change(_what: str, zone: str, start: str, end: str, opens: str, closes: str) -> None:
    window = Window(start, end, zone=zone, cutoff_min=0)
    second, first, last = timedelta(seconds=1), at(opens), at(closes)
    assert window.next_opening(first - timedelta(hours=1)) == first
    assert [window.allows_start(moment) for moment in (first - second, first, last - second, last)] == [False, True, True, False]
    assert window.opened_at(last - second) == first


def test_a_window_within_the_skipped_hour_does_not_open_on_that_day() -> None:
    window = Window("01:10", "02:00", zone=LONDON, cutoff_min=0, days=(6,))
    assert not any(window.allows_start(at("2026-03-29 00:00") + timedelta(minutes=each)) for each in range(240))
    assert window.next_opening(at("2026-03-28 12:00")) == at("2026-04-05 00:10")


def test_a_length_is_real_time_and_an_end_is_read_from_the_clock() -> None:
    six_hours = Window("22:00", length_min=360, zone=LONDON, cutoff_min=0)
    assert six_hours.allows_start(at("2026-03-29 03:59"))
    assert not six_hours.allows_start(at("2026-03-29 04:00"))
    weekend = Window("20:00", length_min=3480, days=(4,), cutoff_min=0)
    assert weekend.opened_at(at("2026-11-29 05:59")) == at("2026-11-27 20:00")
    assert not weekend.allows_start(at("2026-11-30 06:00"))


# The outside judge -------------------------------------------------------------------------------------------------------


def zone_of_the_judge(name: str) -> tzinfo:
    found: tzinfo = get_zonefile_instance().get(name)
    return found


def by_the_judge(window: Window, moment: datetime) -> datetime | None:
    """The opening of the window that allows a start at this moment, by a recurrence rule in local time."""
    zone, clock = zone_of_the_judge(window.zone), time.fromisoformat(window.start)
    first = datetime.combine((moment - timedelta(days=4)).date(), clock)
    for local in reversed(list(rrule(DAILY, dtstart=first, count=7, byweekday=window.days))):
        opens = resolve_imaginary(local.replace(tzinfo=zone)).astimezone(UTC)
        if window.length_min:
            closes = opens + timedelta(minutes=window.length_min)
        else:
            end = time.fromisoformat(window.end)
            day = local.date() + timedelta(days=end <= clock)
            closes = resolve_imaginary(datetime.combine(day, end, zone)).astimezone(UTC)
        if opens <= moment < closes - timedelta(minutes=window.cutoff_min):
            return datetime.fromisoformat(opens.isoformat())
    return None


CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 10, 30, 59)))
NEAR_CHANGES = st.sampled_from(("2026-03-29 01:00", "2026-10-25 01:00", "2027-03-28 01:00", "2026-03-08 07:00", "2026-11-01 06:00"))
MOMENTS = st.one_of(
    st.builds(lambda near, minutes: at(near) + timedelta(minutes=minutes), NEAR_CHANGES, st.integers(-2000, 2000)),
    st.builds(lambda minutes: at("2026-01-01 00:00") + timedelta(minutes=minutes), st.integers(0, 2 * 525_600)),
)
WINDOWS = st.builds(
    Window,
    start=CLOCKS,
    end=CLOCKS,
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    cutoff_min=st.sampled_from((0, 30, 60)),
    zone=st.sampled_from((LONDON, NEW_YORK, "Asia/Shanghai", "Australia/Lord_Howe", "America/St_Johns")),
    length_min=st.sampled_from((0, 0, 90, 360, 3000)),
)


@settings(max_examples=400)
@given(WINDOWS, MOMENTS)
@example(Window("01:30", "04:00", zone=LONDON, cutoff_min=0), at("2026-03-29 01:45"))
def test_a_window_is_open_when_an_outside_judge_says_so(window: Window, moment: datetime) -> None:
    assert window.opened_at(moment) == by_the_judge(window, moment)


@settings(max_examples=200)
@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
def test_nothing_is_open_before_the_next_opening_and_something_is_then(windows: list[Window], moment: datetime) -> None:
    times = TimeLimits(tuple(windows))
    following = times.next_opening(moment)
    assert following is None or times.allows_start(following)
    until = following or moment + timedelta(days=8)
    step = max((until - moment) / 40, timedelta(minutes=1))
    between = [moment + step * number for number in range(40)]
    assert not any(times.allows_start(each) for each in between if each < until)


# Several windows, reading, older rows ------------------------------------------------------------------------------------


def test_several_windows_are_open_if_one_is_and_tell_the_nearest_opening() -> None:
    both = TimeLimits((Window("02:00", "04:00", zone="Asia/Shanghai"), Window("22:00", "23:59", zone=LONDON, days=(5,))))
    assert both.is_window_open(at("2026-11-26 18:30"))  # 02:30 in Shanghai
    assert not both.is_window_open(at("2026-11-26 22:30"))
    assert both.is_window_open(at("2026-11-28 22:30"))
    assert both.next_opening(at("2026-11-28 20:00")) == at("2026-11-28 22:00")
    assert both.why_window_closed(at("2026-11-28 20:00")) == (
        "the maintenance window is closed; the next start is possible 2026-11-29 06:00 Asia/Shanghai"
    )


def test_a_window_without_a_cutoff_gets_the_length_of_its_driver() -> None:
    for driver in ("smc", "console"):
        policy = parse_policy({"driver": driver, "window": {"start": "22:00", "end": "04:00"}})
        assert policy.window == Window("22:00", "04:00", cutoff_min=30)


def test_windows_take_the_zone_of_the_policy_unless_they_name_one() -> None:
    asked = [{"start": "22:00", "end": "04:00"}, {"start": "22:00", "lengthMin": 90, "zone": NEW_YORK}]
    asked.append({"start": "01:00", "end": "05:00", "utcOffsetMin": 480})
    policy = parse_policy({"zone": LONDON, "windows": asked})
    assert [each.zone for each in policy.time_limits.windows] == [LONDON, NEW_YORK, ""]
    assert policy.time_limits.windows[2].utc_offset_min == 480


def test_rows_with_one_window_are_read_and_behave_as_before() -> None:
    stored = {"window": {"start": "22:00", "end": "04:00", "utc_offset_min": -60, "days": [0]}}
    policy = decode(Policy, stored, "policy")
    assert policy.time_limits == TimeLimits((Window("22:00", "04:00", days=(0,), utc_offset_min=Signed(-60)),))
    assert policy.time_limits.allows_start(at("2026-11-24 03:59"))
    assert not policy.time_limits.allows_start(at("2026-11-24 04:00")), "an hour before its end, as the default was"
    assert encode(policy)["window"] == stored["window"]


def test_what_an_older_version_cannot_read_holds_everything_there() -> None:
    """The older version knows only ``window``, without zones, and drops unknown fields from the row."""
    for asked in (
        {"windows": [{"start": "22:00", "end": "04:00"}]},
        {"window": {"start": "22:00", "end": "04:00", "zone": LONDON}},
    ):
        written = encode(parse_policy(asked))
        assert set(written["window"]) == {"start", "end", "cutoff_min"}
        kept_by_the_older = {name: value for name, value in written.items() if name != "windows"}
        left = decode(Policy, kept_by_the_older, "policy")
        assert left.time_limits.windows == (NEVER,)
        moments = [at("2026-11-23 00:00") + timedelta(minutes=each) for each in range(1440)]
        assert not any(left.time_limits.allows_start(each) for each in moments)
        assert "then submit it again" in left.time_limits.why_window_closed(moments[0])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"start": "22:00"}, "needs either end or lengthMin"),
    ({"start": "22:00", "end": "23:00", "lengthMin": 60}, "needs either end or lengthMin"),
    ({"start": "25:00", "end": "01:00"}, "start must be HH:MM"),
    ({"start": "22:00", "end": "1:00"}, "end must be HH:MM"),
    ({"start": "22:00:30", "end": "01:00"}, "start must be HH:MM"),
    ({"start": "22:00", "end": "22:30"}, "is never open"),
    ({"start": "22:00", "lengthMin": 30}, "is never open"),
    ({"start": "22:00", "end": "04:00", "days": []}, "days is empty"),
    ({"start": "22:00", "end": "04:00", "days": [7]}, "days is empty"),
    ({"start": "22:00", "end": "04:00", "zone": LONDON, "utcOffsetMin": 60}, "both zone and utcOffsetMin"),
    ({"start": "22:00", "end": "04:00", "zone": "Europe/Londn"}, "policy.window.zone: there is no time zone 'Europe/Londn'"),
    ({"start": "22:00", "end": "04:00", "zone": "../../etc/passwd"}, "policy.window.zone: there is no time zone"),
    ({"start": "22:00", "lengthMin": 4321}, "from 0 to 4320"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG)
def test_a_window_that_cannot_be_meant_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        parse_window(asked, "policy.window", cutoff_min=30)
    assert caught.value.remedy


def test_a_near_zone_is_suggested() -> None:
    with pytest.raises(Refused) as caught:
        time_zone("Europe/Londn")
    assert caught.value.code == "Zone.NotFound"
    assert LONDON in caught.value.remedy
