"""Member accounts for tests: the deployment's template names their roles, and member.yml is applied in each account."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from localcloud.account import service
from localcloud.core import members
from localcloud.core.app import Cloud
from shared.domain.catalog import CATALOG
from shared.domain.recipes.choose import all_recipes
from shared.probes.kept import kept_scripts
from tests.support.repository import ROOT

EXTERNAL_ID = "deploy-7f3a"
ROLE = "replank-member"
NOBODY = "['acs:ram::0000000000000000:role/replank-member']"


def arn(account: str) -> str:
    return f"acs:ram::{account}:role/{ROLE}"


def run_command_arn(account: str) -> str:
    return f"acs:ram::{account}:role/{ROLE}-run-command"


def settings(accounts: Iterable[str]) -> dict[str, str]:
    """The functions' settings for these member accounts."""
    return {"REPLANK_ACCOUNTS": ",".join(map(arn, accounts)), "REPLANK_EXTERNAL_ID": EXTERNAL_ID}


def template(folder: Path, accounts: Iterable[str]) -> Path:
    """template.yml with the members' roles as the value of MemberRoles."""
    text = (ROOT / "template.yml").read_text(encoding="utf-8")
    assert NOBODY in text
    file = folder / "template.yml"
    roles = [each(account) for account in accounts for each in (arn, run_command_arn)]
    file.write_text(text.replace(NOBODY, json.dumps(roles)), encoding="utf-8")
    return file


def open_member(cloud: Cloud, account: str, free_commands: str = "*") -> None:
    """Create the account with the roles that member.yml describes. ``free_commands`` is the stack's parameter."""
    resources = yaml.safe_load((ROOT / "member.yml").read_text(encoding="utf-8"))["Resources"]
    values = {"DeploymentAccount": cloud.accounts.own, "ExternalId": EXTERNAL_ID, "FleetRegion": "*", "FreeCommands": free_commands}
    values["ALIYUN::TenantId"] = account
    roles = {}
    for resource in resources.values():
        made = _filled(resource["Properties"], values)
        roles[made["RoleName"]] = {
            "trust": made["AssumeRolePolicyDocument"],
            "policies": [each["PolicyDocument"] for each in made["Policies"]],
            "max_session_s": made["MaxSessionDuration"],
        }
    with cloud.lock, cloud.db.transaction():
        members.open_account(cloud, account, {"roles": roles})


def withdraw(cloud: Cloud, account: str, how: str = "role") -> None:
    """Withdraw the role or its ``trust``. An empty ``how`` restores both."""
    with cloud.lock, cloud.db.transaction():
        members.withdraw_role(cloud, account, ROLE, how)


def keep_commands(cloud: Cloud, account: str) -> None:
    """Create the kept commands in the member account, as ``replank bootstrap --commands`` does with a key of that account."""
    create = service(cloud, "ecs").operations["CreateCommand"].perform
    with cloud.lock, cloud.db.transaction(), cloud.accounts.acting(account):
        for script in kept_scripts(all_recipes(CATALOG)):
            content = base64.b64encode(script.content.encode()).decode()
            about = {"RegionId": cloud.region, "Name": script.name, "Type": script.command_type, "CommandContent": content}
            create({**about, "EnableParameter": True})


def unused(cloud: Cloud, account: str) -> list[str]:
    """The permissions that the member's role has but has not used."""
    with cloud.accounts.acting(account):
        return [action for role, action in cloud.policies.unused() if role.rpartition("/")[2] == ROLE]


def _filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return values[value["Ref"]]
    if set(value) == {"Fn::Sub"}:
        text: str = value["Fn::Sub"]
        for name, each in values.items():
            text = text.replace("${" + name + "}", each)
        return text
    return {name: _filled(each, values) for name, each in value.items()}
