"""Migrations by the guest driver through the whole product: completed, refused by the tool, failed, and rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.regressions.test_rollback import ID, act, migration, reach
from tests.support.fleets import CENTOS_7, RHEL_8, fleet, instance
from tests.support.world import World

PROVEN = {"REPLANK_GUEST_PROVEN": "rhel-8-to-rhel-9,centos-7-to-rhel-7"}
TO = {RHEL_8: "rhel-9", CENTOS_7: "rhel-7"}


@pytest.fixture
def world() -> Iterator[World]:
    with World(env=PROVEN).connected() as connected:
        yield connected


def begin(world: World, names: tuple[str, str, str], tool: str = "", destination: str = "", **policy: Any) -> None:
    guests = {ID: {"disks": [{"files": {".guest/tool": tool, "etc/yum.repos.d/base.repo": REPO}}]}}
    world.load_fleet(fleet(instance(1, names), guests=guests))
    chosen = {"driver": "guest", "retentionDays": 1, "allowEndOfLife": True, **policy}
    wanted = {"instanceIds": [ID], "destination": destination or TO[names], "policy": chosen}
    batch_id = str(world.api.post("/batches", wanted)["batchId"])
    world.run(20)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})


REPO = "[base]\nname=base\nbaseurl=http://mirrors.cloud.aliyuncs.com/centos\n"


@pytest.mark.parametrize("names", [RHEL_8, pytest.param(CENTOS_7, marks=pytest.mark.long)], ids=["leapp", "convert2rhel"])
def test_a_system_is_replaced_by_the_distributions_own_tool(world: World, names: tuple[str, str, str]) -> None:
    begin(world, names)
    done = reach(world, "migrated", "failed", "precheck_failed")
    assert done["state"] == "migrated", done
    assert not world.inventory()["jobs"], "SMC has no part in it"
    assert done["restarts"] >= (2 if names is RHEL_8 else 1)
    act(world, "confirmation")
    world.run_until(lambda: migration(world)["state"] == "completed", minutes=72 * 60, every=60, sparsely=True)


def test_what_the_tools_own_precheck_refuses_has_moved_nothing_and_can_be_cancelled(world: World) -> None:
    begin(world, RHEL_8, "inhibit=An agent that the new system lacks\n")
    before = world.disks(ID)
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "Tool.Inhibited")
    assert failed["failure"]["remedy"] == "Correct this: An agent that the new system lacks"
    assert not failed.get("smcRollback")
    act(world, "cancellation")
    world.run(10)
    assert migration(world)["state"] == "cancelled"
    assert world.disks(ID).keys() == before.keys()
    assert "replank-tool" not in files(world), "what was installed is removed"


def test_a_tool_that_fails_in_the_middle_is_rolled_back_byte_for_byte(world: World) -> None:
    begin(world, CENTOS_7, "fail=middle\n")
    reach(world, "snapshotted", "migrating")
    kept = contents(world)
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "Tool.Failed")
    assert failed["failure"]["remedy"].startswith("Roll back")
    assert world.disks(ID) != kept
    assert "etc/half-converted" in files(world)
    assert "the transaction was aborted" in failed["toolLog"]["text"]
    act(world, "rollback")
    back = reach(world, "rolled_back", "failed")
    assert back["state"] == "rolled_back"
    assert world.disks(ID) == kept
    assert "etc/half-converted" not in files(world)
    assert back["toolLog"] == failed["toolLog"], "the rollback took the log from the disk, not from the row"
    assert back["toolLog"]["attempt"] == 1


def test_a_tool_that_failed_before_the_point_of_no_return_can_be_tried_again(world: World) -> None:
    begin(world, RHEL_8, "fail=upgrade\n")
    failed = reach(world, "failed", "migrated")
    assert failed["failure"]["code"] == "Tool.DiskFull"
    write(world, 'rm -f "$GUEST_ROOT/.guest/tool"')
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_what_an_earlier_try_left_in_the_snapshots_goes_when_the_rollback_is_accepted(world: World) -> None:
    begin(world, RHEL_8, "inhibit=An agent that the new system lacks\n")
    reach(world, "failed", "migrated")
    write(world, 'rm -f "$GUEST_ROOT/.guest/tool"')
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"
    act(world, "rollback")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    world.run(20)
    assert "replank-tool" in files(world), "every disk is as its snapshot"
    act(world, "confirmation")
    world.run(20)
    assert "replank-tool" not in files(world)


def test_a_licence_that_comes_too_late_is_named_in_the_remedy_and_the_retry_finds_it(world: World) -> None:
    begin(world, CENTOS_7, "licence=no\n")
    reach(world, "snapshotted", "failed")
    world.run(30)
    assert migration(world)["waitsFor"].startswith("a person: buy a Red Hat Enterprise Linux 7 licence")
    failed = reach(world, "failed", "migrated", sparsely=True)
    assert failed["failure"]["code"] == "Driver.PrepareTimedOut"
    assert failed["failure"]["remedy"].startswith("Buy a Red Hat Enterprise Linux 7 licence")
    assert "403 - Forbidden" in failed["toolLog"]["text"]
    write(world, 'rm -f "$GUEST_ROOT/.guest/tool"')
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_a_system_that_comes_back_unchanged_from_the_restart_has_failed_and_is_rolled_back(world: World) -> None:
    begin(world, RHEL_8, "fail=restart\n")
    failed = reach(world, "failed", "migrated", hours=24)
    assert failed["failure"]["code"] == "Tool.NotReplaced"
    act(world, "rollback")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"


def test_to_alibaba_cloud_linux_3_it_refuses_in_the_precheck(world: World) -> None:
    begin(world, CENTOS_7, destination="alinux-3")
    refused = migration(world)
    assert (refused["state"], refused["failure"]["code"]) == ("precheck_failed", "Route.NotFollowed")
    assert "console" in refused["failure"]["remedy"]


def test_without_a_proven_recipe_nothing_is_begun() -> None:
    with World(env={"REPLANK_GUEST_PROVEN": ""}).connected() as plain:
        with pytest.raises(Problem) as refused:
            begin(plain, RHEL_8)
        assert refused.value.code == "Driver.SettingMissing"


def write(world: World, script: str) -> None:
    """A person runs a command in the guest."""
    from alibabacloud_ecs20140526 import models

    from tests.simulation.regressions.test_rollback import ecs

    ecs(world).run_command(
        models.RunCommandRequest(region_id="cn-hangzhou", instance_id=[ID], type="RunShellScript", command_content=script)
    )
    world.run(1)


def files(world: World) -> str:
    """The names of the system disk's files."""
    from localcloud.ecs.guest.blob import unpack

    digest = next(iter(world.disks(ID).values()))
    return "\n".join(unpack(world.cloud.db.blob(digest)))


def contents(world: World) -> dict[str, str]:
    """The digest of each disk's newest snapshot, by disk."""
    from localcloud.account import service

    made = service(world.cloud, "ecs").world.store.find("snapshot", {"instance": ID})
    return {each["SourceDiskId"]: each["sim"]["blob"] for each in made}
