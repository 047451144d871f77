"""Policy: what an operator chooses for a batch, and the bounds of each choice."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

from shared.domain.codec import Signed, as_object, decode
from shared.domain.drivers import DEFAULT_DRIVER, DRIVERS, names_in_words
from shared.domain.errors import Refused

MOST_FILES, LONGEST_CHECK, PROBE_ROOM = 20, 500, 2000
"""Files of a policy, characters of its check, and bytes of both as the probe spells them: a command has 24 KB in all."""
T = TypeVar("T")


def _choice(default: T, words: str, bounds: tuple[int, int] | None = None) -> T:
    """A field with all that any door says of it: its default, its description, and the least and most of a number."""
    made: T = field(default=default, metadata={"words": words, "bounds": bounds})
    return made


UTC_ITSELF = Signed(0)


@dataclass(frozen=True)
class Window:
    """When migrations may start: from ``start`` to ``end`` (``HH:MM``, local to ``utc_offset_min``) on ``days`` (0 = Monday).

    A window that ends before it starts runs over midnight and belongs to the day on which it starts.
    """

    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    utc_offset_min: Signed = _choice(UTC_ITSELF, "Minutes that local time is ahead of UTC.", (-720, 840))  # noqa: RUF009
    cutoff_min: int = _choice(60, "Nothing starts in the last minutes of the window.", (0, 1439))

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


@dataclass(frozen=True)
class Policy:
    """The limits and choices of a batch."""

    driver: str = _choice(DEFAULT_DRIVER, f"What carries out the migration: {names_in_words()}.")
    max_moving: int = _choice(5, "Maximum instances of the batch that move at once.", (1, 1000))
    failure_budget: int = _choice(1, "Nothing more starts once more migrations than this have failed.", (0, 1000))
    canary: int = _choice(0, "Instances that must be validated before the others start.", (0, 100))
    retention_days: int = _choice(7, "Days from confirmation until the snapshots are deleted.", (1, 365))
    window: Window | None = _choice(None, "When migrations may start; without one, at any time.")  # noqa: RUF009
    allow_end_of_life: bool = _choice(False, "Allow destinations that are themselves past their end of support.")
    allow_listed: bool = _choice(False, "Allow paths that Alibaba Cloud opens on request only.")
    overrides: dict[str, str] = field(
        default_factory=dict, metadata={"words": "Overridable findings accepted: code and reason.", "bounds": None}
    )
    files: tuple[str, ...] = _choice((), "Files whose content must stay the same, by checksum. Absolute paths.")
    check: str = _choice("", "A command run as root in the guest before and after; status 0 within 15 seconds passes.")


def camel(name: str) -> str:
    """The name of a field as the API and the events give it."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


_POLICY_NAMES = {camel(each.name): each.name for each in fields(Policy)}
_WINDOW_NAMES = {camel(each.name): each.name for each in fields(Window)}
_CHOICES = {
    **{camel(each.name): each for each in fields(Policy)},
    **{f"window.{camel(each.name)}": each for each in fields(Window)},
}
BOUNDS: dict[str, tuple[int, int]] = {
    name: each.metadata["bounds"] for name, each in _CHOICES.items() if each.metadata.get("bounds")
}
"""Least and most of each number of a policy, by the name that the API gives it."""
WORDS: dict[str, str] = {name: each.metadata["words"] for name, each in _CHOICES.items() if "words" in each.metadata}
"""What each field decides."""
DEFAULTS: dict[str, Any] = {name: each.default for name, each in _CHOICES.items() if each.default is not MISSING}


def read_policy(document: object) -> Policy:
    """A policy in the API's spelling (camelCase, all fields optional); raises Refused naming the field."""
    asked = as_object(document, "policy")
    given = _renamed(asked, _POLICY_NAMES, "policy")
    if given.get("window") is not None:
        given["window"] = _renamed(as_object(given["window"], "policy.window"), _WINDOW_NAMES, "policy.window")
    policy = decode(Policy, given, "policy", strict=True)
    if policy.driver not in DRIVERS:
        raise Refused("Policy.Invalid", f"policy.driver {policy.driver!r} is unknown.", f"Use {names_in_words()}.")
    _check_numbers(asked, "policy.", "")
    _check_probe(policy.files, policy.check)
    if policy.window is not None:
        policy = replace(policy, window=_checked(policy.window))
    return policy


def _check_numbers(asked: dict[str, Any], path: str, prefix: str) -> None:
    """Refuse numbers that arithmetic, or the fleet, could not bear."""
    for name, value in asked.items():
        if prefix + name in BOUNDS:
            least, most = BOUNDS[prefix + name]
            if not least <= value <= most:
                raise Refused("Policy.Invalid", f"{path}{name} must be from {least} to {most}.", "Correct the policy.")
        elif name == "window" and isinstance(value, dict):
            _check_numbers(value, "policy.window.", "window.")


def _check_probe(files: tuple[str, ...], check: str) -> None:
    """Refuse what the probe could not carry into the guest."""
    for path in files:
        if not _ABSOLUTE.fullmatch(path):
            what = f"policy.files has {path[:100]!r}, which is no absolute path."
            raise Refused("Policy.Invalid", what, "Name files like /etc/app.conf or C:\\app\\app.ini.")
    if not _ONE_LINE.fullmatch(check):
        raise Refused(
            "Policy.Invalid", "policy.check must be one line of text.", "Put longer checks into a script in the guest and call it."
        )
    quoted = "\n".join((*files, check)).replace("'", "'\\''")
    if len(files) > MOST_FILES or len(check) > LONGEST_CHECK or len(quoted.encode()) > PROBE_ROOM:
        most = f"at most {MOST_FILES} files, a check of {LONGEST_CHECK} characters, {PROBE_ROOM} bytes together"
        raise Refused(
            "Policy.Invalid", f"policy.files and policy.check are too long: {most}.", "Name fewer files, or call a script."
        )


_ABSOLUTE = re.compile(r"(?:/|[A-Za-z]:\\)[^\x00-\x1f\ud800-\udfff]*[^\x00-\x1f\ud800-\udfff/\\]")
_ONE_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")


def _checked(window: Any) -> Any:
    try:
        window.allows(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    except ValueError:
        raise Refused("Policy.Invalid", "policy.window.start and end must be HH:MM.", "Write times like 22:00.") from None
    if window.minutes <= 0:
        sentence = f"policy.window is never open: nothing starts in its last {window.cutoff_min} minutes (cutoffMin)."
        raise Refused("Policy.Invalid", sentence, "Make the window longer, or cutoffMin smaller.")
    if not set(window.days) & set(range(7)):
        raise Refused("Policy.Invalid", "policy.window.days names no day.", "Name days from 0 (Monday) to 6.")
    return window


def _renamed(given: dict[str, Any], names: dict[str, str], path: str) -> dict[str, Any]:
    for name in given:
        if name not in names:
            raise Refused("Policy.Invalid", f"{path}.{name} is no known field.", f"Known are {', '.join(names)}.")
    return {names[name]: value for name, value in given.items()}
