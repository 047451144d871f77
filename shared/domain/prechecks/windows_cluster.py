"""The instance is a member of a failover cluster. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_windows
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the guest says so."""
    return flagged(of_windows(facts, lambda guest: guest.clustered), "the Cluster service runs", "the guest did not say")


RULE = Rule(
    code="Guest.ClusterMember",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The instance is a member of a failover cluster",
    why="Clusters are upgraded node by node with their own procedure.",
    remedy="Evict the node first.",
    source=PRACTICE,
    check=check,
    applies=windows,
    command="cluster.exe node",
)
