"""Before CentOS to Red Hat, the Security Center agent must be uninstalled. Source: CentOS to RHEL, before starting."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import between, flagged, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when it is there."""
    return flagged(
        of_linux(facts, lambda guest: guest.security_agent),
        "/usr/local/aegis exists",
        "whether the agent is installed was not told",
    )


RULE = Rule(
    code="Guest.SecurityAgent",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="The Security Center agent is installed",
    why="Its kernel module stops the conversion.",
    remedy="Uninstall it; it may be installed again afterwards.",
    source="CentOS to RHEL: before starting",
    check=check,
    applies=between("centos", "rhel"),
)
