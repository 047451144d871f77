"""The running kernel should come from a package. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when no installed package owns the running version."""
    packaged = of_linux(facts, lambda guest: guest.boot.kernel_packaged if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    return flagged(
        None if packaged is None else not packaged,
        f"kernel {kernel} belongs to no package",
        "whether the kernel comes from a package was not told",
    )


RULE = Rule(
    code="Guest.KernelSelfBuilt",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The running kernel belongs to no package",
    why="The migration replaces packages; a kernel of your own stays the default and is booted again afterwards.",
    remedy="Boot the distribution's kernel first.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="rpm -q kernel; uname -r",
)
