"""Windows instances need at least 2 vCPU and 2 GiB of memory. Source: Windows limits."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the instance's size, as ECS gives it, with the limits."""
    cpu, memory = facts.instance.cpu, facts.instance.memory_mib
    least_cpu, least_memory = catalog.minima["windows.cpu"].value, catalog.minima["windows.memory"].value
    if not cpu or not memory:
        return Unknown("ECS did not say how large the instance is")
    if cpu < least_cpu or memory < least_memory:
        return Failed(f"{cpu} vCPU and {memory} MiB, {least_cpu} vCPU and {least_memory} MiB needed")
    return PASSED


RULE = Rule(
    code="Instance.TooSmall",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.INSTANCE,
    title="The instance is too small for Windows migration",
    why="The newer Windows Setup does not run on less.",
    remedy="Change to an instance type with at least 2 vCPU and 2 GiB.",
    source="Windows limits: 2 vCPU, 2 GiB",
    check=check,
    applies=windows,
    command="aliyun ecs ModifyInstanceSpec ...",
)
