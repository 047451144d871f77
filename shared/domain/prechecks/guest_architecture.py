"""The guest's architecture must be the one the path is for. Source: supported paths per architecture."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the guest's word with the instance's."""
    spoken = facts.guest.architecture if facts.guest else None
    if spoken is None:
        return Unknown("the guest did not say its architecture")
    return (
        PASSED
        if spoken == facts.instance.architecture
        else Failed(f"the guest is {spoken}, the instance {facts.instance.architecture}")
    )


RULE = Rule(
    code="Guest.ArchitectureMismatch",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="The guest has another architecture",
    why="Only 64-bit systems of the listed architectures are supported.",
    remedy="Build a new instance; a 32-bit system cannot be migrated in place.",
    source="supported paths: architecture",
    check=check,
)
