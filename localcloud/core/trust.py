"""Whom a role's trust policy lets in: the principal of a statement, and the conditions on it.

Conditions as published for RAM: operators on strings and truth, with values of which one must fit. A key that a call does not carry
fits no condition but a negative one. Sources: alibabacloud.com/help/en/ram/policy-elements and, in the same folder,
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
"""Operator: how a value is compared, and whether it must fit."""
KEYS = (
    "sts:ExternalId",
    "acs:PrincipalARN",
    "acs:PrincipalRDId",
    "acs:MFAPresent",
    "acs:SecureTransport",
    "acs:SourceIp",
)
"""The keys that a call here carries, or could; any other is refused when the policy is set, because nothing would look at it."""


def trusts(trust: Iterable[Mapping[str, Any]], principals: Iterable[str], carried: Mapping[str, str], kind: str = "RAM") -> bool:
    """Whether the statements let one of these principals (names by which one caller is known) in; a Deny wins."""
    known = {each.lower() for each in principals}
    effects = {
        statement["Effect"]
        for statement in trust
        if known & {each.lower() for each in listed(statement.get("Principal", {}).get(kind, []))}
        and holds(statement.get("Condition", {}), carried)
    }
    return effects == {"Allow"}


def holds(condition: Mapping[str, Any], carried: Mapping[str, str]) -> bool:
    """Whether all parts of a Condition hold; the names of keys are taken in any case."""
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
    """What is wrong with a statement of a trust policy; empty if nothing is."""
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


def condition_problem(condition: Any) -> str:
    """What is wrong with a Condition; empty if nothing is."""
    if not isinstance(condition, Mapping) or not all(isinstance(tests, Mapping) for tests in condition.values()):
        return "Condition must be an object of operators"
    if unknown := set(condition) - set(_OPERATORS):
        return f"the operator {', '.join(sorted(unknown))} is not emulated, only {', '.join(_OPERATORS)}"
    known = {each.lower() for each in KEYS}
    if unknown := {key for tests in condition.values() for key in tests if key.lower() not in known}:
        return f"the key {', '.join(sorted(unknown))} is not emulated, only {', '.join(KEYS)}"
    return ""


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [str(value).lower()]
