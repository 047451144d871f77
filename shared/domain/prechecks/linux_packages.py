"""Packages and repositories of a Linux guest."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.catalog.software import MYSQL
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, listed, names, of_linux
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown, linux

SERVER = re.compile(r"^(mysql(-community)?-server|MySQL-server|Percona-Server-server.*)$")
OWN = re.compile(r"aliyun(cs)?[.]com|centos[.]org|redhat[.]com|openanolis[.]cn|alibaba", re.IGNORECASE)


def _i686_packages(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails with the number and the first names."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return Unknown("the guest did not list its packages")
    if not packages.i686 and not packages.i686_total:
        return PASSED
    total = max(packages.i686_total, len(packages.i686))
    shown = ", ".join(packages.i686[:10]) + (f" and {total - 10} more" if total > 10 else "")
    return Failed(f"{total} packages: {shown}")


def _my_sql_downgrade(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the installed server with the one the destination ships: our own table, so the finding can be overridden."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return Unknown("the guest did not list its packages")
    server = next((p for p in packages.chosen if SERVER.match(p.name)), None)
    if server is None:
        return PASSED
    ships = MYSQL.get(facts.hop.destination)
    if ships is None:
        return Unknown(f"{server.name} {server.version}; which MySQL {catalog.name(facts.hop.destination)} ships is not known")
    found = tuple(int(n) for n in re.findall(r"\d+", server.version)[:2])
    newest = ".".join(map(str, ships.version))
    return Failed(f"{server.name} {server.version}, the destination has {newest}") if found > ships.version else PASSED


def _epel_modular(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks for the repository."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    return listed(
        None if repositories is None else [name for name, _ in repositories if "epel-modular" in name],
        "the guest did not list its repositories",
    )


def _third_party_packages(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells how many and the first."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return Unknown("the guest did not list its packages")
    return Failed(names(packages.third_party, packages.third_party_total)) if packages.third_party else PASSED


def _no_repository(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when none is enabled."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    return flagged(
        None if repositories is None else not repositories, "no repository is enabled", "the guest did not list its repositories"
    )


def _third_party_repository(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells those that are not on a mirror of Alibaba Cloud or of the distribution."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    strange = None if repositories is None else [name for name, url in repositories if not OWN.search(url)]
    return listed(strange, "the guest did not list its repositories")


RULES = (
    Rule(
        code="Guest.I686Packages",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=Needs.GUEST,
        title="32-bit packages are installed",
        why="Anolis OS and Alibaba Cloud Linux ship no i386/i686 packages; a system that has them cannot be migrated.",
        remedy="Remove them first, after checking that no program needs them.",
        source="general limits: i386/i686 packages",
        check=_i686_packages,
        applies=linux,
        command="yum remove '*.i686' '*.i386'",
    ),
    Rule(
        code="Guest.MySqlDowngrade",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.OVERRIDABLE,
        needs=Needs.GUEST,
        title="MySQL would be downgraded",
        why="MySQL data cannot be read by an older server.",
        remedy="Dump the databases, or choose a destination that has the same or a later version.",
        source="feature table: MySQL",
        check=_my_sql_downgrade,
        applies=linux,
    ),
    Rule(
        code="Guest.EpelModular",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="epel-modular is enabled",
        why="It cannot be installed again on Alibaba Cloud Linux 3; packages of it stay as they are.",
        remedy="Find out which packages come from it and how to replace them.",
        source="feature table: epel-modular",
        check=_epel_modular,
        applies=linux,
        command="dnf module list --enabled",
    ),
    Rule(
        code="Guest.ThirdPartyPackages",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Packages of other vendors are installed",
        why="They are neither replaced nor tested by the migration, and their repositories may have nothing for the new system.",
        remedy="Make sure that each has a version for the destination.",
        source=PRACTICE,
        check=_third_party_packages,
        applies=linux,
        command="rpm -qa --qf '%{NAME} %{VENDOR}\\n'",
    ),
    Rule(
        code="Guest.NoRepository",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="No package repository is enabled",
        why="Tools the migration needs cannot be installed.",
        remedy="Enable the repositories of mirrors.aliyun.com or mirrors.cloud.aliyuncs.com.",
        source=PRACTICE,
        check=_no_repository,
        applies=linux,
        command="yum repolist enabled",
    ),
    Rule(
        code="Guest.ThirdPartyRepository",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Other repositories are enabled",
        why="They offer packages for the old system; an update from them can undo parts of the migration.",
        remedy="Switch them off for the time, and point them at the new release afterwards.",
        source=PRACTICE,
        check=_third_party_repository,
        applies=linux,
    ),
)
