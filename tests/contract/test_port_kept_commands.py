"""The port of Cloud Assistant in a deployment that keeps commands: which call it makes, how often, and what it never sends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.kept_commands import VERSION, _create_command, create_missing_commands, missing_commands
from cli.problem import Problem
from cli.sdk_account import OperatorAccount, call_rpc
from localcloud.account import service
from localcloud.core import members
from localcloud.core.app import ACCOUNT_ID
from shared.adapters.guest import CloudAssistant
from shared.adapters.sdk import Credentials
from shared.domain.catalog import CATALOG
from shared.domain.errors import AccountUnusable, Permanent, Transient
from shared.domain.kept_commands import KeptCall
from shared.domain.recipes.choose import all_recipes
from shared.ports.guest import UnusableCommands
from shared.ports.ports import Ports
from shared.probes import parse_probe_answer, probe_script
from shared.probes.kept import kept_marker, kept_probe, kept_scripts, kept_tool
from shared.probes.marker import Action, parse_marker_answer
from shared.runtime.composition import make_ports
from tests.support import members as member_accounts
from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.ports import Bench, CloudClock, bench, settings
from tests.support.repository import ROOT
from tests.support.world import World

REGION, LINUX, SHOP = "cn-hangzhou", "i-test0001", "1000000000000001"


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("precheck", REPLANK_COMMANDS="kept") as made:
        made.world.load_fleet(fleet(instance(1)))
        yield made


def send(one: Bench, call: KeptCall | None, token: str = "rp-m1-x") -> str:
    kept = None if call is None else lambda: call
    return one.ports.guest.launch_script(
        REGION, LINUX, os_type="linux", script=probe_script("linux"), token=token, timeout_s=60, kept=kept
    )


def output(one: Bench, invocation: str) -> bytes:
    result = one.until(lambda: one.ports.guest.command_result(REGION, LINUX, invocation))
    assert (result.exit_code, result.dropped) == (0, 0), result
    return bytes(result.output)


def test_bootstrap_makes_each_command_once(one: Bench) -> None:
    account = OperatorAccount.from_environment()
    assert len(missing_commands(account)) > 5
    assert all(each.created for each in create_missing_commands(account))
    assert not any(each.created for each in create_missing_commands(account))
    assert missing_commands(account) == []


def test_a_probe_is_one_invocation_and_the_commands_are_listed_once(one: Bench) -> None:
    create_missing_commands(OperatorAccount.from_environment())
    call = kept_probe("linux", "precheck", files=["/etc/hostname", "/it's $(touch x)\u00e4"], updates=False)
    assert one.calls(lambda: send(one, call)) == ["DescribeCommands", "InvokeCommand"]
    assert one.calls(lambda: send(one, call, "rp-m1-y")) == ["InvokeCommand"]
    facts = parse_probe_answer("linux", output(one, send(one, call, "rp-m1-z")))
    assert [each.path for each in facts.checksums] == ["/etc/hostname", "/it's $(touch x)\u00e4"]
    assert facts.os_id == "centos"


def test_a_repeated_call_starts_nothing_and_a_changed_script_starts_anew(one: Bench) -> None:
    create_missing_commands(OperatorAccount.from_environment())
    first = send(one, kept_marker("linux", "look"))
    assert send(one, kept_marker("linux", "look")) == first
    other = send(one, kept_probe("linux", "precheck", files=(), updates=False))
    assert other != first, "the token of a call contains the digest of its script"


def test_the_marker_of_a_windows_guest_is_written_and_found(one: Bench) -> None:
    one.world.load_fleet(fleet(instance(2, WINDOWS_2008)))
    create_missing_commands(OperatorAccount.from_environment())

    def ask(action: Action) -> bytes:
        call = kept_marker("windows", action, marker="replank migration m1 hop 0 attempt 1 number 0")
        sent = one.ports.guest.launch_script(
            REGION, "i-test0002", os_type="windows", script="exit 9", token=f"rp-{action}", timeout_s=60, kept=lambda: call
        )
        result = one.until(lambda: one.ports.guest.command_result(REGION, "i-test0002", sent))
        return bytes(result.output)

    assert ask("write") == b"replank-marker written\n"
    seen = parse_marker_answer("windows", ask("look"))
    assert seen is not None
    assert seen.marker == "replank migration m1 hop 0 attempt 1 number 0"


def test_a_command_that_the_account_does_not_keep_is_waited_for(one: Bench) -> None:
    with pytest.raises(Transient) as missing:
        send(one, kept_probe("linux", "precheck", files=(), updates=False))
    assert missing.value.code == "Command.NotKept"
    create_missing_commands(OperatorAccount.from_environment())
    assert send(one, kept_probe("linux", "precheck", files=(), updates=False))


def test_a_command_that_somebody_deleted_is_found_again_once_it_is_made_again(one: Bench) -> None:
    """The process still knows the old id. Without a second listing its steps would fail for as long as the process lives."""
    create_missing_commands(OperatorAccount.from_environment())
    assert send(one, kept_probe("linux", "precheck", files=(), updates=False))
    client = OperatorAccount.from_environment().openapi_client("ECS")
    every = call_rpc(client, "DescribeCommands", VERSION, {"RegionId": REGION, "MaxResults": 50})["Commands"]["Command"]
    for each in every:
        call_rpc(client, "DeleteCommand", VERSION, {"RegionId": REGION, "CommandId": each["CommandId"]})
    with pytest.raises(Transient) as missing:
        send(one, kept_probe("linux", "precheck", files=("/etc/hosts",), updates=False), "rp-m1-y")
    assert missing.value.code == "Command.NotKept"
    create_missing_commands(OperatorAccount.from_environment())
    assert send(one, kept_probe("linux", "precheck", files=("/etc/hosts",), updates=False), "rp-m1-y")


def test_all_pages_of_commands_are_listed_or_the_listing_says_that_it_is_cut(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of older versions stay, and newer commands are listed first or last. Neither may look missing."""
    create_missing_commands(OperatorAccount.from_environment())
    names = [each.name for each in kept_scripts(all_recipes(CATALOG))]
    monkeypatch.setattr("shared.adapters.guest.PAGE", 2)
    monkeypatch.setattr("shared.adapters.guest.MAX_PAGES", 1)
    assert one.ports.guest.commands_not_kept(REGION, lambda: names) == ()
    monkeypatch.setattr("shared.adapters.guest.MAX_COMMAND_PAGES", 2)
    monkeypatch.setattr("cli.kept_commands.PAGE", 2)
    monkeypatch.setattr("cli.kept_commands.MOST_PAGES", 2)
    with pytest.raises(Transient, match="too many commands"):
        one.ports.guest.commands_not_kept(REGION, lambda: [*names, "replank-kept-gone"])
    with pytest.raises(Problem, match="too many commands"):
        missing_commands(OperatorAccount.from_environment())


def test_an_older_command_that_was_deleted_is_replaced_at_once(one: Bench) -> None:
    """The process still knows its id. Bootstrap makes only the commands of this version, so nobody could bring it back."""
    account = OperatorAccount.from_environment()
    create_missing_commands(account)
    old = replace(next(each for each in kept_scripts(all_recipes(CATALOG)) if each.key == "tool-linux"), key="tool-linux-old")
    _create_command(account, REGION, old)
    call = kept_tool("look", "m1-0-1", began_with=old.name)
    assert one.calls(lambda: send(one, call)) == ["DescribeCommands", "InvokeCommand"]
    client = account.openapi_client("ECS")
    found = call_rpc(client, "DescribeCommands", VERSION, {"RegionId": REGION, "Name": old.name})["Commands"]["Command"]
    call_rpc(client, "DeleteCommand", VERSION, {"RegionId": REGION, "CommandId": found[0]["CommandId"]})
    assert one.calls(lambda: send(one, call, "rp-m1-y")) == ["InvokeCommand", "InvokeCommand"]
    assert one.calls(lambda: send(one, call, "rp-m1-z")) == ["InvokeCommand"], "the older command is not looked for again"


@pytest.mark.parametrize("turn", [1, -1], ids=["newest first", "oldest first"])
def test_of_commands_with_one_name_the_oldest_counts_however_they_are_listed(
    one: Bench, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    """Two bootstraps at the same time may create a command twice. All functions must choose the same one."""
    account = OperatorAccount.from_environment()
    script = next(each for each in kept_scripts(all_recipes(CATALOG)) if each.key == "marker-linux")
    made = []
    for _ in range(3):
        _create_command(account, REGION, script)
        one.world.run(1)
        every = call_rpc(account.openapi_client("ECS"), "DescribeCommands", VERSION, {"RegionId": REGION, "MaxResults": 50})
        made.append(next(each["CommandId"] for each in every["Commands"]["Command"] if each["CommandId"] not in made))
    listed = CloudAssistant._list_kept_commands
    monkeypatch.setattr(CloudAssistant, "_list_kept_commands", lambda self, region: list(listed(self, region))[::turn])
    invocation = send(one, kept_marker("linux", "look"))
    with one.world.cloud.lock:
        started = service(one.world.cloud, "ecs").world.store.get("invocation", invocation)
    assert started["CommandId"] == made[0]


def test_what_is_not_kept_is_named_and_costs_no_call_in_a_deployment_that_runs_scripts(one: Bench) -> None:
    create_missing_commands(OperatorAccount.from_environment())
    known = kept_marker("linux", "look").name
    assert one.ports.guest.commands_not_kept(REGION, lambda: (known, "replank-kept-gone")) == ("replank-kept-gone",)
    assert one.calls(lambda: one.ports.guest.commands_not_kept(REGION, lambda: (known,))) == []
    with bench("precheck") as plain:
        assert plain.calls(lambda: plain.ports.guest.commands_not_kept(REGION, lambda: ("replank-kept-gone",))) == []


def test_text_of_an_operator_is_still_run(one: Bench) -> None:
    assert one.calls(lambda: send(one, None)) == ["RunCommand"]


ROLE = f"acs:ram::{ACCOUNT_ID}:role/replank-run-command"


def as_role(world: World, function: str, **more: str) -> Ports:
    """The ports of a function that has nothing but its own role."""
    key = world.cloud.identities.of(f"role:replank-{function}")
    assert key is not None
    credentials = Credentials(key.access_key_id, key.access_key_secret, key.token)
    return make_ports(function, settings(**more), credentials, CloudClock(world))


def test_text_of_an_operator_has_a_role_of_its_own(tmp_path: Path) -> None:
    """The function's role may invoke kept commands only. The role for RunCommand may do nothing else."""
    narrow = tmp_path / "template.yml"
    text = (ROOT / "template.yml").read_text(encoding="utf-8")
    narrow.write_text(text.replace('Default: "*"', "Default: none"), encoding="utf-8")
    with World(templates=(narrow,)).connected() as world:
        world.load_fleet(fleet(instance(1)))
        create_missing_commands(OperatorAccount.from_environment())
        where: dict[str, Any] = {"os_type": "linux", "script": "true", "timeout_s": 60}
        kept = kept_probe("linux", "precheck", files=(), updates=False)
        without = as_role(world, "precheck", REPLANK_COMMANDS="kept").guest
        assert without.launch_script(REGION, LINUX, token="t1", kept=lambda: kept, **where)
        with pytest.raises(Permanent, match="RunCommand"):
            without.launch_script(REGION, LINUX, token="t2", **where)
        apart = as_role(world, "precheck", REPLANK_COMMANDS="kept", REPLANK_RUN_COMMAND_ROLE=ROLE).guest
        assert apart.launch_script(REGION, LINUX, token="t3", **where)
        with world.cloud.lock, world.cloud.db.transaction():
            members.withdraw_role(world.cloud, ACCOUNT_ID, "replank-run-command", "role")
        again = as_role(world, "precheck", REPLANK_COMMANDS="kept", REPLANK_RUN_COMMAND_ROLE=ROLE).guest
        with pytest.raises(Permanent) as refused:
            again.launch_script(REGION, LINUX, token="t4", **where)
        assert refused.value.code == "Command.RoleRefused"
        assert again.launch_script(REGION, LINUX, token="t5", kept=lambda: kept, **where)


def test_text_of_an_operator_has_a_role_of_its_own_in_a_member_account_too(tmp_path: Path) -> None:
    """With FreeCommands none the member's first role invokes kept commands only. The second role may do nothing else."""
    with World(templates=(member_accounts.template(tmp_path, [SHOP]),)).connected() as world:
        member_accounts.open_member(world.cloud, SHOP, free_commands="none")
        member_accounts.keep_commands(world.cloud, SHOP)
        world.load_fleet(fleet(instance(1, account=SHOP)))
        where: dict[str, Any] = {"os_type": "linux", "script": "true", "timeout_s": 60}
        kept = kept_probe("linux", "precheck", files=(), updates=False)

        def guest(**more: str) -> Any:
            entry = {"role": member_accounts.arn(SHOP), "externalId": member_accounts.EXTERNAL_ID, **more}
            given = {"REPLANK_COMMANDS": "kept", "REPLANK_ACCOUNTS": json.dumps({SHOP: entry})}
            return as_role(world, "precheck", **given).ports_for_account(SHOP).guest

        without, apart = guest(), guest(runCommandRole=member_accounts.run_command_arn(SHOP))
        assert without.launch_script(REGION, LINUX, token="t1", kept=lambda: kept, **where)
        with pytest.raises(AccountUnusable) as denied:
            without.launch_script(REGION, LINUX, token="t2", **where)
        assert denied.value.code == "Account.NoPermission"
        assert apart.launch_script(REGION, LINUX, token="t3", **where)
        assert apart.launch_script(REGION, LINUX, token="t4", kept=lambda: kept, **where)
        with world.cloud.lock, world.cloud.db.transaction():
            members.withdraw_role(world.cloud, SHOP, "replank-member-run-command", "role")
        with pytest.raises(Permanent) as refused:
            guest(runCommandRole=member_accounts.run_command_arn(SHOP)).launch_script(REGION, LINUX, token="t5", **where)
        assert refused.value.code == "Command.RoleRefused"
        assert "member.yml" in refused.value.remedy


def test_a_deployment_that_keeps_nothing_runs_the_script() -> None:
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(1)))
        assert one.calls(lambda: send(one, kept_probe("linux", "precheck", files=(), updates=False))) == ["RunCommand"]


def create_command(name: str, text: str) -> None:
    """Create a command as a person may, who is not bound to Replank's scripts."""
    script = next(each for each in kept_scripts(all_recipes(CATALOG)) if each.name == name)
    _create_command(OperatorAccount.from_environment(), REGION, replace(script, content=text, source=script.source))


def delete_commands(name: str) -> None:
    client = OperatorAccount.from_environment().openapi_client("ECS")
    found = call_rpc(client, "DescribeCommands", VERSION, {"RegionId": REGION, "Name": name, "MaxResults": 50})
    for each in found["Commands"]["Command"]:
        call_rpc(client, "DeleteCommand", VERSION, {"RegionId": REGION, "CommandId": each["CommandId"]})


def change_script(one: Bench, name: str, text: str) -> None:
    """Change the script of a command, which keeps its id, as ModifyCommand does."""
    cloud = one.world.cloud
    with cloud.lock, cloud.db.transaction():
        store = service(cloud, "ecs").world.store
        (doc,) = [each for each in store.find("command", {}) if each["Name"] == name]
        digest = hashlib.sha256(text.encode()).hexdigest()
        cloud.db.put_blob(digest, text.encode())
        store.put("command", doc["CommandId"], {**doc, "sim": {**doc["sim"], "content": digest}})


@pytest.mark.parametrize("how", ["made again", "changed"])
def test_a_command_with_another_script_under_a_known_name_is_never_invoked(
    one: Bench, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    warned: list[str] = []
    monkeypatch.setattr("shared.adapters.guest._LOG.warning", lambda text, *about: warned.append(text % about))
    create_missing_commands(OperatorAccount.from_environment())
    call = kept_marker("linux", "look")
    hostile = "#!/bin/sh\necho '{{act}}{{marker}}'; touch /tmp/replank-hostile\n"
    if how == "made again":
        assert send(one, call)
        delete_commands(call.name)
        create_command(call.name, hostile)
    else:
        change_script(one, call.name, hostile)
    for _ in range(2):  # a process that knows the id of a deleted command lists the commands with its next call
        with pytest.raises(Transient) as refused:
            send(one, call, "rp-m1-y")
        assert refused.value.code == "Command.NotKept"
    assert f"the command {call.name}" in warned[0]
    assert one.ports.guest.commands_not_kept(REGION, lambda: (call.name,)) == (call.name,)
    assert one.ports.guest.unusable_commands(REGION, (call.name, "replank-kept-gone")) == UnusableCommands(
        ("replank-kept-gone",), (call.name,)
    )
    made = [each for each in create_missing_commands(OperatorAccount.from_environment()) if each.created]
    assert [(each.name, each.changed) for each in made] == [(call.name, True)]
    assert missing_commands(OperatorAccount.from_environment()) == []
    assert output(one, send(one, call, "rp-m1-y")).startswith(b"replank-look 1")
    assert one.ports.guest.unusable_commands(REGION, (call.name,)) == UnusableCommands((), ())


def test_a_run_goes_on_with_this_version_if_the_older_command_has_another_script(one: Bench) -> None:
    """The row stores the name of the older command. The name is proof of nothing; its digest is."""
    account = OperatorAccount.from_environment()
    create_missing_commands(account)
    tool = next(each for each in kept_scripts(all_recipes(CATALOG)) if each.key == "tool-linux")
    older = replace(tool, source=f"{tool.source}# older\n")
    _create_command(account, REGION, older)  # its script is that of this version, so it does not fit its name
    invocation = send(one, kept_tool("look", "m1-0-1", began_with=older.name))
    with one.world.cloud.lock:
        started = service(one.world.cloud, "ecs").world.store.get("invocation", invocation)
    assert started["CommandName"] == tool.name
