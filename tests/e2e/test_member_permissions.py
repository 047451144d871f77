"""Every permission of member.yml is used by the life of five instances and by ``replank doctor``, if commands are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import run_all_checks
from tests.support import media, members
from tests.support.fleets import WINDOWS_2008, WINDOWS_2012R2, fleet, instance
from tests.support.world import World
from tools.deployed.product import URL

SHOP = "1000000000000001"
HANGING, GOOD, WINDOWS, DATA, SETUP = "i-test0001", "i-test0002", "i-test0003", "i-test0004", "i-test0005"
SYNCING = {
    "service": "smc",
    "operation": "job_step",
    "kind": "stick",
    "times": 1,
    "delay_ms": 9 * 3_600_000,
    "match": '"step": "sync"',
}
AUTOMATIC = {"sp-1": {"TimePoints": "[20]", "RepeatWeekdays": "[7]"}}
"""An automatic snapshot policy that is due on Sundays only."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REPLANK_FC_ENDPOINT", URL)
    proven = "windows-2012r2-datacenter-to-windows-2019-datacenter"
    env = {**members.settings([SHOP]), "REPLANK_COMMANDS": "kept", "REPLANK_GUEST_PROVEN": proven, **media.SETTING}
    made = World(env=env, templates=(members.template(tmp_path, [SHOP]),))
    members.open_member(made.cloud, SHOP)
    members.keep_commands(made.cloud, SHOP)
    media.put_media_snapshot(made.cloud, SHOP)
    with made.connected():
        yield made


def submit(world: World, instance_id: str, driver: str = "smc") -> None:
    policy = {"retentionDays": 1, "driver": driver}
    body: dict[str, Any] = {"instanceIds": [instance_id], "accountIds": [SHOP], "policy": policy}
    batch_id = world.api.post("/batches", body)["batchId"]
    world.run_until(lambda: world.states().get(instance_id) in ("ready", "precheck_failed"), minutes=30)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})


def reach(world: World, instance_id: str, state: str, hours: int = 12) -> str:
    world.run_until(lambda: world.states()[instance_id] == state, minutes=hours * 60, every=15)
    (found,) = world.migrations(instanceId=instance_id)
    return str(found["migrationId"])


def act(world: World, migration_id: str, name: str) -> None:
    world.api.post(f"/migrations/{migration_id}/{name}", {})


def told_by_doctor() -> str:
    (found,) = [each.seen for each in run_all_checks() if each.name == "member accounts"]
    return found


def test_a_member_grants_nothing_that_is_never_used(world: World) -> None:
    disks = [{"size_gib": 40, "mount": "/", "used_gib": 8.0, "auto_snapshot_policy": "sp-1"}, {"size_gib": 20, "mount": "/data"}]
    world.load_fleet(
        fleet(
            instance(1, account=SHOP),
            instance(2, account=SHOP),
            instance(3, WINDOWS_2008, account=SHOP, InstanceType="ecs.g6.large"),
            instance(4, account=SHOP),
            instance(5, WINDOWS_2012R2, account=SHOP),
            guests={DATA: {"disks": disks}},
            faults={"auto_snapshot_policies": AUTOMATIC},
        )
    )
    world.cloud.faults.set([SYNCING])
    submit(world, HANGING)
    act(world, reach(world, HANGING, "failed"), "rollback")
    reach(world, HANGING, "rolled_back")
    for each in (GOOD, WINDOWS, DATA, SETUP):
        submit(world, each, "guest" if each == SETUP else "smc")
        act(world, reach(world, each, "migrated"), "confirmation")
    world.run_until(lambda: world.states()[DATA] == "completed", minutes=80 * 60, every=60, sparsely=True)
    assert media.media_disks(world.cloud, SHOP) == []
    assert told_by_doctor() == f"each role can be assumed: {SHOP}"
    assert members.unused(world.cloud, SHOP) == []


def test_doctor_says_which_role_cannot_be_assumed_until_it_is_back(world: World) -> None:
    assert told_by_doctor() == f"each role can be assumed: {SHOP}"
    members.withdraw(world.cloud, SHOP, "trust")
    world.run(2)  # doctor asks with a session of its own each minute
    assert members.arn(SHOP) in told_by_doctor()
    members.withdraw(world.cloud, SHOP, "")
    world.run(2)
    assert told_by_doctor() == f"each role can be assumed: {SHOP}"
