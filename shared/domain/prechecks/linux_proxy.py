"""A proxy is configured. Source: drill items (Warning)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells where."""
    proxy = of_linux(facts, lambda guest: guest.proxy)
    return flagged(None if proxy is None else bool(proxy), f"set in {proxy}", "whether a proxy is set was not told")


RULE = Rule(
    code="Guest.ProxySet",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="A proxy is configured",
    why="Downloads of the migration would go through it.",
    remedy="Take it out for the time, or make sure that it lets the mirrors through.",
    source="drill items: proxy",
    check=check,
    applies=linux,
    command="env | grep -i proxy; grep proxy /etc/yum.conf",
)
