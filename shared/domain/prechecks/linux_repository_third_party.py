"""Repositories outside the distribution. Practice."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux

OWN = re.compile(r"aliyun(cs)?[.]com|centos[.]org|redhat[.]com|openanolis[.]cn|alibaba", re.IGNORECASE)


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells those that are not on a mirror of Alibaba Cloud or of the distribution."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    strange = None if repositories is None else [name for name, url in repositories if not OWN.search(url)]
    return listed(strange, "the guest did not list its repositories")


RULE = Rule(
    code="Guest.ThirdPartyRepository",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Other repositories are enabled",
    why="They offer packages for the old system; an update from them can undo parts of the migration.",
    remedy="Switch them off for the time, and point them at the new release afterwards.",
    source=PRACTICE,
    check=check,
    applies=linux,
)
