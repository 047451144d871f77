"""An instance must not expire or be released on schedule before its migration is over. Practice."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule

MARGIN = timedelta(days=2)
"""A route of several hops with its windows fits into this."""


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when either comes within two days."""
    ends = {"expires": facts.instance.expires_at, "is released": facts.instance.auto_release_at}
    soon = [f"{what} {at.isoformat()}" for what, at in ends.items() if at is not None and at - facts.now < MARGIN]
    return listed(soon, "")


RULE = Rule(
    code="Instance.ExpiresSoon",
    severity=Severity.OVERRIDABLE,
    unknown=None,
    needs=Needs.INSTANCE,
    title="The instance expires or is released soon",
    why="It would be stopped or deleted in the middle, and its snapshots with it.",
    remedy="Renew it, or clear the release time.",
    source=PRACTICE,
    check=check,
    command="aliyun ecs ModifyInstanceAutoReleaseTime",
)
