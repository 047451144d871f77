"""At least one repository must be enabled. Practice: end-of-life repositories are often switched off or gone."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when none is enabled."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    return flagged(
        None if repositories is None else not repositories, "no repository is enabled", "the guest did not list its repositories"
    )


RULE = Rule(
    code="Guest.NoRepository",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="No package repository is enabled",
    why="Tools the migration needs cannot be installed.",
    remedy="Enable the repositories of mirrors.aliyun.com or mirrors.cloud.aliyuncs.com.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="yum repolist enabled",
)
