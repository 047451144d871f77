"""Time limits: windows in which migrations may start, and blackouts in which they may not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from shared.domain.choice import check_numbers, choice_field, number_bounds, required_field
from shared.domain.codec import YEARS, as_list, as_object
from shared.domain.errors import Refused
from shared.domain.window import NEVER, Window

MOST_BLACKOUTS, LONGEST_REASON = 100, 200
_SPELLED = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")
_VISIBLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")


@dataclass(frozen=True)
class Blackout:
    """A period in which nothing starts, regardless of windows.

    Both ends are instants; the zone was applied when the policy was read.
    """

    from_: datetime = required_field("When it begins: a day, a local time or one with its offset (2026-12-24T18:00Z).")  # noqa: RUF009
    to: datetime = required_field("When it ends. A day counts whole: the blackout ends with it.")  # noqa: RUF009
    reason: str = choice_field("", "Why, for whoever waits.")
    cutoff_min: int = choice_field(
        0, "Nothing starts in the last minutes before a blackout either. Default: what the driver usually takes.", (0, 1439)
    )

    def holds(self, now: datetime) -> bool:
        """Whether nothing may start at ``now``."""
        return self.from_ - timedelta(minutes=self.cutoff_min) <= now < self.to


BLACKOUT_BOUNDS = number_bounds(Blackout)
_FIELDS = ("from", "to", "reason", "cutoffMin")


@dataclass(frozen=True)
class Times:
    """All time limits of one policy. Without windows a migration may start at any time outside the blackouts."""

    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    def in_window(self, now: datetime) -> bool:
        """Whether a window is open. Always true without windows."""
        return not self.windows or any(each.allows(now) for each in self.windows)

    def blackout(self, now: datetime) -> Blackout | None:
        """The blackout in force at ``now``; of several, the one that ends last."""
        return max((each for each in self.blackouts if each.holds(now)), key=lambda each: each.to, default=None)

    def allow(self, now: datetime) -> bool:
        """Whether a migration may start at ``now``."""
        return self.in_window(now) and self.blackout(now) is None

    def window_since(self, now: datetime) -> datetime | None:
        """When the window that is open at ``now`` opened; of several, the first. None if none is open."""
        return min(filter(None, (each.opened(now) for each in self.windows)), default=None)

    def open_since(self, now: datetime) -> datetime | None:
        """Since when starts have been allowed without a break; None if they are not, or have always been."""
        if not self.allow(now):
            return None
        ended = (each.to for each in self.blackouts if each.to <= now)
        return max(filter(None, (self.window_since(now), *ended)), default=None)

    def next_opening(self, now: datetime) -> datetime | None:
        """When a migration may start next: ``now`` if it may start already, None if never."""
        at: datetime | None = now
        while at is not None and not self.allow(at):
            held = self.blackout(at)
            at = held.to if held else min(filter(None, (each.next_opening(at) for each in self.windows)), default=None)
        return at

    def openings(self, since: datetime, until: datetime, most: int) -> list[tuple[datetime, datetime]]:
        """The first ``most`` periods between two moments in which migrations may start, in order."""
        found: list[tuple[datetime, datetime]] = []
        at = self.next_opening(since)
        while at is not None and at < until and len(found) < most:
            ends = self._closes(at, until)
            found.append((at, ends))
            at = self.next_opening(ends)
        return found

    def _closes(self, at: datetime, until: datetime) -> datetime:
        """When starts, allowed at ``at``, are not allowed any more; ``until`` if that is later."""
        ends = at if self.windows else until
        while ends < until and (further := max(filter(None, (each.closes(ends) for each in self.windows)), default=None)):
            ends = further
        held = (each.from_ - timedelta(minutes=each.cutoff_min) for each in self.blackouts)
        return min([ends, until, *(each for each in held if each > at)])

    def why_closed(self, now: datetime) -> str:
        """Why no window is open, and when starts are possible again; empty if one is open."""
        return "" if self.in_window(now) else f"the maintenance window is closed{self._until_next_opening(now)}"

    def why_blacked_out(self, now: datetime) -> str:
        """Which blackout is in force, and when starts are possible again; empty without one."""
        held = self.blackout(now)
        if held is None:
            return ""
        because = f" ({held.reason})" if held.reason else ""
        return f"a blackout{because} ends {said(held.to, self._zone())}{self._until_next_opening(now)}"

    def _until_next_opening(self, now: datetime) -> str:
        if NEVER in self.windows:
            return " and its times were lost by an older version: cancel the batch, then submit it again"
        following = self.next_opening(now)
        return f"; the next start is possible {said(following, self._zone())}" if following else "; it never opens again"

    def _zone(self) -> str:
        return next((each.zone for each in self.windows if each.zone), "UTC")


def said(at: datetime, zone: str) -> str:
    """``2026-12-01 22:00 Europe/London``: a moment as a person in the zone reads it."""
    from shared.domain.zones import zone_of  # only what is closed says when it opens

    return f"{at.astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone}"


def read_blackouts(document: object, path: str, *, zone: str, cutoff_min: int) -> tuple[Blackout, ...]:
    """Blackouts in the API's spelling, in the order of their beginnings; raises Refused naming the field."""
    listed = as_list(document, path)
    if len(listed) > MOST_BLACKOUTS:
        sentence = f"{path} has {len(listed)} entries, more than {MOST_BLACKOUTS}."
        raise Refused("Policy.Invalid", sentence, "Join neighbouring blackouts, or leave out those long after the batch.")
    read = (_read(each, f"{path}[{place}]", zone, cutoff_min) for place, each in enumerate(listed))
    return tuple(sorted(read, key=lambda each: (each.from_, each.to, each.reason)))


def _read(document: object, path: str, zone: str, cutoff_min: int) -> Blackout:
    asked = as_object(document, path)
    for name in asked:
        if name not in _FIELDS:
            raise Refused("Policy.Invalid", f"{path}.{name} is no known field.", f"Known are {', '.join(_FIELDS)}.")
    cutoff = asked.get("cutoffMin", cutoff_min)
    if isinstance(cutoff, bool) or not isinstance(cutoff, int):
        raise Refused("Policy.Invalid", f"{path}.cutoffMin must be a whole number.", "Correct the policy.")
    check_numbers(asked, BLACKOUT_BOUNDS, path)
    begins, ends = _moment(asked, "from", path, zone), _moment(asked, "to", path, zone)
    if ends <= begins:
        raise Refused("Policy.Invalid", f"{path}.to is not after from.", "Correct the blackout.")
    return Blackout(begins, ends, _reason(asked.get("reason", ""), path), cutoff)


def _reason(given: Any, path: str) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_REASON or not _VISIBLE.fullmatch(given):
        sentence = f"{path}.reason must be one line of at most {LONGEST_REASON} characters."
        raise Refused("Policy.Invalid", sentence, "Correct the reason.")
    return given


def _moment(asked: dict[str, Any], name: str, path: str, zone: str) -> datetime:
    """The instant of a day, a local time, or a time with its own offset. As ``to``, a whole day is included."""
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
    return moment.replace(tzinfo=moment.tzinfo or _zone(zone)).astimezone(timezone.utc)


def _zone(name: str) -> tzinfo:
    if not name:
        return timezone.utc
    from shared.domain.zones import zone_of

    return zone_of(name)
