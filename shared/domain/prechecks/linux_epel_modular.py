"""epel-modular cannot be installed afterwards on Alibaba Cloud Linux 3. Source: feature table."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks for the repository."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    return listed(
        None if repositories is None else [name for name, _ in repositories if "epel-modular" in name],
        "the guest did not list its repositories",
    )


RULE = Rule(
    code="Guest.EpelModular",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="epel-modular is enabled",
    why="It cannot be installed again on Alibaba Cloud Linux 3; packages of it stay as they are.",
    remedy="Find out which packages come from it and how to replace them.",
    source="feature table: epel-modular",
    check=check,
    applies=linux,
    command="dnf module list --enabled",
)
