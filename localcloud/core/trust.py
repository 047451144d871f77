"""Evaluates a role's trust policy: the principals of its statements, and their conditions.

Conditions are as published for RAM: string and boolean operators, with values of which one must match. If a call does not carry a
key, only a negative condition on that key matches. Sources: alibabacloud.com/help/en/ram/policy-elements and, in the same folder,
user-guide/edit-the-trust-policy-of-a-ram-role.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_EQUAL: Callable[[str, str], bool] = lambda wanted, found: wanted == found  # noqa: E731 - one row of the table below
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_EQUAL, True),
    "StringNotEquals": (_EQUAL, False),
    "StringEqualsIgnoreCase": (lambda wanted, found: wanted.lower() == found.lower(), True),
    "StringNotEqualsIgnoreCase": (lambda wanted, found: wanted.lower() == found.lower(), False),
    "StringLike": (lambda wanted, found: fnmatch.fnmatchcase(found, wanted.replace("[", "[[]")), True),
    "StringNotLike": (lambda wanted, found: fnmatch.fnmatchcase(found, wanted.replace("[", "[[]")), False),
    "Bool": (lambda wanted, found: wanted.lower() == found.lower(), True),
}
"""By operator: how a value is compared, and whether it must match or must not."""
KEYS = (
    "sts:ExternalId",
    "acs:PrincipalARN",
    "acs:PrincipalRDId",
    "acs:MFAPresent",
    "acs:SecureTransport",
    "acs:SourceIp",
)
"""The condition keys that a call can carry in this emulation. A policy with any other key is refused, because that condition would
never be checked.
"""


def trusts(trust: Iterable[Mapping[str, Any]], principals: Iterable[str], carried: Mapping[str, str], kind: str = "RAM") -> bool:
    """Whether the statements allow one of these principals (all are names of one caller). A Deny overrides an Allow."""
    known = {each.lower() for each in principals}
    effects = {
        statement["Effect"]
        for statement in trust
        if known & {each.lower() for each in listed(statement.get("Principal", {}).get(kind, []))}
        and holds(statement.get("Condition", {}), carried)
    }
    return effects == {"Allow"}


def holds(condition: Mapping[str, Any], carried: Mapping[str, str]) -> bool:
    """Whether all parts of a Condition are true. The names of keys are not case-sensitive."""
    found = {name.lower(): value for name, value in carried.items()}
    for operator, tests in condition.items():
        same, positive = _OPERATORS[operator]
        for key, wanted in tests.items():
            value = found.get(key.lower())
            fits = value is not None and any(same(str(each), value) for each in listed(wanted))
            if fits != positive:
                return False
    return True


def problem(statement: Any) -> str:
    """The error in a statement of a trust policy; empty if the statement is valid."""
    if not isinstance(statement, Mapping) or statement.get("Effect") not in ("Allow", "Deny"):
        return "a statement needs Effect (Allow or Deny), Action, and Principal"
    if statement.get("Action") not in ("sts:AssumeRole", ["sts:AssumeRole"]):
        return "Action must be sts:AssumeRole"
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or not principal or not set(principal) <= {"RAM", "Service"}:
        return "Principal must name RAM or Service"
    if unknown := set(statement) - {"Effect", "Action", "Principal", "Condition"}:
        return f"unknown: {', '.join(sorted(unknown))}"
    return condition_problem(statement.get("Condition", {}))


TAG_KEYS = ("acs:RequestTag/", "acs:ResourceTag/")
"""The beginnings of the condition keys that a policy may have: the tags of the request, and of the disk that it names."""


def condition_problem(condition: Any, *, of_policy: bool = False) -> str:
    """The error in a Condition; empty if it is valid. ``of_policy`` says that it is in a policy, not in a trust policy."""
    if not isinstance(condition, Mapping) or not all(isinstance(tests, Mapping) for tests in condition.values()):
        return "Condition must be an object of operators"
    if unknown := set(condition) - set(_OPERATORS):
        return f"the operator {', '.join(sorted(unknown))} is not emulated, only {', '.join(_OPERATORS)}"
    named = {key for tests in condition.values() for key in tests}
    if of_policy:
        unknown = {key for key in named if not key.startswith(TAG_KEYS)}
        return f"the key {', '.join(sorted(unknown))} is not emulated, only {', '.join(TAG_KEYS)}" if unknown else ""
    known = {each.lower() for each in KEYS}
    if unknown := {key for key in named if key.lower() not in known}:
        return f"the key {', '.join(sorted(unknown))} is not emulated, only {', '.join(KEYS)}"
    return ""


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [str(value).lower()]
