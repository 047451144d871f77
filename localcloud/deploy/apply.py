"""Changes an account to match a plan. A second run changes only what the files have changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.apigateway import ApiGateway
from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.deploy import gateway
from localcloud.deploy.plan import Plan
from localcloud.eventbridge.api import EventBridge
from localcloud.fc.api import FunctionCompute
from localcloud.tablestore.api import Tablestore
from localcloud.tablestore.schema import Index


@dataclass
class Account:
    """The services a deployment writes to."""

    cloud: Cloud
    eventbridge: EventBridge
    fc: FunctionCompute
    tablestore: Tablestore
    apigateway: ApiGateway


def apply(plan: Plan, account: Account) -> None:
    """Create or update tables, roles, functions and rules. A rule on a bus that does not exist yet waits for CreateEventBus."""
    with account.cloud.lock, account.cloud.db.transaction():
        for table in plan.template.tables:
            _ensure_table(account.tablestore, table)
        for role in plan.template.roles:
            set_role(account.cloud, role)
            _give_keys(account.cloud, role["RoleName"])
        for function in plan.functions:
            account.fc.put(function)
        _drop_absent(plan, account)
        _drop_absent_rules(plan, account)
        for rule in plan.rules:
            set_rule(account.eventbridge, rule)
        groups = gateway.groups(plan.template.gateway, account.cloud.secret)
        account.apigateway.drop_others({group.name for group in groups})
        for group in groups:
            account.apigateway.put(group)


def _ensure_table(tablestore: Tablestore, table: dict[str, Any]) -> None:
    indexes = [
        Index(index["IndexName"], tuple(index["PrimaryKeys"]), tuple(index.get("Columns", [])))
        for index in table.get("SecondaryIndices", [])
    ]
    columns = [(column["Name"], column["Type"].upper()) for column in table.get("Columns", [])]
    key = [(column["Name"], column["Type"].upper()) for column in table["PrimaryKey"]]
    options = {"ttl_s": table.get("TimeToLive", -1), "max_versions": table.get("MaxVersions", 1)}
    tablestore.ensure_table(table["InstanceName"], table["TableName"], key, columns, indexes, **options)


def set_role(cloud: Cloud, role: dict[str, Any]) -> None:
    """Create or replace a role of the current account."""
    statements = [each for policy in role.get("Policies", []) for each in policy["PolicyDocument"]["Statement"]]
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    cloud.policies.set_role(role["RoleName"], statements, trust=trust, max_session_s=role.get("MaxSessionDuration", 3600))


def _give_keys(cloud: Cloud, name: str) -> None:
    """Make keys for the functions that run as the role."""
    principal = f"role:{name}"
    if cloud.identities.of(principal) is None:
        key_id = f"STS.NT{cloud.random('role', name).randbytes(10).hex()}"
        cloud.identities.add(Key(key_id, cloud.secret("role", name)[:32], f"CAIS{cloud.secret('token', name)[:48]}", principal))


def _drop_absent(plan: Plan, account: Account) -> None:
    wanted = {function.name for function in plan.functions}
    for function in account.fc.functions.all():
        if function.name not in wanted:
            account.fc.drop(function.name)


def _drop_absent_rules(plan: Plan, account: Account) -> None:
    """Delete the rules that an earlier deployment made and the plan no longer names. Rules made by API calls stay."""
    made = account.cloud.db.collection("deploy.rule")
    wanted = {f"{rule['EventBusName']}/{rule['RuleName']}" for rule in plan.rules}
    for key, doc in list(made.items()):
        if key not in wanted:
            account.eventbridge.store.forget_rule(doc["bus"], doc["name"])
            made.delete(key)
    for rule in plan.rules:
        made.put(f"{rule['EventBusName']}/{rule['RuleName']}", {"bus": rule["EventBusName"], "name": rule["RuleName"]})


def set_rule(eventbridge: EventBridge, rule: dict[str, Any]) -> None:
    """Create or replace a rule of the current account. If the rule's bus does not exist yet, the rule waits for it."""
    checked = eventbridge.control.checked_rule(rule)
    if eventbridge.store.bus(checked.bus) is None:
        eventbridge.store.hold_back(checked)
    else:
        former = eventbridge.store.rule(checked.bus, checked.name)
        created = former.created_ms if former else 0
        eventbridge.store.put_rule(type(checked)(**{**vars(checked), "created_ms": created}))
