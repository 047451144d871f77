"""Rules on packages and repositories of a Linux guest."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import linux_fact, linux_list_check, outcome_of_flag, outcome_of_list, shortened_list
from shared.domain.prechecks.hops import is_hop_to_red_hat, severity_of_conversion
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux

DEAD = re.compile(
    r"//(mirrorlist|mirror|msync|isoredirect)[.]centos[.]org/"
    r"|//([\w.-]+[.])?(repoforge[.]org|sw[.]be|iuscommunity[.]org|dockerproject[.]org|packages[.]elasticsearch[.]org)/"
    r"|//packages[.]cloud[.]google[.]com/yum/repos/kubernetes|//repo[.]saltstack[.]com/"
    r"|//([\w.-]+[.])?(tencentyun[.]com|myhuaweicloud[.]com|ivolces[.]com)/"
)
"""Hosts that no longer answer: the hosts of CentOS 7 (since 2024-06-30), old hosts of Docker, Kubernetes and Salt, and internal
mirrors of other clouds. The host vault.centos.org and the mirrors of Alibaba Cloud answer.
"""
OWN = re.compile(r"aliyun(cs)?[.]com|centos[.]org|redhat[.]com|openanolis[.]cn|alibaba", re.IGNORECASE)


def _check_i686_packages(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if i686 packages are installed; names the first packages, and gives the total number."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return FactUnknown("the guest did not list its packages")
    if not packages.i686 and not packages.i686_total:
        return PASSED
    total = max(packages.i686_total, len(packages.i686))
    shown = ", ".join(packages.i686[:10]) + (f" and {total - 10} more" if total > 10 else "")
    if is_hop_to_red_hat(facts.hop):
        why = "Red Hat does not ship all 32-bit libraries. A library that its repositories lack stops the package transaction."
        return RuleFailed(
            f"{total} packages: {shown}",
            why=why,
            remedy="Remove the packages that no program needs. Look for the others in Red Hat's repositories.",
        )
    return RuleFailed(f"{total} packages: {shown}")


def _check_epel_modular(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the EPEL modular repository is enabled."""
    repositories = linux_fact(facts, lambda guest: guest.repositories)
    return outcome_of_list(
        None if repositories is None else [name for name, _ in repositories if "epel-modular" in name],
        "the guest did not list its repositories",
    )


def _check_third_party_packages(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports packages of other vendors; names the first packages, and gives the total number."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return FactUnknown("the guest did not list its packages")
    return RuleFailed(shortened_list(packages.third_party, packages.third_party_total)) if packages.third_party else PASSED


def _is_repository_dead(url: str) -> bool:
    """Whether every address of the repository is at a host that no longer answers."""
    return bool(url) and all(DEAD.search(each) for each in url.split())


def _dead_repositories(facts: Facts) -> list[str] | None:
    repositories = linux_fact(facts, lambda guest: guest.repositories)
    return None if repositories is None else [f"{name} ({url})" for name, url in repositories if _is_repository_dead(url)]


def _check_repository_answers(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if no enabled repository answers."""
    repositories, dead = linux_fact(facts, lambda guest: guest.repositories), _dead_repositories(facts)
    if repositories is None or dead is None:
        return FactUnknown("the guest did not list its repositories")
    if len(dead) < len(repositories):
        return PASSED
    return RuleFailed(f"no host answers any more for {shortened_list(dead)}" if dead else "no repository is enabled")


def _check_dead_repositories(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports repositories that no longer answer, if other repositories still answer. Another rule covers the case that no
    repository answers.
    """
    repositories, dead = linux_fact(facts, lambda guest: guest.repositories), _dead_repositories(facts)
    return (
        PASSED
        if dead and len(dead) == len(repositories or ())
        else outcome_of_list(dead, "the guest did not list its repositories")
    )


def _check_third_party_repositories(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports repositories that are not on a mirror of Alibaba Cloud or the distribution."""
    repositories = linux_fact(facts, lambda guest: guest.repositories)
    strange = None if repositories is None else [name for name, url in repositories if not OWN.search(url)]
    return outcome_of_list(strange, "the guest did not list its repositories")


def _check_rpm_database(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if rpm reports a damaged database, and quotes rpm's message."""
    complaint = linux_fact(facts, lambda guest: guest.rpm_database)
    return outcome_of_flag(
        None if complaint is None else bool(complaint), f"rpm says: {complaint}", "rpm's own messages were not read"
    )


RULES = (
    Rule(
        code="Guest.I686Packages",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="32-bit packages are installed",
        asks="32-bit packages are installed",
        why="Anolis OS and Alibaba Cloud Linux ship no i386/i686 packages; a system with such packages cannot be migrated.",
        remedy="Check that no program needs these packages, then remove them.",
        source="general limits: i386/i686 packages",
        check=_check_i686_packages,
        severity_on=lambda hop: Severity.WARNING if is_hop_to_red_hat(hop) else Severity.ERROR,
        applies=is_linux,
        command="yum remove '*.i686' '*.i386'",
    ),
    Rule(
        code="Guest.EpelModular",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="epel-modular is enabled",
        asks="epel-modular is enabled",
        why="Alibaba Cloud Linux 3 does not have this repository. Packages from the repository stay as they are.",
        remedy="Find out which packages come from this repository, and how to replace them.",
        source="feature table: epel-modular",
        check=_check_epel_modular,
        applies=is_linux,
        command="dnf module list --enabled",
    ),
    Rule(
        code="Guest.ThirdPartyPackages",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Packages of other vendors are installed",
        asks="packages of other vendors are installed",
        why="The migration neither replaces nor tests these packages, and their repositories may have no packages for the "
        "new system.",
        remedy="Make sure that each package has a version for the destination.",
        source=PRACTICE,
        check=_check_third_party_packages,
        applies=is_linux,
        command="rpm -qa --qf '%{NAME} %{VENDOR}\\n'",
    ),
    Rule(
        code="Guest.NoRepository",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="No package repository is enabled",
        asks="a package repository is enabled",
        why="Without a repository, the tools for the migration cannot be installed.",
        remedy="Enable the repositories of mirrors.aliyun.com or mirrors.cloud.aliyuncs.com.",
        source=PRACTICE,
        check=_check_repository_answers,
        applies=is_linux,
        command="yum repolist enabled",
    ),
    Rule(
        code="Guest.RepositoryDead",
        severity=Severity.WARNING,
        unknown=None,
        needs=NeededFacts.GUEST,
        title="An enabled repository does not answer",
        asks="the enabled repositories answer",
        why="yum stops at the first repository that does not answer, even if others have the package.",
        remedy="Disable the repository, or change its address to mirrors.aliyun.com or vault.centos.org.",
        source=PRACTICE,
        check=_check_dead_repositories,
        applies=is_linux,
        command="yum-config-manager --disable REPOSITORY",
    ),
    Rule(
        code="Guest.ThirdPartyRepository",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Other repositories are enabled",
        asks="other repositories are enabled",
        why="These repositories offer packages for the old system. An update from such a repository can undo parts of the "
        "migration.",
        remedy="Disable these repositories during the migration. Afterwards change their addresses to the new release.",
        source=PRACTICE,
        check=_check_third_party_repositories,
        applies=is_linux,
    ),
    Rule(
        code="Guest.PackagesLocked",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Package versions are locked or excluded",
        asks="package versions are locked or excluded",
        why="The migration does not replace locked packages. It stops at the conflict, or leaves packages of the old system.",
        remedy="Clear the locks and the exclude lines for the migration.",
        source="convert2rhel: versionlock; leapp-repository issue 817",
        check=linux_list_check(lambda guest: guest.package_locks, "the guest was not searched for locks and exclude lines"),
        applies=is_linux,
        command="yum versionlock list; grep -r ^exclude /etc/yum.conf /etc/yum.repos.d",
    ),
    Rule(
        code="Guest.PackagesDuplicated",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Packages are installed in two versions",
        asks="packages are installed in two versions",
        why="An earlier update was interrupted. The package transaction of the migration would stop at the conflict.",
        remedy="Finish the interrupted update, then remove the older versions.",
        source="convert2rhel: DUPLICATE_PACKAGES",
        check=linux_list_check(lambda guest: guest.duplicate_packages, "the guest was not searched for packages in two versions"),
        applies=is_linux,
        severity_on=severity_of_conversion,
        command="package-cleanup --dupes; package-cleanup --cleandupes",
    ),
    Rule(
        code="Guest.RpmDatabaseDamaged",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="rpm reports errors in its database",
        asks="the rpm database is sound",
        why="The migration is one large package transaction, which fails on a damaged database.",
        remedy="Rebuild the database, and check that rpm -qa prints no error.",
        source=PRACTICE,
        check=_check_rpm_database,
        applies=is_linux,
        command="rpm --rebuilddb; rpm -qa > /dev/null",
    ),
)
