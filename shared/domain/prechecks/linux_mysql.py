"""MySQL goes to the same or a later version only. Source: feature table.

Which version a destination ships is our own table, read from the distributions, so the finding can be overridden.
"""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.catalog.software import MYSQL
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, linux

SERVER = re.compile(r"^(mysql(-community)?-server|MySQL-server|Percona-Server-server.*)$")


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the installed server with the one the destination ships."""
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


RULE = Rule(
    code="Guest.MySqlDowngrade",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="MySQL would be downgraded",
    why="MySQL data cannot be read by an older server.",
    remedy="Dump the databases, or choose a destination that has the same or a later version.",
    source="feature table: MySQL",
    check=check,
    applies=linux,
)
