"""A maintenance window: when migrations of a batch may start, in the local time of the window's zone.

Clock changes are treated as in iCalendar (RFC 5545, 3.3.5; Python's ``fold=0``). A time that the clock skips gets the offset from
before the change: for example, 01:30 becomes 02:30. If the clock repeats a time, the first occurrence counts. The length
``length_min`` is elapsed time, regardless of clock changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

from shared.domain.choice import (
    bounds_of_numeric_fields,
    check_number_bounds,
    choice_field,
    document_with_python_names,
    python_names_by_api_name,
    required_field,
)
from shared.domain.codec import Signed, as_object, decode
from shared.domain.drivers import driver_choices
from shared.domain.errors import Refused
from shared.domain.record import dataclass

UTC_ITSELF = Signed(0)
A_DAY = timedelta(days=1)
CLOSED_PERIOD = (datetime.min.replace(tzinfo=timezone.utc),) * 2
DAYS_AHEAD = 15
"""The number of days within which a weekly window certainly opens, even if the clock skips the window's hour on one day."""
_LENGTHS = ", ".join(f"{each.name} {each.usual_minutes[1]}" for each in driver_choices().values())


@dataclass(frozen=True)
class Window:
    """A maintenance window: the times at which migrations may start on the given days of the week.

    If the end of a window is earlier than its start, the window runs over midnight. The window belongs to the day on which it
    starts.
    """

    start: str = required_field("Local time at which it opens, such as 22:00.")
    end: str = choice_field("", "Local time at which it closes. If it is not after start, it is on the next day.")
    days: tuple[int, ...] = choice_field((0, 1, 2, 3, 4, 5, 6), "Days on which it opens; 0 is Monday.")
    utc_offset_min: Signed = choice_field(UTC_ITSELF, "Minutes that local time is ahead of UTC. Use zone instead.", (-720, 840))
    cutoff_min: int = choice_field(
        60, f"Nothing starts in the last minutes of the window. Default: what the driver usually takes ({_LENGTHS}).", (0, 1439)
    )
    zone: str = choice_field("", "IANA zone of start and end, such as Europe/London. Default: the zone of the policy.")
    length_min: int = choice_field(0, "Minutes from start until it closes, instead of end; 0 if end is given.", (0, 4320))

    def allows_start(self, now: datetime) -> bool:
        """Whether a migration may start at ``now``."""
        return self.opened_at(now) is not None

    def opened_at(self, now: datetime) -> datetime | None:
        """The time at which the window that is open at ``now`` opened; None if the window is closed."""
        return next((opens for opens, _ in self._periods_in_force(now)), None)

    def closes_at(self, now: datetime) -> datetime | None:
        """The time until which the window that is open at ``now`` allows starts; None if the window is closed."""
        return max((until for _, until in self._periods_in_force(now)), default=None)

    def _periods_in_force(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = now.astimezone(self._time_zone()).date()
        back = 2 + self.length_min // 1440
        for days_back in range(back):
            opens, until = _period_on_day(self, today - days_back * A_DAY)
            if opens <= now < until:
                yield opens, until

    def next_opening(self, now: datetime) -> datetime | None:
        """When the window opens next after ``now``; None if the window never opens."""
        today = now.astimezone(self._time_zone()).date()
        found = (_period_on_day(self, today + ahead * A_DAY) for ahead in range(-1, DAYS_AHEAD))
        return next((opens for opens, until in found if now < opens < until), None)

    def _time_zone(self) -> tzinfo:
        if self.zone:
            from shared.domain.zones import (
                time_zone,
            )  # imported here, because only batches that name a zone need the tables of zones

            return time_zone(self.zone)
        return timezone(timedelta(minutes=self.utc_offset_min))


@lru_cache(maxsize=512)  # cached, because a forecast asks for the same days many thousand times
def _period_on_day(window: Window, day: date) -> tuple[datetime, datetime]:
    """The beginning and the end of the period in which migrations may start on one day. The beginning and the end are equal if the
    window stays closed.
    """
    if day.weekday() not in window.days:
        return CLOSED_PERIOD
    zone, start = window._time_zone(), time.fromisoformat(window.start)
    opens = _utc_time(day, start, zone)
    if window.length_min:
        closes = opens + timedelta(minutes=window.length_min)
    else:
        end = time.fromisoformat(window.end)
        closes = _utc_time(day + A_DAY if end <= start else day, end, zone)
    return opens, closes - timedelta(minutes=window.cutoff_min)


def _utc_time(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(timezone.utc)


NEVER = Window("00:00", "00:01", cutoff_min=1439)
"""A window that never opens. A policy stores this window if it has limits that an older version of Replank would ignore: zones,
several windows, or blackouts. Because the window never opens, the older version starts no migration of the batch.
"""
NAMES = python_names_by_api_name(Window)
BOUNDS = bounds_of_numeric_fields(Window)


def parse_window(document: object, path: str, *, zone: str = "", cutoff_min: int = 60) -> Window:
    """Read a window from the API's JSON. Raises Refused with the name of the invalid field.

    The arguments ``zone`` and ``cutoff_min`` are the defaults for a window that lacks these fields.
    """
    asked = as_object(document, path)
    given = document_with_python_names(asked, NAMES, path)
    given.setdefault("cutoff_min", cutoff_min)
    if "utc_offset_min" not in given and not given.get("zone"):
        given["zone"] = zone
    window = decode(Window, given, path, strict=True)
    check_number_bounds(asked, BOUNDS, path)
    _check_times(window, path)
    _check_zone(window, path)
    return _checked_window(window, path)


def _check_times(window: Window, path: str) -> None:
    if bool(window.end) == bool(window.length_min):
        raise Refused("Policy.Invalid", f"{path} needs either end or lengthMin.", "Give one of them, such as an end of 04:00.")
    for name, written in (("start", window.start), ("end", window.end or "00:00")):
        if not _is_clock_time(written):
            raise Refused("Policy.Invalid", f"{path}.{name} must be HH:MM.", "Write times like 22:00.")


def _is_clock_time(written: str) -> bool:
    try:
        return time.fromisoformat(written).strftime("%H:%M") == written
    except ValueError:
        return False


def _check_zone(window: Window, path: str) -> None:
    if window.zone and window.utc_offset_min:
        raise Refused("Policy.Invalid", f"{path} has both zone and utcOffsetMin.", "Keep zone: it knows when the clocks change.")
    if window.zone:
        from shared.domain.zones import time_zone

        time_zone(window.zone, f"{path}.zone")


def _checked_window(window: Window, path: str) -> Window:
    if not set(window.days) & set(range(7)):
        raise Refused("Policy.Invalid", f"{path}.days is empty.", "Name days from 0 (Monday) to 6.")
    if _length_in_minutes(window) <= window.cutoff_min:
        sentence = f"{path} is never open: nothing starts in its last {window.cutoff_min} minutes (cutoffMin)."
        raise Refused("Policy.Invalid", sentence, "Make the window longer, or cutoffMin smaller.")
    return window


def _length_in_minutes(window: Window) -> int:
    """The length of the window in minutes, on a day without a clock change."""
    if window.length_min:
        return window.length_min
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    length = (end.hour - start.hour) * 60 + end.minute - start.minute
    return length + 1440 * (length <= 0)
