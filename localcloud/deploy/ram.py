"""The shape of ALIYUN::RAM::Role in a template."""

from __future__ import annotations

from typing import Any

from localcloud.core import trust
from localcloud.deploy.check import Fields, either, listed, number, one_of, text, truth
from localcloud.deploy.document import Document, Place

NAME = text(r"[A-Za-z][\w.-]{0,127}", "a name")
STRINGS = either(text(), listed(text(), 1), lambda value: not isinstance(value, list))


def _tag_condition(document: Document, place: Place, value: Any) -> None:
    """A Condition of a policy. This emulation evaluates tags only."""
    if problem := trust.condition_problem(value, of_policy=True):
        document.complain(place, problem)


_STATEMENT = Fields(
    {"Effect": one_of("Allow", "Deny"), "Action": STRINGS, "Resource": listed(text(), 1), "Condition": _tag_condition},
    ("Effect", "Action", "Resource"),
    ("NotAction", "NotResource"),
)


def _condition(document: Document, place: Place, value: Any) -> None:
    """A Condition of a trust policy, with the operators and keys that this emulation evaluates."""
    if problem := trust.condition_problem(value):
        document.complain(place, problem)


_TRUST = Fields(
    {
        "Action": one_of("sts:AssumeRole"),
        "Effect": one_of("Allow"),
        "Principal": Fields({"Service": listed(text(), 1), "RAM": listed(text(), 1)}),
        "Condition": _condition,
    },
    ("Action", "Effect", "Principal"),
)
ROLE = Fields(
    {
        "RoleName": text(r"[A-Za-z0-9.-]{1,64}", "1 to 64 letters, digits, dots or hyphens"),
        "Description": text(),
        "AssumeRolePolicyDocument": Fields({"Version": one_of("1"), "Statement": listed(_TRUST, 1)}, ("Version", "Statement")),
        "MaxSessionDuration": number(3600, 43_200),
        "DeletionForce": truth,
        "IgnoreExisting": truth,
        "Policies": listed(
            Fields(
                {
                    "PolicyName": NAME,
                    "Description": text(),
                    "PolicyDocument": Fields(
                        {"Version": one_of("1"), "Statement": listed(_STATEMENT, 1)}, ("Version", "Statement")
                    ),
                },
                ("PolicyName", "PolicyDocument"),
            )
        ),
    },
    ("RoleName", "AssumeRolePolicyDocument"),
    ("PolicyAttachments", "Tags"),
)
