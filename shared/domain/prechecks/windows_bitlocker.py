"""BitLocker is on. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the guest says so."""
    return flagged(of_windows(facts, lambda guest: guest.bitlocker), "BitLocker protects a volume", "the guest did not say")


RULE = Rule(
    code="Guest.BitLocker",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="BitLocker is on",
    why="The restarts of the migration would wait for the recovery key.",
    remedy="Suspend protection for the time.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="manage-bde -protectors -disable C:",
)
