"""When migrations of a batch may start: its maintenance window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.domain.choice import bounds_of, check_numbers, choice, names_of, renamed
from shared.domain.codec import Signed, as_object, decode
from shared.domain.errors import Refused

UTC_ITSELF = Signed(0)


@dataclass(frozen=True)
class Window:
    """When migrations may start: from ``start`` to ``end`` (``HH:MM``, local to ``utc_offset_min``) on ``days`` (0 = Monday).

    A window that ends before it starts runs over midnight and belongs to the day on which it starts.
    """

    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    utc_offset_min: Signed = choice(UTC_ITSELF, "Minutes that local time is ahead of UTC.", (-720, 840))  # noqa: RUF009
    cutoff_min: int = choice(60, "Nothing starts in the last minutes of the window.", (0, 1439))

    @property
    def minutes(self) -> int:
        """How long it stays open for starts: its length less the cutoff."""
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        length = (end.hour - start.hour) * 60 + end.minute - start.minute
        return length + 1440 * (length <= 0) - self.cutoff_min

    def allows(self, now: datetime) -> bool:
        """Whether a migration may start at ``now``."""
        return self.opened(now) is not None

    def opened(self, now: datetime) -> datetime | None:
        """When the window in which a migration may start at ``now`` opened; None where none is open."""
        local = now + timedelta(minutes=self.utc_offset_min)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        for days_back in (0, 1):
            day = local.date() - timedelta(days=days_back)
            opens = datetime.combine(day, start, local.tzinfo)
            closes = datetime.combine(day, end, local.tzinfo) + timedelta(days=end <= start)
            if day.weekday() in self.days and opens <= local < closes - timedelta(minutes=self.cutoff_min):
                return opens - timedelta(minutes=self.utc_offset_min)
        return None


NAMES = names_of(Window)
BOUNDS = bounds_of(Window)


def read_window(document: object, path: str) -> Window:
    """A window in the API's spelling; raises Refused naming the field."""
    asked = as_object(document, path)
    window = decode(Window, renamed(asked, NAMES, path), path, strict=True)
    check_numbers(asked, BOUNDS, path)
    return _checked(window, path)


def _checked(window: Window, path: str) -> Window:
    try:
        window.allows(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    except ValueError:
        raise Refused("Policy.Invalid", f"{path}.start and end must be HH:MM.", "Write times like 22:00.") from None
    if window.minutes <= 0:
        sentence = f"{path} is never open: nothing starts in its last {window.cutoff_min} minutes (cutoffMin)."
        raise Refused("Policy.Invalid", sentence, "Make the window longer, or cutoffMin smaller.")
    if not set(window.days) & set(range(7)):
        raise Refused("Policy.Invalid", f"{path}.days names no day.", "Name days from 0 (Monday) to 6.")
    return window
