"""Reads the policy in a batch's row, without the product's code (see records.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Window:
    """The times when migrations may start."""

    start: str
    end: str
    days: tuple[int, ...]
    utc_offset_min: int
    cutoff_min: int
    zone: str
    length_min: int


NEVER = Window("00:00", "00:01", tuple(range(7)), 0, 1439, "", 0)
"""The window that older versions read instead of limits that they do not know."""


@dataclass(frozen=True)
class Blackout:
    """A period in which nothing may start; nor may anything start in the minutes before it."""

    begins: datetime
    ends: datetime
    reason: str
    cutoff_min: int


@dataclass(frozen=True)
class Rule:
    """What some instances of a batch have of their own. None: what the batch has."""

    instances: tuple[str, ...]
    tag: str
    pre: str
    post: str
    pre_timeout_s: int
    post_timeout_s: int
    check: str | None
    files: tuple[str, ...] | None

    def fits(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        """Whether the rule applies to an instance with these tags."""
        key, _, value = self.tag.partition("=")
        tagged = not self.tag or tags.get(key) == value
        return tagged and (not self.instances or instance_id in self.instances)


@dataclass(frozen=True)
class Policy:
    """The limits of a batch."""

    driver: str
    max_moving: int
    failure_budget: int
    failure_percent: int | None
    soak_min: int
    gate: str
    approvals: int
    wave_approvals: int
    rollback_approvals: int
    automatic_rollback: bool
    approval_min: int
    canary: int
    retention_days: int
    windows: tuple[Window, ...]
    blackouts: tuple[Blackout, ...]
    check: str
    per_region: int | None = None
    per_wave: int | None = None
    """The maximum number of instances of the batch that move at once in a region, and in a wave."""
    wave_failure_budget: int | None = None
    """How many migrations of one wave may fail before nothing more starts; None for no such limit."""
    group: str = ""
    """The tag that identifies redundancy groups; empty for no groups."""
    order: str = ""
    """The order in which instances start: by name, or by the value of a tag; empty for no order."""
    rules: tuple[Rule, ...] = ()
    """The rules that give some instances their own commands, check and files."""
    waves: tuple[str, ...] = ()
    confirm_after_days: int = 7
    files: tuple[str, ...] = ()
    allow_end_of_life: bool = False
    allow_listed: bool = False
    overrides: tuple[str, ...] = ()
    """The codes of the findings that a person accepts."""
    approver_role: str = "approver"
    approver_trust: str = "verified"
    approval_expiry: str = "hold"

    def rule(self, instance_id: str, tags: Mapping[str, str]) -> Rule | None:
        """The first rule that applies to an instance with these tags."""
        return next((each for each in self.rules if each.fits(instance_id, tags)), None)


def read_policy(doc: dict[str, Any]) -> Policy:
    return Policy(
        driver=doc.get("driver", "smc"),
        max_moving=doc.get("max_moving", 5),
        failure_budget=doc.get("failure_budget", 1),
        failure_percent=doc.get("failure_percent"),
        wave_failure_budget=doc.get("wave_failure_budget"),
        soak_min=doc.get("soak_min", 0),
        gate=doc.get("gate", "automatic"),
        approvals=doc.get("approvals", 0),
        wave_approvals=doc.get("wave_approvals", 0),
        rollback_approvals=doc.get("rollback_approvals", 0),
        automatic_rollback=doc.get("automatic_rollback", False),
        approval_min=doc.get("approval_min", 1440),
        canary=doc.get("canary", 0),
        retention_days=doc.get("retention_days", 7),
        windows=_windows(doc),
        blackouts=tuple(_blackout(each) for each in doc.get("blackouts", ())),
        check=doc.get("check", ""),
        rules=tuple(_rule(each) for each in doc.get("commands", ())),
        waves=tuple(doc.get("waves", ())),
        confirm_after_days=doc.get("confirm_after_days", 7),
        files=tuple(doc.get("files", ())),
        allow_end_of_life=doc.get("allow_end_of_life", False),
        allow_listed=doc.get("allow_listed", False),
        overrides=tuple(doc.get("overrides", ())),
        approver_role=doc.get("approver_role", "approver"),
        approver_trust=doc.get("approver_trust", "verified"),
        approval_expiry=doc.get("approval_expiry", "hold"),
        per_region=doc.get("max_moving_per_region"),
        per_wave=doc.get("max_moving_per_wave"),
        group=(doc.get("group") or {}).get("tag", ""),
        order=doc.get("order", ""),
    )


UNKNOWN_BEFORE = (
    "blackouts",
    "waves",
    "order",
    "approvals",
    "group",
    "max_moving_per_region",
    "max_moving_per_wave",
)
"""Limits that older versions do not know. If a batch has one of these, the row also has a window that never opens, for older
versions. So it has with any budget for each wave.
"""


def _windows(doc: dict[str, Any]) -> tuple[Window, ...]:
    """All windows. With several windows, blackouts, waves or approvals, the single window may be the one for older versions,
    which never opens.
    """
    several = tuple(_window(each, doc.get("zone", "")) for each in doc.get("windows", ()))
    if several or not doc.get("window"):
        return several
    own = _window(doc["window"], "")
    if own == NEVER and (doc.get("wave_failure_budget") is not None or any(doc.get(name) for name in UNKNOWN_BEFORE)):
        return ()  # a budget of 0 is a limit too
    return (_window(doc["window"], doc.get("zone", "")),)


def _window(doc: dict[str, Any], common: str) -> Window:
    """A window. Without a zone or an offset of its own, the zone that is common to the policy counts."""
    days, offset, cutoff = tuple(doc.get("days", range(7))), doc.get("utc_offset_min", 0), doc.get("cutoff_min", 60)
    zone = doc.get("zone", "") or ("" if offset else common)
    return Window(doc["start"], doc.get("end", ""), days, offset, cutoff, zone, doc.get("length_min", 0))


def _blackout(doc: dict[str, Any]) -> Blackout:
    return Blackout(_at(doc["from_"]), _at(doc["to"]), doc.get("reason", ""), doc.get("cutoff_min", 0))


def _rule(doc: dict[str, Any]) -> Rule:
    files = doc.get("files")
    return Rule(
        instances=tuple(doc.get("instances", ())),
        tag=doc.get("tag", ""),
        pre=doc.get("pre", ""),
        post=doc.get("post", ""),
        pre_timeout_s=doc.get("pre_timeout_sec", 300),
        post_timeout_s=doc.get("post_timeout_sec", 300),
        check=doc.get("check"),
        files=None if files is None else tuple(files),
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
