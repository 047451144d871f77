"""Interface names pinned by hardware address. Practice: peers' users lost machines to renamed interfaces."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells the files that pin."""
    return listed(of_linux(facts, lambda guest: guest.interface_pins), "the guest did not show its network configuration")


RULE = Rule(
    code="Guest.InterfacePinned",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Interface names are pinned",
    why="The new system may name interfaces by other rules; what is pinned to a name or address is then not configured.",
    remedy="Take the pins out, or make sure that the console (VNC) works.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="grep -l HWADDR /etc/sysconfig/network-scripts/ifcfg-*",
)
