"""A firewall is on. Source: drill items (Warning)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells which."""
    firewall = facts.guest.firewall if facts.guest else None
    return flagged(None if firewall is None else bool(firewall), f"{firewall} runs", "whether a firewall runs was not told")


RULE = Rule(
    code="Guest.FirewallActive",
    severity=Severity.INFO,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="A firewall is running",
    why="It may keep the migration from its servers; its rules are compared afterwards only by whether it runs.",
    remedy="Make sure that outgoing HTTPS is open; note the rules.",
    source="drill items: firewall",
    check=check,
    applies=linux,
    command="iptables-save; nft list ruleset",
)
