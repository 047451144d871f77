"""The kernel GRUB starts by default should be the running one. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import of_linux
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the two."""
    default = of_linux(facts, lambda guest: guest.boot.default_kernel if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    if default is None or kernel is None:
        return Unknown("the default kernel is not known")
    return PASSED if default == kernel else Failed(f"{kernel} runs, {default} is the default")


RULE = Rule(
    code="Guest.DefaultKernelDiffers",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Another kernel is the default",
    why="The next start is with a kernel nobody has tried yet, and it will be in the middle of the migration.",
    remedy="Restart once before, or set the running kernel as default.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="grubby --default-kernel",
)
