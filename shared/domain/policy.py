"""The policy of a batch: the choices that an operator makes for the batch, and the bounds of each choice."""

from __future__ import annotations

import re
from dataclasses import MISSING, field, fields, replace
from functools import cached_property
from typing import Any

from shared.domain.choice import (
    bounds_of_numeric_fields,
    camel_case,
    check_number_bounds,
    choice_field,
    document_with_python_names,
    python_names_by_api_name,
    required_field,
)
from shared.domain.codec import as_list, as_object, decode
from shared.domain.commands import COMMAND_BOUNDS, CommandRule, command_rule_fields, parse_command_rules
from shared.domain.drivers import DEFAULT_DRIVER, driver_choices, driver_names_in_words, driver_traits
from shared.domain.errors import Refused
from shared.domain.record import dataclass
from shared.domain.times import BLACKOUT_BOUNDS, Blackout, TimeLimits, parse_blackouts
from shared.domain.window import NEVER, Window, parse_window

MOST_FILES, LONGEST_CHECK, PROBE_ROOM = 20, 500, 2000
"""Maximum number of files in a policy, and of characters in its check. The third limit is for the bytes that the files and the
check add to the probe. Cloud Assistant limits a command to 24 KB.
"""
MOST_WINDOWS = 20


LONGEST_TAG_KEY = 128
"""Maximum number of characters in the key of a tag (ECS documentation, limits of tags)."""
BY_NAME, BY_TAG = "name", "tag:"
ORDER = f"^({BY_NAME}|{BY_TAG}[^\\x00-\\x1f\\x7f-\\x9f]{{1,{LONGEST_TAG_KEY}}})?$"
"""The pattern of an order: ``name``, or ``tag:`` with the key of a tag; empty for no order."""


@dataclass(frozen=True)
class GroupTag:
    """The tag that marks redundancy groups. The instances of one group can replace each other."""

    tag: str = required_field("Key of the tag. Instances with the same value are one group, over all batches and accounts.")


@dataclass(frozen=True)
class Policy:
    """The limits and choices of a batch."""

    driver: str = choice_field(DEFAULT_DRIVER, f"What carries out the migration: {driver_names_in_words()}.")
    max_moving: int = choice_field(5, "Maximum instances of the batch that move at once.", (1, 1000))
    max_moving_per_region: int | None = choice_field(
        None, "Maximum instances of the batch that move at once in each region.", (1, 1000)
    )
    max_moving_per_wave: int | None = choice_field(
        None, "Maximum instances of each wave that move at once; an earlier wave may still have retries.", (1, 1000)
    )
    failure_budget: int = choice_field(
        1, "The batch pauses once more migrations than this have failed. After that, at most maxMoving more can fail.", (0, 1000)
    )
    failure_percent: int | None = choice_field(
        None, "The failure budget in percent of the batch's instances, rounded down; replaces failureBudget.", (0, 99)
    )
    wave_failure_budget: int | None = choice_field(
        None, "The batch also pauses once more migrations of one wave than this have failed.", (0, 1000)
    )
    canary: int = choice_field(0, "Instances that must be validated before the others start.", (0, 100))
    waves: tuple[str, ...] = choice_field(
        (),
        "Sizes of the waves, in the policy's order or by name; the last size repeats. Without waves, the batch is one wave.",
    )
    order: str = choice_field(
        "",
        "Order in which instances move: name, or tag: with a tag's key. Default: waves by name, then the longest-waiting first.",
    )
    soak_min: int = choice_field(0, "Minutes between the end of a wave and the beginning of the next wave.", (0, 10080))
    gate: str = choice_field("automatic", "Who lets the next wave begin after the soak: automatic, or approval by a person.")
    retention_days: int = choice_field(7, "Days from confirmation until the snapshots are deleted.", (1, 365))
    confirm_after_days: int = choice_field(
        7,
        "Days of clean validation after which a finished batch is ready to confirm and a person is reminded. Nothing is automatic.",
        (0, 365),
    )
    window: Window | None = choice_field(None, "When migrations may start; without a window, at any time.")
    allow_end_of_life: bool = choice_field(False, "Allow destinations that are themselves past their end of support.")
    allow_listed: bool = choice_field(False, "Allow paths that Alibaba Cloud opens on request only.")
    overrides: dict[str, str] = field(
        default_factory=dict, metadata={"words": "Overridable findings accepted: code and reason.", "bounds": None}
    )
    files: tuple[str, ...] = choice_field((), "Files whose content must stay the same, by checksum. Absolute paths.")
    check: str = choice_field(
        "", "A command that runs as root in the guest before and after the move; status 0 within 15 seconds passes."
    )
    zone: str = choice_field("", "IANA zone of windows and blackouts without a zone of their own. Default: UTC.")
    windows: tuple[Window, ...] = choice_field((), "Several windows instead of one.")
    blackouts: tuple[Blackout, ...] = choice_field(
        (), "Times when nothing starts, even in a window: no first try, no retry and no next hop."
    )
    approvals: int = choice_field(
        0, "Persons who must approve the batch, besides the acknowledgement. From 2 on, the submitter does not count.", (0, 5)
    )
    wave_approvals: int = choice_field(0, "Persons who must approve each wave after the first. The gate is then approval.", (0, 5))
    rollback_approvals: int = choice_field(
        0, "Persons who must approve a rollback before somebody can request the rollback.", (0, 5)
    )
    automatic_rollback: bool = choice_field(
        False,
        "Roll back an instance that fails its validation, without asking. The acknowledged text says so.",
    )
    approver_role: str = choice_field(
        "approver", "Role of the approvers: approver, operator or admin. An admin may always approve."
    )
    approver_trust: str = choice_field("verified", "Which names of approvers count: only verified names, or claimed names too.")
    approval_min: int = choice_field(1440, "Minutes for which an approval counts.", (5, 43200))
    approval_expiry: str = choice_field("hold", "What follows an expired approval: hold, or cancel migrations that have not begun.")
    commands: tuple[CommandRule, ...] = choice_field(
        (), "Commands, check and files for some instances. For each instance, the first matching rule applies."
    )
    group: GroupTag | None = choice_field(
        None, "Instances that can replace each other. Two instances of a group never move at once."
    )

    @property
    def has_region_or_wave_limit(self) -> bool:
        """Whether the policy limits how many instances of a region or of a wave migrate at once."""
        return self.max_moving_per_region is not None or self.max_moving_per_wave is not None

    @property
    def stores_order(self) -> bool:
        """Whether the order of the batch's instances is stored. The order is stored if the batch has waves, or if the policy names
        an order.
        """
        return bool(self.waves or self.order)

    @cached_property
    def time_limits(self) -> TimeLimits:
        """The windows and blackouts of the policy. The window that never opens is left out, because only older versions of Replank
        need the window.
        """
        own = (
            (self.window,)
            if self.window is not None and not (self.window == NEVER and _has_limits_unknown_to_old_versions(self))
            else ()
        )
        return TimeLimits(self.windows or own, self.blackouts)


def _has_limits_unknown_to_old_versions(policy: Policy) -> bool:
    """Whether the policy has limits that older versions of Replank would ignore. Older versions know only one window."""
    newer = policy.windows or policy.blackouts or policy.stores_order or policy.approvals or policy.group
    return bool(newer or policy.has_region_or_wave_limit or policy.wave_failure_budget is not None)


def policy_without_never_open_window(policy: Policy) -> Policy:
    """The policy without the window that never opens. A window that never opens is stored only to prevent starts by older versions
    of Replank.
    """
    return replace(policy, window=None) if policy.window == NEVER else policy


_NAMES = python_names_by_api_name(Policy)
_CHOICES = {
    **{camel_case(each.name): each for each in fields(Policy)},
    **{f"window.{camel_case(each.name)}": each for each in fields(Window)},
    **{f"blackouts.{camel_case(each.name)}": each for each in fields(Blackout)},
    **{f"commands.{name}": each for name, each in command_rule_fields().items()},
    **{f"group.{camel_case(each.name)}": each for each in fields(GroupTag)},
}
BOUNDS: dict[str, tuple[int, int]] = {
    **bounds_of_numeric_fields(Policy),
    **{f"window.{name}": bounds for name, bounds in bounds_of_numeric_fields(Window).items()},
    **{f"blackouts.{name}": bounds for name, bounds in BLACKOUT_BOUNDS.items()},
    **{f"commands.{name}": bounds for name, bounds in COMMAND_BOUNDS.items()},
}
"""Minimum and maximum of each numeric field of a policy, with the field's name in the API as the key."""
WORDS: dict[str, str] = {name: each.metadata["words"] for name, each in _CHOICES.items() if "words" in each.metadata}
"""The description of each field, with the field's name in the API as the key."""
DEFAULTS: dict[str, Any] = {
    name: each.default
    for name, each in _CHOICES.items()
    if each.default is not MISSING and not name.endswith("cutoffMin")  # the default depends on the driver, as the description says
}


def parse_policy(document: object) -> Policy:
    """The policy read from an API document (camelCase, all fields optional). Raises Refused with the name of the invalid field."""
    asked = as_object(document, "policy")
    given = document_with_python_names(asked, _NAMES, "policy")
    times = {name: given.pop(name, None) for name in ("window", "windows", "blackouts")}
    commands = parse_command_rules(given.pop("commands", None) or (), "policy.commands")
    policy = decode(Policy, given, "policy", strict=True)
    if policy.driver not in driver_choices():
        raise Refused("Policy.Invalid", f"policy.driver {policy.driver!r} is unknown.", f"Use {driver_names_in_words()}.")
    check_number_bounds(asked, BOUNDS, "policy")
    if policy.waves or policy.gate != DEFAULTS["gate"]:
        from shared.domain.waves import (
            check_wave_sizes,
        )  # imported here, because the imported module imports the batch, which imports the policy

        check_wave_sizes(policy.waves, policy.gate)
    if not re.match(ORDER, policy.order) or policy.order.endswith("\n"):
        what = f"policy.order {policy.order[:50]!r} is unknown."
        raise Refused("Policy.Invalid", what, f"Write name, or {BY_TAG} with the tag's key, for example {BY_TAG}stage.")
    _check_probe_inputs(policy.files, policy.check)
    for rule in commands:
        _check_probe_inputs(policy.files if rule.files is None else rule.files, policy.check if rule.check is None else rule.check)
    _check_approvals(policy)
    if policy.wave_approvals:  # with this gate, a version that does not know approvals begins no wave by itself
        policy = replace(policy, gate="approval")
    if policy.group is not None and not _TAG.fullmatch(policy.group.tag):
        what = f"policy.group.tag {policy.group.tag[:50]!r} is not the key of a tag."
        raise Refused("Policy.Invalid", what, f"Name the tag's key: 1 to {LONGEST_TAG_KEY} characters on one line.")
    return _policy_with_time_limits(replace(policy, commands=commands), **times)


APPROVAL_CHOICES = {
    "approver_role": ("approver", "operator", "admin"),
    "approver_trust": ("verified", "claimed"),
    "approval_expiry": ("hold", "cancel"),
}
"""The allowed values of the fields about approvals."""


def _check_approvals(policy: Policy) -> None:
    for name, known in APPROVAL_CHOICES.items():
        if getattr(policy, name) not in known:
            sentence = f"policy.{camel_case(name)} {getattr(policy, name)[:20]!r} is unknown."
            raise Refused("Policy.Invalid", sentence, f"Use {', '.join(known[:-1])} or {known[-1]}.")


def _policy_with_time_limits(policy: Policy, window: object, windows: object, blackouts: object) -> Policy:
    """The policy with its windows and blackouts.

    If older versions of Replank would ignore one of these limits, the policy also gets a window that never opens. Those versions
    then start nothing.
    """
    cutoff = driver_traits(policy.driver).usual_minutes[1]
    if policy.zone:
        from shared.domain.zones import time_zone  # imported here, because only batches that name a zone need the tables of zones

        time_zone(policy.zone, "policy.zone")
    if window is not None and windows:
        raise Refused("Policy.Invalid", "policy has both window and windows.", "Move the single window into windows.")
    single = None if window is None else parse_window(window, "policy.window", zone=policy.zone, cutoff_min=cutoff)
    listed = as_list(windows or (), "policy.windows")
    if len(listed) > MOST_WINDOWS:
        raise Refused("Policy.Invalid", f"policy.windows has more than {MOST_WINDOWS} entries.", "Name fewer windows.")
    several = tuple(
        parse_window(each, f"policy.windows[{place}]", zone=policy.zone, cutoff_min=cutoff) for place, each in enumerate(listed)
    )
    black = parse_blackouts(blackouts or (), "policy.blackouts", zone=policy.zone, cutoff_min=cutoff)
    if single is not None and not (black or single.zone or single.length_min or _has_limits_unknown_to_old_versions(policy)):
        return replace(policy, window=single)
    several = several if single is None else (single,)
    whole = replace(policy, windows=several, blackouts=black)
    return replace(whole, window=NEVER if _has_limits_unknown_to_old_versions(whole) else None)


def _check_probe_inputs(files: tuple[str, ...], check: str) -> None:
    """Raise Refused if the files and the check do not fit into the probe."""
    for path in files:
        if not _ABSOLUTE.fullmatch(path):
            what = f"policy.files has {path[:100]!r}, which is not an absolute path."
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
_TAG = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{LONGEST_TAG_KEY}}}")
_ONE_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")
