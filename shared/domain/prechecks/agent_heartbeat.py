"""The Cloud Assistant agent must have been seen within 24 hours. Source: preconditions."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

LIMIT = timedelta(hours=24)


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the last heartbeat is older; unknown when there never was one."""
    seen = facts.instance.agent_heartbeat_at
    if seen is None:
        return Unknown("no heartbeat of the agent is known: it is not installed, or never reported")
    age = facts.now - seen
    return Failed(f"last heartbeat {age.total_seconds() / 3600:.1f} hours ago") if age > LIMIT else PASSED


RULE = Rule(
    code="Instance.AgentOffline",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.INSTANCE,
    title="The Cloud Assistant agent has not been seen within 24 hours",
    why="The migration, the guest's prechecks and the validation all run through the agent. Instances bought before 2017-12-01 "
    "and those of uploaded images may lack it.",
    remedy="Install or start the agent and wait for its heartbeat.",
    source="preconditions: Cloud Assistant within 24 h",
    check=check,
    command="systemctl start aliyun.service  # Windows: sc start AliyunService",
)
