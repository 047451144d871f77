"""SMC must be authorised by its role in RAM. Source: preconditions."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the role is missing."""
    role = facts.account.smc_role if facts.account else None
    return flagged(
        None if role is None else not role, "the role AliyunServiceRoleForSMC does not exist", "the role was not looked for"
    )


RULE = Rule(
    code="Account.SmcNotAuthorised",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.ACCOUNT,
    title="SMC is not authorised",
    why="SMC snapshots, stops and starts instances through this role; without it CreateReplicationJob answers EntityNotExist.Role.",
    remedy="Authorise SMC once in its console; it creates the role. A RAM user needs AliyunSMCFullAccess.",
    source="preconditions: SMC authorised in RAM",
    check=check,
    command="aliyun ram GetRole --RoleName AliyunServiceRoleForSMC",
)
