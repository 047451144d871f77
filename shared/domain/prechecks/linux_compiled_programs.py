"""Programs compiled outside packages. Source: feature table (C/C++ programs not guaranteed)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells executables in /usr/local and /opt."""
    return listed(of_linux(facts, lambda guest: guest.compiled_programs), "programs outside packages were not looked for")


RULE = Rule(
    code="Guest.CompiledPrograms",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Programs were compiled on this system",
    why="Alibaba Cloud Linux 3 has GCC 10.2, binutils 2.35 and glibc 2.32; programs of the old system are not guaranteed to run.",
    remedy="Compile again and verify, best on a copy first.",
    source="feature table: C/C++ programs",
    check=check,
    applies=linux,
    link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
)
