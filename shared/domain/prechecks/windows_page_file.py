"""Page files on other disks than C:. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells those that are elsewhere."""
    files = of_windows(facts, lambda guest: guest.page_files)
    return listed(
        None if files is None else [name for name in files if not name.upper().startswith("C:")],
        "the guest did not list its page files",
    )


RULE = Rule(
    code="Guest.PageFileElsewhere",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="A page file is on another disk",
    why="Drive letters can change while Setup runs; the page file then keeps the disk busy or is missing.",
    remedy="Move it to C: for the time.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="wmic pagefile list",
)
