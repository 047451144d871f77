"""GPU drivers. Practice: they are built for one kernel, and the documents say nothing."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the NVIDIA driver is loaded."""
    return flagged(
        of_linux(facts, lambda guest: guest.gpu), "the NVIDIA driver is loaded", "whether a GPU driver is loaded was not told"
    )


RULE = Rule(
    code="Guest.GpuDriver",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="A GPU driver is loaded",
    why="It will not load with the new kernel; computing stops until it is installed again.",
    remedy="Plan to install the driver for the new kernel after the migration.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="nvidia-smi",
)
