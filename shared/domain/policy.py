"""Policy: what an operator chooses for a batch, and the bounds of each choice."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from shared.domain.codec import Signed, as_object, decode
from shared.domain.errors import Refused

MOST_FILES, LONGEST_CHECK, PROBE_ROOM = 20, 500, 2000
"""Files of a policy, characters of its check, and bytes of both as the probe spells them: a command has 24 KB in all."""
BOUNDS = {
    "maxMoving": (1, 1000),
    "failureBudget": (0, 1000),
    "canary": (0, 100),
    "retentionDays": (1, 365),
    "window.utcOffsetMin": (-720, 840),
    "window.cutoffMin": (0, 1439),
}
"""Least and most of each number of a policy, by the name that the API and the events give it."""
_POLICY_NAMES = {
    "driver": "driver",
    "maxMoving": "max_moving",
    "failureBudget": "failure_budget",
    "canary": "canary",
    "retentionDays": "retention_days",
    "window": "window",
    "allowEndOfLife": "allow_end_of_life",
    "allowListed": "allow_listed",
    "overrides": "overrides",
    "files": "files",
    "check": "check",
}
_WINDOW_NAMES = {"start": "start", "end": "end", "days": "days", "utcOffsetMin": "utc_offset_min", "cutoffMin": "cutoff_min"}


UTC_ITSELF = Signed(0)


@dataclass(frozen=True)
class Window:
    """When migrations may start: from ``start`` to ``end`` (``HH:MM``, local to ``utc_offset_min``) on ``days`` (0 = Monday).

    A window that ends before it starts runs over midnight and belongs to the day on which it starts.
    """

    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    utc_offset_min: Signed = UTC_ITSELF
    cutoff_min: int = 60
    """Nothing starts in the last minutes: a hop takes half an hour to an hour."""

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

    driver: str = "smc"
    max_moving: int = 5
    """At most so many instances of the batch move at once."""
    failure_budget: int = 1
    """Admission stops once more than so many migrations of the batch have failed; those under way finish."""
    canary: int = 0
    """The first so many must be validated before the others start."""
    retention_days: int = 7
    window: Window | None = None
    allow_end_of_life: bool = False
    allow_listed: bool = False
    overrides: dict[str, str] = field(default_factory=dict)
    """Overridable findings accepted: code -> reason."""
    files: tuple[str, ...] = ()
    """Files whose content must be the same after the migration: absolute paths, told by checksum."""
    check: str = ""
    """A command run as root in the guest before and after (sh or cmd, 15 seconds); a status other than 0 is a failure."""


def read_policy(document: object) -> Policy:
    """A policy in the API's spelling (camelCase, all fields optional); raises Refused naming the field."""
    asked = as_object(document, "policy")
    given = _renamed(asked, _POLICY_NAMES, "policy")
    if given.get("window") is not None:
        given["window"] = _renamed(as_object(given["window"], "policy.window"), _WINDOW_NAMES, "policy.window")
    policy = decode(Policy, given, "policy", strict=True)
    if policy.driver not in ("smc", "console"):
        raise Refused("Policy.Invalid", f"policy.driver {policy.driver!r} is unknown.", "Use smc or console.")
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
