"""Rules that give some guests of a batch their own commands, check and files. All functions in this module are pure.

A batch's policy has a list of rules. For each instance, the first matching rule applies. A ``pre`` command runs right before the
snapshots, for example to drain a load balancer. A ``post`` command undoes what the ``pre`` command did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from shared.domain.choice import (
    bounds_of_numeric_fields,
    camel_case,
    check_number_bounds,
    choice_field,
    document_with_python_names,
    python_names_by_api_name,
)
from shared.domain.codec import as_list, as_object, decode
from shared.domain.errors import Refused
from shared.domain.record import dataclass

MOST_RULES, LONGEST_COMMAND, LONGEST_TAG = 50, 2000, 260
_ONE_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")


@dataclass(frozen=True)
class CommandRule:
    """A rule that gives some instances of a batch their own commands, check and files. A rule without ``instances`` and ``tag``
    applies to every instance.
    """

    instances: tuple[str, ...] = choice_field((), "Ids of the instances to which the rule applies.")
    tag: str = choice_field("", "Tag of the instances to which the rule applies: key=value.")
    pre: str = choice_field(
        "", "Command that runs as root right before the snapshots; if the command fails, the instance is not moved."
    )
    post: str = choice_field(
        "",
        "Command that undoes pre, even if pre failed: runs as root after validation, rollback, or an end without a move.",
    )
    pre_timeout_sec: int = choice_field(300, "Maximum seconds that pre may take.", (10, 3600))
    post_timeout_sec: int = choice_field(300, "Maximum seconds that post may take.", (10, 3600))
    check: str | None = choice_field(None, "Check of the rule's instances, instead of the batch's check.")
    files: tuple[str, ...] | None = choice_field(None, "Files of the rule's instances, instead of the batch's files.")

    def applies_to_instance(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        """Whether the rule applies to an instance with the given id and tags."""
        key, _, value = self.tag.partition("=")
        return (not self.instances or instance_id in self.instances) and (not self.tag or tags.get(key) == value)


NO_RULE = CommandRule()
COMMAND_BOUNDS = bounds_of_numeric_fields(CommandRule)
_NAMES = python_names_by_api_name(CommandRule)


def rule_for_instance(rules: Sequence[CommandRule], instance_id: str, tags: Mapping[str, str]) -> CommandRule:
    """The first rule that applies to the instance; an empty rule if none applies."""
    return next((each for each in rules if each.applies_to_instance(instance_id, tags)), NO_RULE)


def needs_instance_tags(rules: Sequence[CommandRule]) -> bool:
    """Whether the caller must read the instance's tags, because at least one rule names a tag."""
    return any(each.tag for each in rules)


def parse_command_rules(document: object, path: str) -> tuple[CommandRule, ...]:
    """The rules in a JSON list from the API. Raises Refused (Policy.Invalid) with the name of the invalid field."""
    listed = as_list(document, path)
    if len(listed) > MOST_RULES:
        raise Refused(
            "Policy.Invalid",
            f"{path} has {len(listed)} entries, more than {MOST_RULES}.",
            "Merge several rules into one rule with a tag.",
        )
    return tuple(_parse_rule(each, f"{path}[{place}]") for place, each in enumerate(listed))


def _parse_rule(document: object, path: str) -> CommandRule:
    asked = as_object(document, path)
    rule = decode(CommandRule, document_with_python_names(asked, _NAMES, path), path, strict=True)
    check_number_bounds(asked, COMMAND_BOUNDS, path)
    for name in ("pre", "post"):
        _check_command(getattr(rule, name), f"{path}.{name}")
    key, sign, _ = rule.tag.partition("=")
    if rule.tag and not (key and sign and len(rule.tag) <= LONGEST_TAG and _ONE_LINE.fullmatch(rule.tag)):
        raise Refused("Policy.Invalid", f"{path}.tag {rule.tag[:60]!r} is not a tag.", "Write key=value, such as role=web.")
    if rule.post and not rule.pre:
        what = f"{path}.post undoes what pre did, but {path}.pre is empty."
        raise Refused("Policy.Invalid", what, "Add a pre command; the command true does nothing.")
    if not any((rule.pre, rule.check is not None, rule.files is not None)):
        raise Refused(
            "Policy.Invalid", f"{path}.pre is empty, and so are check and files.", "Give the rule a pre command, a check or files."
        )
    return rule


def _check_command(text: str, path: str) -> None:
    if len(text) > LONGEST_COMMAND or not _ONE_LINE.fullmatch(text):
        sentence = f"{path} must be one line of at most {LONGEST_COMMAND} characters."
        raise Refused("Policy.Invalid", sentence, "Put longer commands into a script in the guest and call it.")


# What a migration's row stores -------------------------------------------------------------------------------------------

POST_FAILED = "Command.PostFailed"
"""The error code of a validated migration whose post command failed."""
DRAINING, DRAINED, RESTORING = "draining", "drained", "restoring"


UNDER_WAY = frozenset({DRAINING, RESTORING})
"""Phases in which a command runs in the guest. While a command runs, each tick asks for the command's result."""


@dataclass(frozen=True)
class CommandProgress:
    """The progress of one migration's pre and post commands. A row from an older version of Replank records no commands."""

    phase: str = ""
    """The phase: ``draining`` while the pre command runs, then ``drained`` until the post command begins, then ``restoring`` while
    the post command runs.
    """
    runs: int = 0
    """Number of commands that have begun so far. The number is part of the next command's client token."""
    invocation_id: str = ""
    """The id of the running command; empty if the id is not known yet."""
    begun_at: datetime | None = None
    ran: bool = False
    """Whether a pre command has ever begun in this migration."""
    last: str = ""
    """The result of the command that ended last, in words."""

    @property
    def command_in_words(self) -> str:
        """The command that runs in the guest now, or the result of the last command, in words; empty if no command has run yet."""
        return {DRAINING: "the pre command runs", RESTORING: "the post command runs"}.get(self.phase, self.last)

    def progress_before_command(self, phase: str, now: datetime) -> CommandProgress:
        """The progress right before a command is sent to the guest."""
        return replace(self, phase=phase, runs=self.runs + 1, invocation_id="", begun_at=now, ran=True)

    def progress_after_rollback(self) -> CommandProgress:
        """The progress after a rollback of the disks. If a pre command has begun, the post command must run, even if it already ran
        after the validation.
        """
        return replace(self, phase=DRAINED) if self.ran else self

    def progress_after_command(self, phase: str, words: str) -> CommandProgress:
        """The progress after the running command has ended."""
        return replace(self, phase=phase, invocation_id="", begun_at=None, last=words)


NOTHING_RAN = CommandProgress()


def command_rule_fields() -> dict[str, Any]:
    """The dataclass fields of a rule, by their names in the API."""
    return {camel_case(each.name): each for each in fields(CommandRule)}
