"""A locked instance can be neither snapshotted nor migrated. Source: error codes of CreateSnapshot and ResetDisk."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails with the reasons."""
    return listed(facts.instance.locked, "")


RULE = Rule(
    code="Instance.Locked",
    severity=Severity.ERROR,
    unknown=None,
    needs=Needs.INSTANCE,
    title="The instance is locked",
    why="ECS refuses snapshots, restarts and rollbacks of locked instances.",
    remedy="Solve the reason (payment, security), then ask again.",
    source="error codes: InstanceLockedForSecurity, InstanceExpiredOrInArrears",
    check=check,
)
