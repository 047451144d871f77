"""template.yml, s.yaml and functions/ agree with each other; nothing is declared twice or forgotten."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.core.app import ACCOUNT_ID
from localcloud.core.db import Db
from localcloud.core.policy import Policies
from localcloud.deploy.plan import make
from tests.support.repository import ROOT, name_of, of_type, policy_actions, services, source_files, tree

FUNCTIONS = sorted(services())
RUN_COMMAND = "replank-run-command"
"""The one role that belongs to no function: functions assume it to run text that no kept command contains."""
ALL_ROLES = {role["RoleName"]: role for role in of_type("ALIYUN::RAM::Role")}
ROLES = {name: role for name, role in ALL_ROLES.items() if name != RUN_COMMAND}
DEAD_LETTERS = "/queues/replank-dead-letters"
ENTRY_LINES = 25


def test_folders_resources_and_roles_are_the_same_ten() -> None:
    folders = sorted(path.parent.name for path in (ROOT / "functions").glob("*/index.py"))
    assert folders == FUNCTIONS
    assert sorted(ROLES) == [f"replank-{name}" for name in FUNCTIONS]
    assert len(FUNCTIONS) == 10


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_word_runs_through_all_layers(name: str) -> None:
    props = services()[name]
    assert props["functionName"] == f"replank-{name}"
    assert props["role"].endswith(f":role/replank-{name}")
    assert props["code"] == f"./build/{name}.zip"
    assert (props["handler"], props["instanceLifecycleConfig"]["initializer"]["handler"]) == ("index.handler", "index.initialize")


def test_entry_points_decide_nothing() -> None:
    for path in (ROOT / "functions").glob("*/index.py"):
        nodes = list(ast.walk(tree(path)))
        assert len(path.read_text(encoding="utf-8").splitlines()) <= ENTRY_LINES, name_of(path)
        assert not any(isinstance(node, (ast.If, ast.For, ast.While, ast.Try)) for node in nodes), name_of(path)


def test_no_role_has_a_wildcard_action() -> None:
    assert [name for name, role in ROLES.items() if any("*" in action for action in policy_actions(role))] == []


def test_only_the_gateway_and_the_console_may_invoke_the_api() -> None:
    """An event in the gateway's shape is believed to be one: so few may send it, and the console may do nothing else."""
    gateway = yaml.safe_load((ROOT / "gateway.yml").read_text(encoding="utf-8"))["Resources"]
    roles = [*ROLES.values(), *(each["Properties"] for each in gateway.values() if each["Type"] == "ALIYUN::RAM::Role")]
    may = {role["RoleName"]: role for role in roles if "fc:InvokeFunction" in policy_actions(role)}
    assert sorted(may) == ["replank-console", "replank-gateway"]
    assert policy_actions(may["replank-console"]) == {"fc:InvokeFunction"}
    (statement,) = may["replank-gateway"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["apigateway.aliyuncs.com"]}
    for role in may.values():
        ((allowed,),) = ([each["Resource"] for each in policy["PolicyDocument"]["Statement"]] for policy in role["Policies"])
        assert allowed == [{"Fn::Sub": "acs:fc:${ALIYUN::Region}:${ALIYUN::TenantId}:functions/replank-api"}]


CLOUD = ("ecs:", "smc:")
MEMBERS = yaml.safe_load((ROOT / "member.yml").read_text(encoding="utf-8"))["Resources"]
MEMBER, MEMBER_RUN_COMMAND = (MEMBERS[name]["Properties"] for name in ("MemberRole", "RunCommandRole"))


def reach(role: dict[str, Any]) -> set[tuple[str, str]]:
    """What a role may do on ECS and SMC, and to what: one pair of action and resource each."""
    return {
        (action, json.dumps(resource))
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.startswith(CLOUD)
    }


def test_a_member_grants_what_the_functions_may_do_at_home_and_nothing_more() -> None:
    at_home = set().union(*map(reach, ROLES.values()))
    assert reach(MEMBER) == at_home
    assert [action for action in policy_actions(MEMBER) if not action.startswith(CLOUD)] == []


def test_a_member_trusts_the_functions_that_call_the_cloud_and_asks_for_the_external_id() -> None:
    (trust,) = MEMBER["AssumeRolePolicyDocument"]["Statement"]
    trusted = {each["Fn::Sub"].rpartition("/")[2] for each in trust["Principal"]["RAM"]}
    assert trusted == {name for name, role in ROLES.items() if reach(role)}
    assert all(each["Fn::Sub"].startswith("acs:ram::${DeploymentAccount}:role/") for each in trust["Principal"]["RAM"])
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}


def test_those_functions_may_assume_the_roles_named_and_no_others() -> None:
    for name, role in ROLES.items():
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        allowed = [one["Resource"] for one in statements if "sts:AssumeRole" in one["Action"]]
        may_run = any(action == "ecs:RunCommand" for action, _ in reach(role))
        apart = [[{"Fn::Sub": f"acs:ram::${{ALIYUN::TenantId}}:role/{RUN_COMMAND}"}]] if may_run else []
        assert sorted(allowed, key=str) == sorted([*([{"Ref": "MemberRoles"}] if reach(role) else []), *apart], key=str), name


def test_the_role_for_free_text_runs_commands_and_only_who_may_be_asked_to_assumes_it() -> None:
    assert policy_actions(ALL_ROLES[RUN_COMMAND]) == {"ecs:RunCommand"}
    (trust,) = ALL_ROLES[RUN_COMMAND]["AssumeRolePolicyDocument"]["Statement"]
    trusted = {each["Fn::Sub"] for each in trust["Principal"]["RAM"]}
    runs = {name for name, role in ROLES.items() if "ecs:RunCommand" in policy_actions(role)}
    assert trusted == {f"acs:ram::${{ALIYUN::TenantId}}:role/{name}" for name in runs}


def test_a_members_role_for_free_text_is_the_one_at_home_with_the_external_id() -> None:
    assert set(MEMBERS) == {"MemberRole", "RunCommandRole"}
    assert reach(MEMBER_RUN_COMMAND) == reach(ALL_ROLES[RUN_COMMAND])
    assert policy_actions(MEMBER_RUN_COMMAND) == {"ecs:RunCommand"}
    (trust,) = MEMBER_RUN_COMMAND["AssumeRolePolicyDocument"]["Statement"]
    (at_home,) = ALL_ROLES[RUN_COMMAND]["AssumeRolePolicyDocument"]["Statement"]
    names = [[each["Fn::Sub"].rpartition("/")[2] for each in one["Principal"]["RAM"]] for one in (trust, at_home)]
    assert names[0] == names[1]
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}


def test_policies_are_short_enough_for_ram() -> None:
    """A custom policy may have 2,048 characters (RAM documentation, "Limits"); account ids and names are filled in first."""
    long = {
        name: len(text)
        for name, role in (*ALL_ROLES.items(), ("replank-member", MEMBER))
        for policy in role["Policies"]
        if len(text := json.dumps(policy["PolicyDocument"], separators=(",", ":"))) > 2048
    }
    assert long == {}


def test_every_action_granted_is_one_that_the_local_cloud_checks() -> None:
    """What the local cloud does not know, no test can show to be needed."""
    known = {
        f"{service}:{operation}"
        for service in ("ecs", "smc")
        for operation in json.loads((ROOT / f"localcloud/{service}/spec.json").read_text(encoding="utf-8"))
    }
    granted = {action for role in ROLES.values() for action in policy_actions(role) if action.startswith(("ecs:", "smc:"))}
    assert granted - known == set()


def test_who_writes_a_row_may_look_whether_the_write_was_made() -> None:
    """A conditional write whose answer is lost is decided by reading the row."""
    writing = {name: role for name, role in ROLES.items() if any(each.startswith("ots:") for each in policy_actions(role))}
    assert set(ROLES) - set(writing) == {"replank-console"}
    blind = [name for name, role in writing.items() if "ots:GetRow" not in policy_actions(role)]
    assert blind == []


def test_only_the_sweep_deletes_snapshots_and_only_the_rollback_resets_disks() -> None:
    for action, owner in (
        ("ecs:DeleteSnapshot", "replank-sweep"),
        ("ecs:ResetDisk", "replank-rollback"),
        ("ecs:StopInstance", "replank-rollback"),
    ):
        assert [name for name, role in ROLES.items() if action in policy_actions(role)] == [owner]
    assert {action for action in policy_actions(ROLES["replank-api"]) if action.startswith(("ecs:", "smc:"))} == set()


def test_only_who_sets_or_puts_back_the_deletion_protection_may_change_an_instance() -> None:
    """RAM cannot limit the permission to one attribute, so few roles have it."""
    may = [name for name, role in ROLES.items() if "ecs:ModifyInstanceAttribute" in policy_actions(role)]
    assert sorted(may) == ["replank-rollback", "replank-snapshot", "replank-validate", "replank-watch"]


def test_what_cannot_be_delivered_is_kept() -> None:
    for rule in of_type("ALIYUN::EventBridge::Rule"):
        for target in rule["Targets"]:
            assert target["PushRetryStrategy"] in ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")
            assert target["DeadLetterQueue"]["Arn"]["Fn::Sub"].endswith(DEAD_LETTERS)
    for name, props in services().items():
        if name in ("api", "console"):
            continue  # never invoked asynchronously
        assert f"{DEAD_LETTERS}/" in props["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"], name
        assert "mns:SendMessage" in policy_actions(ROLES[f"replank-{name}"]), name


def test_tables_are_those_the_adapters_use() -> None:
    declared = {table["TableName"] for table in of_type("ALIYUN::OTS::Table")}
    indexes = {index["IndexName"] for table in of_type("ALIYUN::OTS::Table") for index in table.get("SecondaryIndices", [])}
    words = {
        node.value
        for path in source_files("shared")
        if "adapters" in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert (declared | indexes) - words == set()


CHANGING = (
    "ecs:RunCommand",
    "ecs:InvokeCommand",
    "ecs:CreateSnapshot",
    "ecs:DeleteSnapshot",
    "ecs:StopInstance",
    "ecs:StartInstance",
    "ecs:ResetDisk",
    "ecs:ModifyInstanceAttribute",
)


@pytest.mark.parametrize("role", sorted(ALL_ROLES))
def test_what_changes_an_instance_is_granted_by_kind_and_region(role: str) -> None:
    """RAM judges RunCommand by the instance and the command (ECS API reference, RAM tables): neither more nor less is named."""
    for policy in ALL_ROLES[role]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if not set(statement["Action"]) & set(CHANGING):
                continue
            names = [each["Fn::Sub"] for each in statement["Resource"]]
            assert all(name.startswith("acs:ecs:${FleetRegion}:${ALIYUN::TenantId}:") for name in names)
            if statement["Action"] == ["ecs:RunCommand"]:
                instances = "instance/*" if role == RUN_COMMAND else "instance/${FreeCommands}"
                assert [name.rpartition(":")[2] for name in names] == [instances, "command/*"]
            if statement["Action"] == ["ecs:InvokeCommand"]:
                assert [name.rpartition(":")[2] for name in names] == ["instance/*", "command/*"]


@pytest.mark.parametrize("role", ["precheck", "migrate", "watch", "validate", "rollback"])
def test_a_role_can_be_left_with_kept_commands_alone(role: str, tmp_path: Path) -> None:
    """With FreeCommands none, RunCommand is allowed on no instance. Nobody may create, change or delete a command in any case."""
    narrow = tmp_path / "template.yml"
    text = (ROOT / "template.yml").read_text(encoding="utf-8")
    assert text.count('Default: "*"') == 1
    narrow.write_text(text.replace('Default: "*"', "Default: none"), encoding="utf-8")
    (found,) = [each for each in make(narrow, ROOT / "s.yaml").template.roles if each["RoleName"] == f"replank-{role}"]
    policies = Policies(Db(None))
    statements = [one for policy in found["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    policies.set_role(f"replank-{role}", statements)
    resource = f"acs:ecs:cn-hangzhou:{ACCOUNT_ID}:instance/i-1"
    actions = ("RunCommand", "InvokeCommand", "CreateCommand", "ModifyCommand", "DeleteCommand")
    asked = {each: policies.allows(f"role:replank-{role}", f"ecs:{each}", resource) for each in actions}
    assert [name for name, allowed in asked.items() if allowed] == ["InvokeCommand"]


@pytest.mark.parametrize("role", ["precheck", "migrate", "validate", "rollback"])
def test_one_region_can_be_all_that_a_role_reaches(role: str, tmp_path: Path) -> None:
    narrow = tmp_path / "template.yml"
    text = (ROOT / "template.yml").read_text(encoding="utf-8")
    assert "Default: '*'" in text
    narrow.write_text(text.replace("Default: '*'", "Default: cn-beijing"), encoding="utf-8")
    (found,) = [each for each in make(narrow, ROOT / "s.yaml").template.roles if each["RoleName"] == f"replank-{role}"]
    policies = Policies(Db(None))
    statements = [one for policy in found["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    policies.set_role(f"replank-{role}", statements)
    asked = [
        policies.allows(f"role:replank-{role}", "ecs:RunCommand", f"acs:ecs:{region}:{ACCOUNT_ID}:instance/i-1")
        for region in ("cn-beijing", "cn-hangzhou")
    ]
    assert asked == [True, False]
