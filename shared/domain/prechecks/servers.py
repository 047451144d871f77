"""Rules on database servers of a Linux guest. A database server cannot read data that a later version of the server wrote."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.catalog.software import MYSQL, OTHERS, DatabaseServer, Version, version_numbers, version_series
from shared.domain.facts import Facts
from shared.domain.findings import ORDER, Severity
from shared.domain.guest import PackageFacts
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux


def _installed_package(server: DatabaseServer, packages: tuple[PackageFacts, ...]) -> PackageFacts | None:
    return next((each for each in packages if server.packages.match(each.name)), None)


def _version_text(version: Version) -> str:
    return ".".join(map(str, version))


def _check_mysql_version(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the installed MySQL server is newer than the MySQL server that the destination ships."""
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return FactUnknown("the guest did not list its packages")
    found = _installed_package(MYSQL, packages.chosen)
    if found is None:
        return PASSED
    shipped, destination = MYSQL.ships.get(facts.hop.destination), catalog.release_name(facts.hop.destination)
    if shipped is None:
        return FactUnknown(f"{found.name} {found.version}; it is not known which MySQL {destination} ships")
    about = f"{found.name} {found.version}"
    if not shipped:
        seen = f"{about}; {destination} has no MySQL in its repositories"
        remedy = "Make sure that the repository of this package also has it for the destination."
        return RuleFailed(
            seen, remedy=remedy, why="The package stays as it is and gets no more updates.", severity=Severity.WARNING
        )
    return _mysql_outcome(about, version_numbers(found.version), shipped, destination)


def _mysql_outcome(about: str, version: Version, shipped: tuple[Version, ...], destination: str) -> Outcome:
    """The outcome of the rule for an installed MySQL version. The argument ``shipped`` holds the versions that the destination
    ships, the default version first.
    """
    series, newest = version_series(MYSQL, version), max(shipped)
    if series > newest:
        return RuleFailed(f"{about}, the destination has {_version_text(newest)}")
    if series > shipped[0]:
        seen = (
            f"{about}; the destination has {_version_text(series)} as a module stream, and {_version_text(shipped[0])} without one"
        )
        remedy = f"Enable the module stream mysql:{_version_text(series)} before you install any MySQL package."
        return RuleFailed(seen, remedy=remedy, severity=Severity.WARNING)
    if series == shipped[0] and version[2:] > (0,):
        seen = f"{about}; the destination has {_version_text(series)}, but its patch version is not known"
        remedy = f"Compare with the patch version that {destination} installs. If that version is older, dump the databases first."
        return RuleFailed(
            seen, remedy=remedy, why="MySQL 8.0 also refuses data of a later patch version.", severity=Severity.WARNING
        )
    return PASSED


def _why_data_unreadable(
    server: DatabaseServer, found: PackageFacts, facts: Facts, catalog: Catalog
) -> tuple[Severity, str] | None:
    """The severity and the reason if the destination ships no server that can read the data; otherwise None."""
    series, shipped = version_series(server, version_numbers(found.version)), server.ships.get(facts.hop.destination, ())
    about, destination = f"{found.name} {found.version}", catalog.release_name(facts.hop.destination)
    if not shipped:
        return Severity.WARNING, f"{about}; {destination} has no {server.name} in its repositories"
    if not series or (series in shipped if server.only_same else series <= max(shipped)):
        return None
    return Severity.OVERRIDABLE, f"{about}; {destination} has {', '.join(map(_version_text, sorted(shipped)))}"


def _check_database_versions(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the destination ships no server that can read the data of an installed database server. MySQL has its own rule. If
    the destination does not ship the server at all, the finding is only a warning.
    """
    packages = facts.guest.packages if facts.guest else None
    if packages is None:
        return FactUnknown("the guest did not list its packages")
    installed = [(server, found) for server in OTHERS if (found := _installed_package(server, packages.chosen))]
    if (
        installed and facts.hop.destination not in MYSQL.ships
    ):  # MYSQL.ships names every destination whose database servers are known
        return FactUnknown(f"it is not known which database servers {catalog.release_name(facts.hop.destination)} ships")
    troubles = [trouble for server, found in installed if (trouble := _why_data_unreadable(server, found, facts, catalog))]
    if not troubles:
        return PASSED
    worst = min((severity for severity, _ in troubles), key=ORDER.__getitem__)
    return RuleFailed("; ".join(text for _, text in troubles), severity=worst)


RULES = (
    Rule(
        code="Guest.MySqlDowngrade",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="MySQL would be downgraded",
        asks="MySQL would be downgraded",
        why="An older server cannot read the data of a later MySQL version.",
        remedy="Dump the databases, or choose a destination that has the same or a later version.",
        source="feature table: MySQL",
        check=_check_mysql_version,
        applies=is_linux,
    ),
    Rule(
        code="Guest.DataNotReadable",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The destination's database server may not read the data",
        asks="the destination's database servers read the data",
        why="PostgreSQL reads only data of its own major version. MariaDB, MongoDB and Redis cannot read data of a later version.",
        remedy="Dump the databases first, or make sure that a repository has the same version for the destination.",
        source=PRACTICE,
        check=_check_database_versions,
        applies=is_linux,
        command="rpm -qa | grep -iE 'mariadb|postgres|mongo|redis'",
    ),
)
