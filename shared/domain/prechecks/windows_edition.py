"""The destination is always Datacenter. Source: Windows matrix."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Told when the source is another edition."""
    release = catalog.releases.get(facts.hop.source)
    changes = release is not None and release.edition not in ("", "datacenter")
    return flagged(changes, f"{catalog.name(facts.hop.source)} becomes {catalog.name(facts.hop.destination)}", "")


RULE = Rule(
    code="Guest.EditionChanges",
    severity=Severity.INFO,
    unknown=None,
    needs=Needs.INSTANCE,
    title="The edition becomes Datacenter",
    why="Licences of other software may depend on the edition.",
    remedy="Check the licences of what runs on it.",
    source="Windows matrix: destinations",
    check=check,
    applies=windows,
)
