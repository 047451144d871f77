"""Before CentOS to Red Hat, the newest kernel must be running. Source: CentOS to RHEL, before starting."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import between, flagged, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when a newer one is installed."""
    newest = ", ".join(of_linux(facts, lambda guest: guest.boot.images if guest.boot else None) or ())
    pending = of_linux(facts, lambda guest: guest.reboot_pending)
    running = facts.guest.kernel if facts.guest else None
    return flagged(pending, f"{running} runs, installed: {newest}", "which kernels are installed was not told")


RULE = Rule(
    code="Guest.RebootPending",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="A newer kernel waits for a restart",
    why="The conversion demands the newest kernel to be loaded.",
    remedy="Restart.",
    source="CentOS to RHEL: before starting",
    check=check,
    applies=between("centos", "rhel"),
    command="reboot",
)
