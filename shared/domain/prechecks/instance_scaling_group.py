"""A scaling group may replace the instance while it restarts. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for members of a group."""
    group = facts.instance.scaling_group_id
    return flagged(
        None if group is None else bool(group), f"scaling group {group}", "whether it is in a scaling group was not asked"
    )


RULE = Rule(
    code="Instance.InScalingGroup",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.INSTANCE,
    title="The instance belongs to a scaling group",
    why="Auto Scaling sees a restarting instance as unhealthy and releases it; new members still come with the old image.",
    remedy="Put it into standby or protection for the time, and give the group a new image.",
    source=PRACTICE,
    check=check,
    command="aliyun ess EnterStandby --ScalingGroupId GROUP --InstanceId.1 INSTANCE",
)
