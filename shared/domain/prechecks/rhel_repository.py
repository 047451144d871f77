"""Before CentOS to Red Hat, yum must point at Alibaba Cloud's mirrors. Source: CentOS to RHEL, before starting."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import between, of_linux
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

MIRROR = "aliyun"


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the base repositories are elsewhere."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    if repositories is None:
        return Unknown("the guest did not list its repositories")
    return (
        PASSED if any(MIRROR in url for _, url in repositories) else Failed(f"{len(repositories)} repositories, none on {MIRROR}")
    )


RULE = Rule(
    code="Guest.RepositoryNotMirror",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.WARNING,
    needs=Needs.GUEST,
    title="yum does not use Alibaba Cloud's mirrors",
    why="The conversion compares every package with these repositories and stops when they do not answer.",
    remedy="Point yum at mirrors.aliyun.com (7) or mirrors.cloud.aliyuncs.com (8).",
    source="CentOS to RHEL: before starting",
    check=check,
    applies=between("centos", "rhel"),
)
