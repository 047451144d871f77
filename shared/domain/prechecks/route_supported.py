"""The hop must be a path of the support matrix for this architecture. Source: the matrix of the two migration documents."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the matrix holds no such row."""
    hop, architecture = facts.hop, facts.instance.architecture
    if catalog.path(hop.source, hop.destination, architecture) is None:
        return Failed(f"{catalog.name(hop.source)} to {catalog.name(hop.destination)} on {architecture}")
    return PASSED


RULE = Rule(
    code="Route.NotSupported",
    severity=Severity.ERROR,
    unknown=None,
    needs=Needs.INSTANCE,
    title="The matrix holds no such path",
    why="SMC migrates along the listed paths only.",
    remedy="Choose a destination that `replank catalog route` offers for this release.",
    source="supported paths",
    check=check,
    command="replank catalog paths",
    link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
)
