"""Timer expressions: ``@every 1m`` and six-field cron (second minute hour day month weekday). The time zone is UTC unless CRON_TZ
is given. Pure.

Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/configure-a-time-trigger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EVERY = re.compile(r"@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = (
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_WEEKDAYS)},
)
_SEARCH_DAYS = 366 * 8 + 1
"""How many days to search: enough to find a 29 February."""


class CronError(ValueError):
    """An expression is invalid, or no date ever matches it."""


@dataclass(frozen=True)
class Every:
    """A fixed interval, counted from the deployment."""

    span_ms: int

    def next_ms(self, after_ms: int) -> int:
        return after_ms + self.span_ms


@dataclass(frozen=True)
class Cron:
    """The allowed values of each field. ``any_day`` and ``any_weekday`` are true if the field was ``*`` or ``?``."""

    fields: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool
    zone: str

    def next_ms(self, after_ms: int) -> int:
        """The first matching moment after ``after_ms`` (both in ms since the epoch). Raises CronError if no moment matches within
        eight years.
        """
        zone = timezone.utc if self.zone == "UTC" else ZoneInfo(self.zone)
        start = datetime.fromtimestamp(after_ms // 1000, zone).replace(microsecond=0)
        times = [(h, m, s) for h in sorted(self.fields[2]) for m in sorted(self.fields[1]) for s in sorted(self.fields[0])]
        for days in range(_SEARCH_DAYS):
            day = (start + timedelta(days=days)).date()
            if not self._wants(day.day, day.month, day.isoweekday() % 7):
                continue
            for h, m, s in times:
                found = round(datetime(day.year, day.month, day.day, h, m, s, tzinfo=zone).timestamp() * 1000)
                if found > after_ms:
                    return found
        raise CronError("The expression never comes true.")

    def _wants(self, day: int, month: int, weekday: int) -> bool:
        if month not in self.fields[4]:
            return False
        on_day, on_weekday = day in self.fields[3], weekday in self.fields[5]
        if self.any_day or self.any_weekday:
            return on_day and on_weekday
        return on_day or on_weekday


def parse(expression: str) -> Every | Cron:
    """Parse an expression. The CronError says which part is invalid."""
    every = _EVERY.fullmatch(expression.strip())
    if every:
        hours, minutes, seconds = (int(part or 0) for part in every.groups())
        span_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
        if not span_ms:
            raise CronError(f"{expression}: the interval is empty.")
        return Every(span_ms)
    zone, words = _zone(expression.split())
    if len(words) != len(_RANGES):
        raise CronError(f"{expression}: six fields (second minute hour day month weekday) are wanted, or @every.")
    fields = [_field(word, at) for at, word in enumerate(words)]
    fields[5] = frozenset(number % 7 for number in fields[5])
    return Cron(tuple(fields), words[3] in "*?", words[5] in "*?", zone)


def _zone(words: list[str]) -> tuple[str, list[str]]:
    if not words or not words[0].startswith(("CRON_TZ=", "TZ=")):
        return "UTC", words
    zone = words[0].partition("=")[2]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CronError(f"{zone} is no time zone.") from error
    return zone, words[1:]


def _field(word: str, at: int) -> frozenset[int]:
    return frozenset(number for part in word.split(",") for number in _part(part, at))


def _part(part: str, at: int) -> range:
    low, high = _RANGES[at]
    span, _, step = part.partition("/")
    if span not in ("*", "?"):
        first, dash, last = span.partition("-")
        start = _number(first, at)
        low, high = start, _number(last, at) if dash else (high if step else start)
    if (step and not step.isdigit()) or step == "0" or low > high:
        raise CronError(f"{part} cannot be read.")
    return range(low, high + 1, int(step or 1))


def _number(text: str, at: int) -> int:
    low, high = _RANGES[at]
    names = _NAMES[at - 4] if at >= 4 else {}
    number = names.get(text.upper(), int(text) if text.isdigit() else -1)
    if not low <= number <= high:
        raise CronError(f"{text} is not within {low} to {high}.")
    return number
