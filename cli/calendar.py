"""Converts calendar files (iCalendar) into blackouts of a policy. The API itself accepts only plain times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cli.output import error_in_words
from cli.problem import bad_input_problem
from shared.domain.times import LONGEST_REASON, MOST_BLACKOUTS
from shared.domain.zones import time_zone

HORIZON = timedelta(days=400)
"""How far into the future calendar events are read. A limit is needed, because recurring events may have no end."""
LARGEST = 5 << 20


@dataclass(frozen=True)
class _BusyTime:
    begins: datetime
    ends: datetime
    summary: str


def read_blackouts(file: Path, since: date, zone: str) -> list[dict[str, str]]:
    """The calendar's events of the next 400 days, as blackouts for the API. Events that overlap or touch are merged.

    All-day events, and times without a time zone, are read in the time zone ``zone``. Events that are cancelled or shown as free
    are left out.
    """
    try:
        content = file.read_bytes()
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST >> 20} MB")
        busy = _busy_times(content, since, zone)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_input_problem(
            "File.Unreadable", f"{file}: {error_in_words(error)}.", "Give a calendar file (iCalendar, .ics)."
        ) from None
    joined = _merged_busy_times(busy)
    if len(joined) > MOST_BLACKOUTS:
        sentence = (
            f"{file} has {len(joined)} separate times in the next {HORIZON.days} days; a policy takes {MOST_BLACKOUTS} blackouts."
        )
        raise bad_input_problem("Calendar.TooMany", sentence, "Export a calendar that contains only the change freezes.")
    return [
        {"from": _iso_time(each.begins), "to": _iso_time(each.ends), "reason": each.summary[:LONGEST_REASON]} for each in joined
    ]


def _busy_times(content: bytes, since: date, zone: str) -> list[_BusyTime]:
    import recurring_ical_events  # only the option for calendars needs the two packages
    from icalendar import Calendar

    calendar = Calendar.from_ical(content)
    found = recurring_ical_events.of(calendar).between(since, since + HORIZON)
    wanted = (each for each in found if each.get("STATUS") != "CANCELLED" and each.get("TRANSP") != "TRANSPARENT")
    return [_busy_time(each, zone) for each in wanted]


def _busy_time(event: Any, zone: str) -> _BusyTime:
    summary = " ".join(str(event.get("SUMMARY", "")).split())
    visible = "".join(letter for letter in summary if letter.isprintable())
    return _BusyTime(_utc_time(event.start, zone), _utc_time(event.end, zone), visible)


def _utc_time(moment: date, zone: str) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    local = moment if moment.tzinfo else moment.replace(tzinfo=time_zone(zone or "UTC"))
    return local.astimezone(timezone.utc)


def _merged_busy_times(busy: list[_BusyTime]) -> list[_BusyTime]:
    joined: list[_BusyTime] = []
    for each in sorted(busy, key=lambda each: (each.begins, each.ends, each.summary)):
        if joined and each.begins <= joined[-1].ends:
            last = joined[-1]
            both = last.summary if each.summary in last.summary else f"{last.summary}; {each.summary}"
            joined[-1] = replace(last, ends=max(last.ends, each.ends), summary=both)
        elif each.ends > each.begins:
            joined.append(each)
    return joined


def _iso_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
