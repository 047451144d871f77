"""Windows should be activated. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when it is not."""
    activated = of_windows(facts, lambda guest: guest.activated)
    return flagged(None if activated is None else not activated, "Windows is not activated", "the guest did not say")


RULE = Rule(
    code="Guest.NotActivated",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Windows is not activated",
    why="It usually means that the KMS server is not reached; the new system needs it too.",
    remedy="Activate it with the KMS of Alibaba Cloud.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="slmgr /skms kms.cloud.aliyuncs.com & slmgr /ato",
)
