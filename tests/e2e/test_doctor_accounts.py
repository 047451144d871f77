"""``replank doctor`` looks at each role and at the kept commands of every account, and is content once its remedy is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import doctor
from cli.doctor import CheckResult
from cli.kept_commands import create_missing_commands
from cli.sdk_account import OperatorAccount
from localcloud.account import service
from localcloud.core import members as emulated
from localcloud.core.app import ACCOUNT_ID
from tests.support import members
from tests.support.world import World
from tools.deployed.product import URL

SHOP, REGION = "1000000000000001", "cn-hangzhou"
ROLE = f"acs:ram::{ACCOUNT_ID}:role/replank-run-command"
CHECKS = ("member accounts", "second roles", "kept commands of all accounts")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REPLANK_FC_ENDPOINT", URL)
    entry = {"role": members.arn(SHOP), "runCommandRole": members.run_command_arn(SHOP), "externalId": members.EXTERNAL_ID}
    env = {"REPLANK_ACCOUNTS": json.dumps({SHOP: entry}), "REPLANK_COMMANDS": "kept", "REPLANK_RUN_COMMAND_ROLE": ROLE}
    made = World(env=env, templates=(members.template(tmp_path, [SHOP]),))
    members.open_member(made.cloud, SHOP)
    with made.connected():
        create_missing_commands(OperatorAccount.from_environment())
        members.keep_commands(made.cloud, SHOP)
        yield made


def told() -> dict[str, CheckResult]:
    return {each.name: each for each in doctor.run_all_checks() if each.name in CHECKS}


def require_one_problem(check: str, code: str, *words: str) -> CheckResult:
    """Only this check fails, with this code. Its sentence and its remedy together contain the words."""
    found = told()
    assert [name for name in CHECKS if not found[name].ok] == [check], found
    assert found[check].seen.startswith(f"{code}: ")
    assert all(word in found[check].seen + found[check].remedy for word in words), found[check]
    return found[check]


def require_all_well() -> None:
    assert [(each.name, each.seen) for each in told().values() if not each.ok] == []


def withdraw(world: World, account: str, role: str, how: str) -> None:
    with world.cloud.lock, world.cloud.db.transaction():
        emulated.withdraw_role(world.cloud, account, role, how)


def commands_of_shop(world: World, key: str) -> list[dict[str, Any]]:
    found = service(world.cloud, "ecs").world.store.find("command", {})
    return [each for each in found if key in each["Name"]]


def test_all_is_well(world: World) -> None:
    found = told()
    assert [found[name].seen for name in CHECKS] == [
        f"each role can be assumed: {SHOP}",
        f"each can be assumed: {ACCOUNT_ID}, {SHOP}",
        f"the commands of the deployed version are there ({ACCOUNT_ID}: {REGION}; {SHOP}: {REGION})",
    ]


@pytest.mark.parametrize(
    ("account", "role"), [(ACCOUNT_ID, "replank-run-command"), (SHOP, "replank-member-run-command")], ids=["own", "member"]
)
@pytest.mark.parametrize("how", ["role", "trust"])
def test_a_second_role_that_cannot_be_assumed_is_told_until_the_stack_is_updated(
    world: World, account: str, role: str, how: str
) -> None:
    require_all_well()
    withdraw(world, account, role, how)
    require_one_problem("second roles", "Command.RoleRefused", account, role, "template.yml", "member.yml")
    withdraw(world, account, role, "")  # the stack restores both
    require_all_well()


def test_a_first_role_that_cannot_be_assumed_hides_nothing_else(world: World) -> None:
    withdraw(world, SHOP, "replank-member", "trust")
    require_one_problem("member accounts", "Account.RoleRefused", SHOP)
    withdraw(world, SHOP, "replank-member", "")
    world.run(1)  # for half a minute STS is not asked again for the role
    require_all_well()


def test_a_command_that_a_member_lacks_is_told_until_it_is_made(world: World) -> None:
    with world.cloud.lock, world.cloud.db.transaction(), world.cloud.accounts.acting(SHOP):
        (gone,) = commands_of_shop(world, "-kept-tool-linux-")
        service(world.cloud, "ecs").world.store.delete("command", gone["CommandId"])
    words = (SHOP, gone["Name"], "lacks 1 kept", f"REPLANK_REGIONS={REGION}", f"a key of account {SHOP}")
    require_one_problem("kept commands of all accounts", "Command.NotKept", *words)
    members.keep_commands(world.cloud, SHOP)
    require_all_well()


def test_a_command_of_a_member_with_another_script_is_told_until_it_is_replaced(world: World) -> None:
    with world.cloud.lock, world.cloud.db.transaction(), world.cloud.accounts.acting(SHOP):
        store = service(world.cloud, "ecs").world.store
        (changed,) = commands_of_shop(world, "-kept-tool-linux-")
        (other,) = commands_of_shop(world, "-kept-marker-linux-")
        store.put("command", changed["CommandId"], {**changed, "sim": other["sim"]})
    words = (SHOP, changed["Name"], "other scripts", "delete", f"REPLANK_REGIONS={REGION}")
    require_one_problem("kept commands of all accounts", "Command.ScriptChanged", *words)
    with world.cloud.lock, world.cloud.db.transaction(), world.cloud.accounts.acting(SHOP):
        store.delete("command", changed["CommandId"])
    members.keep_commands(world.cloud, SHOP)
    require_all_well()


def test_commands_are_looked_for_in_the_region_of_an_open_batch(world: World) -> None:
    body = {"instanceIds": ["i-nobody"], "regionIds": ["cn-shanghai"], "policy": {"driver": "smc"}}
    world.api.post("/batches", body)
    require_one_problem("kept commands of all accounts", "Command.NotKept", ACCOUNT_ID, "REPLANK_REGIONS=cn-shanghai")


def test_functions_of_an_older_version_are_not_taken_for_proof(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.invoke.invoke_function", lambda *about: {"result": {"result": "done"}, "log": "", "requestId": ""})
    found = told()
    assert found["member accounts"].ok
    for name in ("second roles", "kept commands of all accounts"):
        assert found[name].seen.startswith("Function.Older: ")
        assert "Deploy" in found[name].remedy
