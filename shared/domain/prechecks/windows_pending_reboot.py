"""Windows waits for a restart. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the guest says so."""
    return flagged(of_windows(facts, lambda guest: guest.pending_reboot), "a restart is pending", "the guest did not say")


RULE = Rule(
    code="Guest.WindowsRebootPending",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Windows waits for a restart",
    why="Windows Setup refuses to start, or finishes the old update in the middle.",
    remedy="Restart, then ask again.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="shutdown /r /t 0",
)
