"""Time limits: windows in which migrations may start, and blackouts in which no migration may start."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from shared.domain.choice import bounds_of_numeric_fields, check_number_bounds, choice_field, required_field
from shared.domain.codec import YEARS, as_list, as_object
from shared.domain.errors import Refused
from shared.domain.record import dataclass
from shared.domain.window import NEVER, Window

MOST_BLACKOUTS, LONGEST_REASON = 100, 200
_SPELLED = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")
_VISIBLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")


@dataclass(frozen=True)
class Blackout:
    """A period in which nothing starts, regardless of windows.

    The beginning and the end of a blackout are absolute times. The local times in the policy were converted when the policy was
    read.
    """

    from_: datetime = required_field("When it begins: a day, a local time or one with its offset (2026-12-24T18:00Z).")
    to: datetime = required_field("When it ends. If this is a day, the blackout ends at the end of that day.")
    reason: str = choice_field("", "Reason, for people who wait.")
    cutoff_min: int = choice_field(
        0, "Nothing starts in the last minutes before a blackout either. Default: what the driver usually takes.", (0, 1439)
    )

    def is_in_force(self, now: datetime) -> bool:
        """Whether the blackout, including its cutoff, forbids starts at ``now``."""
        return self.from_ - timedelta(minutes=self.cutoff_min) <= now < self.to


BLACKOUT_BOUNDS = bounds_of_numeric_fields(Blackout)
_FIELDS = ("from", "to", "reason", "cutoffMin")


@dataclass(frozen=True)
class TimeLimits:
    """The windows and blackouts of one policy. Without windows a migration may start at any time outside the blackouts."""

    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    def is_window_open(self, now: datetime) -> bool:
        """Whether a window is open at ``now``; always true if the policy has no windows."""
        return not self.windows or any(each.allows_start(now) for each in self.windows)

    def blackout_at(self, now: datetime) -> Blackout | None:
        """The blackout in force at ``now``. If several blackouts are in force, the result is the blackout that ends last."""
        if not self.blackouts:  # a forecast asks some hundred thousand times
            return None
        return max((each for each in self.blackouts if each.is_in_force(now)), key=lambda each: each.to, default=None)

    def allows_start(self, now: datetime) -> bool:
        """Whether a migration may start at ``now``."""
        return self.is_window_open(now) and self.blackout_at(now) is None

    def window_opened_at(self, now: datetime) -> datetime | None:
        """When the present window opened. If several windows are open, the result is the earliest time. The result is None if all
        windows are closed.
        """
        return min(filter(None, (each.opened_at(now) for each in self.windows)), default=None)

    def starts_allowed_since(self, now: datetime) -> datetime | None:
        """The time since which starts have been allowed without a break. The result is None if starts are forbidden now or were
        always allowed.
        """
        if not self.allows_start(now):
            return None
        ended = (each.to for each in self.blackouts if each.to <= now)
        return max(filter(None, (self.window_opened_at(now), *ended)), default=None)

    def next_opening(self, now: datetime) -> datetime | None:
        """When a migration may start next. The result is ``now`` if a start is possible now, and None if starts are
        never possible.
        """
        at: datetime | None = now
        while at is not None and not self.allows_start(at):
            held = self.blackout_at(at)
            at = held.to if held else min(filter(None, (each.next_opening(at) for each in self.windows)), default=None)
        return at

    def allowed_start_periods(self, since: datetime, until: datetime, most: int) -> list[tuple[datetime, datetime]]:
        """The periods in which migrations may start between the two given times: at most ``most`` periods, in order."""
        found: list[tuple[datetime, datetime]] = []
        at = self.next_opening(since)
        while at is not None and at < until and len(found) < most:
            ends = self._period_end(at, until)
            found.append((at, ends))
            at = self.next_opening(ends)
        return found

    def _period_end(self, at: datetime, until: datetime) -> datetime:
        """The end of the period, from ``at`` on, in which migrations may start without a break. The result is never later than
        ``until``.
        """
        ends = at if self.windows else until
        while ends < until and (further := max(filter(None, (each.closes_at(ends) for each in self.windows)), default=None)):
            ends = further
        held = (each.from_ - timedelta(minutes=each.cutoff_min) for each in self.blackouts)
        return min([ends, until, *(each for each in held if each > at)])

    def why_window_closed(self, now: datetime) -> str:
        """A sentence about the closed window, with the time of the next possible start; empty if a window is open."""
        return "" if self.is_window_open(now) else f"the maintenance window is closed{self._next_opening_in_words(now)}"

    def why_blacked_out(self, now: datetime) -> str:
        """A sentence about the blackout in force, with the time of the next possible start; empty if no blackout is in force."""
        held = self.blackout_at(now)
        if held is None:
            return ""
        because = f" ({held.reason})" if held.reason else ""
        return f"a blackout{because} ends {local_time_in_words(held.to, self._zone_name())}{self._next_opening_in_words(now)}"

    def _next_opening_in_words(self, now: datetime) -> str:
        if NEVER in self.windows:
            return " and its times were lost by an older version: cancel the batch, then submit it again"
        following = self.next_opening(now)
        return (
            f"; the next start is possible {local_time_in_words(following, self._zone_name())}"
            if following
            else "; it never opens again"
        )

    def _zone_name(self) -> str:
        return next((each.zone for each in self.windows if each.zone), "UTC")


def local_time_in_words(at: datetime, zone: str) -> str:
    """A time as text in the local time of a zone, for example ``2026-12-01 22:00 Europe/London``."""
    from shared.domain.zones import time_zone  # imported here, because the time zones are only needed for such messages

    return f"{at.astimezone(time_zone(zone)):%Y-%m-%d %H:%M} {zone}"


def parse_blackouts(document: object, path: str, *, zone: str, cutoff_min: int) -> tuple[Blackout, ...]:
    """The blackouts in a document of the API, ordered by their beginnings. Raises Refused with the name of the invalid field."""
    listed = as_list(document, path)
    if len(listed) > MOST_BLACKOUTS:
        sentence = f"{path} has {len(listed)} entries, more than {MOST_BLACKOUTS}."
        raise Refused("Policy.Invalid", sentence, "Join neighbouring blackouts, or leave out those long after the batch.")
    read = (_parse_blackout(each, f"{path}[{place}]", zone, cutoff_min) for place, each in enumerate(listed))
    return tuple(sorted(read, key=lambda each: (each.from_, each.to, each.reason)))


def _parse_blackout(document: object, path: str, zone: str, cutoff_min: int) -> Blackout:
    asked = as_object(document, path)
    for name in asked:
        if name not in _FIELDS:
            raise Refused("Policy.Invalid", f"{path}.{name} is not a known field.", f"The known fields are {', '.join(_FIELDS)}.")
    cutoff = asked.get("cutoffMin", cutoff_min)
    if isinstance(cutoff, bool) or not isinstance(cutoff, int):
        raise Refused("Policy.Invalid", f"{path}.cutoffMin must be a whole number.", "Correct the policy.")
    check_number_bounds(asked, BLACKOUT_BOUNDS, path)
    begins, ends = _parse_time(asked, "from", path, zone), _parse_time(asked, "to", path, zone)
    if ends <= begins:
        raise Refused("Policy.Invalid", f"{path}.to is not after from.", "Correct the blackout.")
    return Blackout(begins, ends, _parse_reason(asked.get("reason", ""), path), cutoff)


def _parse_reason(given: Any, path: str) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_REASON or not _VISIBLE.fullmatch(given):
        sentence = f"{path}.reason must be one line of at most {LONGEST_REASON} characters."
        raise Refused("Policy.Invalid", sentence, "Correct the reason.")
    return given


def _parse_time(asked: dict[str, Any], name: str, path: str, zone: str) -> datetime:
    """The value of a field as a UTC time. The field contains a day, a local time, or a time with an offset. If the end of a
    blackout is a day, the blackout includes the whole day.
    """
    written = asked.get(name)
    remedy = "Write a day (2026-12-24), a local time (2026-12-24T18:00) or a time with its offset (2026-12-24T18:00Z)."
    try:
        if not isinstance(written, str) or not _SPELLED.fullmatch(written):
            raise ValueError(written)
        moment = datetime.fromisoformat(written.replace("Z", "+00:00"))
    except ValueError:
        raise Refused("Policy.Invalid", f"{path}.{name} must be a day or a time.", remedy) from None
    if moment.year not in YEARS:
        raise Refused("Policy.Invalid", f"{path}.{name} is not in the years {YEARS[0]} to {YEARS[-1]}.", remedy)
    if name == "to" and len(written) == len("2026-12-24"):
        moment += timedelta(days=1)
    return moment.replace(tzinfo=moment.tzinfo or _zone_or_utc(zone)).astimezone(timezone.utc)


def _zone_or_utc(name: str) -> tzinfo:
    if not name:
        return timezone.utc
    from shared.domain.zones import time_zone

    return time_zone(name)
