"""The instance must be Running. Source: preconditions (older pages demanded Stopped; the rule was reversed)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails in every other state."""
    status = facts.instance.status
    if not status:
        return Unknown("the state of the instance is not known")
    return (
        PASSED
        if status == "Running"
        else Failed(f"state {status}", f"aliyun ecs StartInstance --InstanceId {facts.instance.instance_id}")
    )


RULE = Rule(
    code="Instance.NotRunning",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.INSTANCE,
    title="The instance is not running",
    why="The migration is started inside the running system by the Cloud Assistant agent.",
    remedy="Start the instance and wait until its agent is online.",
    source="preconditions: state Running",
    check=check,
)
