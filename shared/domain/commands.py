"""What runs in single guests: the check, the files, and the commands before and after a move. Pure.

A batch's policy has a list of rules; the first one that fits an instance is its own. A ``pre`` command runs right before the
snapshots (it drains a load balancer, or stops a service); a ``post`` command undoes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from shared.domain.choice import api_names, camel_case, check_numbers, choice_field, number_bounds, with_field_names
from shared.domain.codec import as_list, as_object, decode
from shared.domain.errors import Refused

MOST_RULES, LONGEST_COMMAND, LONGEST_TAG = 50, 2000, 260
_ONE_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")


@dataclass(frozen=True)
class CommandRule:
    """What is run in the guests of some instances. Without ``instances`` and ``tag`` it fits every instance."""

    instances: tuple[str, ...] = choice_field((), "Ids of the instances that the rule is for.")
    tag: str = choice_field("", "Tag of the instances that the rule is for: key=value.")
    pre: str = choice_field("", "Command run as root right before the snapshots; if it fails, the instance is not moved.")
    post: str = choice_field(
        "",
        "Undoes pre, even one that failed: run as root after validation, rollback, or an end without a move.",
    )
    pre_timeout_sec: int = choice_field(300, "Seconds that the command before may take.", (10, 3600))
    post_timeout_sec: int = choice_field(300, "Seconds that the command after may take.", (10, 3600))
    check: str | None = choice_field(None, "The check of these instances, in place of the batch's.")
    files: tuple[str, ...] | None = choice_field(None, "The files of these instances, in place of the batch's.")

    def fits_instance(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        """Whether it is for the instance."""
        key, _, value = self.tag.partition("=")
        return (not self.instances or instance_id in self.instances) and (not self.tag or tags.get(key) == value)


NO_RULE = CommandRule()
COMMAND_BOUNDS = number_bounds(CommandRule)
_NAMES = api_names(CommandRule)


def rule_for(rules: Sequence[CommandRule], instance_id: str, tags: Mapping[str, str]) -> CommandRule:
    """The first rule that fits the instance; one without any command if none does."""
    return next((each for each in rules if each.fits_instance(instance_id, tags)), NO_RULE)


def asks_for_tags(rules: Sequence[CommandRule]) -> bool:
    """Whether the tags of an instance decide which rule is its own."""
    return any(each.tag for each in rules)


def read_commands(document: object, path: str) -> tuple[CommandRule, ...]:
    """The rules in the API's spelling; raises Refused (Policy.Invalid) naming the field."""
    listed = as_list(document, path)
    if len(listed) > MOST_RULES:
        raise Refused("Policy.Invalid", f"{path} has {len(listed)} entries, more than {MOST_RULES}.", "Join rules by a tag.")
    return tuple(_read_rule(each, f"{path}[{place}]") for place, each in enumerate(listed))


def _read_rule(document: object, path: str) -> CommandRule:
    asked = as_object(document, path)
    rule = decode(CommandRule, with_field_names(asked, _NAMES, path), path, strict=True)
    check_numbers(asked, COMMAND_BOUNDS, path)
    for name in ("pre", "post"):
        _check_command(getattr(rule, name), f"{path}.{name}")
    key, sign, _ = rule.tag.partition("=")
    if rule.tag and not (key and sign and len(rule.tag) <= LONGEST_TAG and _ONE_LINE.fullmatch(rule.tag)):
        raise Refused("Policy.Invalid", f"{path}.tag {rule.tag[:60]!r} is no tag.", "Write key=value, such as role=web.")
    if rule.post and not rule.pre:
        what = f"{path}.post undoes what pre did, but {path}.pre is empty."
        raise Refused("Policy.Invalid", what, "Give it a pre command too; the command true does nothing.")
    if not any((rule.pre, rule.check is not None, rule.files is not None)):
        raise Refused("Policy.Invalid", f"{path}.pre is empty, and so are check and files.", "Give the rule one of them.")
    return rule


def _check_command(text: str, path: str) -> None:
    if len(text) > LONGEST_COMMAND or not _ONE_LINE.fullmatch(text):
        sentence = f"{path} must be one line of at most {LONGEST_COMMAND} characters."
        raise Refused("Policy.Invalid", sentence, "Put longer commands into a script in the guest and call it.")


# What a migration remembers -------------------------------------------------------------------------------------------

POST_FAILED = "Command.PostFailed"
"""The failure of a migration that is validated, and whose post command failed."""
DRAINING, DRAINED, RESTORING = "draining", "drained", "restoring"


UNDER_WAY = frozenset({DRAINING, RESTORING})
"""A command runs in the guest: it is looked at with every tick."""


@dataclass(frozen=True)
class CommandProgress:
    """How far the commands of one migration are. An older version that wrote the row knows of none."""

    phase: str = ""
    """``draining`` while the pre command runs, ``drained`` until the post command begins, ``restoring`` while that runs."""
    runs: int = 0
    """Commands begun so far: part of the next one's client token."""
    invocation_id: str = ""
    """The command under way; empty if its id is not known yet."""
    begun_at: datetime | None = None
    ran: bool = False
    """Whether a pre command has ever begun in this migration."""
    last: str = ""
    """How the last one ended, in words."""

    @property
    def status_in_words(self) -> str:
        """What runs in the guest now, or how the last command ended; empty if none ever ran."""
        return {DRAINING: "the pre command runs", RESTORING: "the post command runs"}.get(self.phase, self.last)

    def with_begun_command(self, phase: str, now: datetime) -> CommandProgress:
        """As it stands once a command is about to be sent."""
        return replace(self, phase=phase, runs=self.runs + 1, invocation_id="", begun_at=now, ran=True)

    def with_post_command_due(self) -> CommandProgress:
        """As it stands once the disks are as they were: the post command runs, even if it ran after the validation."""
        return replace(self, phase=DRAINED) if self.ran else self

    def with_ended_command(self, phase: str, words: str) -> CommandProgress:
        """As it stands once the command has ended."""
        return replace(self, phase=phase, invocation_id="", begun_at=None, last=words)


NOTHING_RAN = CommandProgress()


def rule_fields() -> dict[str, Any]:
    """The fields of a rule by the names that the API gives them."""
    return {camel_case(each.name): each for each in fields(CommandRule)}
