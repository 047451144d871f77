"""Windows and blackouts, computed without the product's code: its own rule, with the time zones of python-dateutil."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo

from dateutil.tz import resolve_imaginary, tzoffset
from dateutil.zoneinfo import get_zonefile_instance

from tests.simulation.policies import Policy, Window


def within(policy: Policy, moment: datetime) -> bool:
    """Whether a window is open at this moment, or none is set."""
    return not policy.windows or any(_is_open(window, moment) for window in policy.windows)


def blacked(policy: Policy, moment: datetime) -> str:
    """The reason of the blackout at this moment; empty if no blackout applies."""
    for each in policy.blackouts:
        if each.begins - timedelta(minutes=each.cutoff_min) <= moment < each.ends:
            return each.reason or "no reason given"
    return ""


def days_of_two_openings(policy: Policy) -> int:
    """In how many days each window certainly opens twice: two, or four for a window that stays closed on single days."""
    return 4 if any(len(each.days) < 7 for each in policy.windows) else 2


def _is_open(window: Window, moment: datetime) -> bool:
    zone: tzinfo = get_zonefile_instance().get(window.zone) if window.zone else tzoffset(None, window.utc_offset_min * 60)
    today, start = moment.astimezone(zone).date(), time.fromisoformat(window.start)
    for days_back in range(4):
        day = today - timedelta(days=days_back)
        if day.weekday() not in window.days:
            continue
        opens = _at(day, start, zone)
        if window.length_min:
            closes = opens + timedelta(minutes=window.length_min)
        else:
            end = time.fromisoformat(window.end)
            closes = _at(day + timedelta(days=end <= start), end, zone)
        if opens <= moment < closes - timedelta(minutes=window.cutoff_min):
            return True
    return False


def _at(day: date, clock: time, zone: tzinfo) -> datetime:
    there: datetime = resolve_imaginary(datetime.combine(day, clock, zone))
    return there.astimezone(timezone.utc)
