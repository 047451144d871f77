"""Windows by the guest driver, whole: the deployed functions with their own roles, Setup by facts, and the media disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.recipes.choose import shipped_recipes
from tests.support import media
from tests.support.fleets import WINDOWS_2012R2, WINDOWS_2016, fleet, instance
from tests.support.world import World

GOOD, REFUSED, BACK, OTHER = "i-test0001", "i-test0002", "i-test0003", "i-test0004"
TOOLS = {REFUSED: "scan=0xC1900208\napp=Antivirus 7\n", BACK: "fail=restart\n"}
PROVEN = ",".join(each.key for each in shipped_recipes() if each.for_windows)


@pytest.fixture
def world() -> Iterator[World]:
    with World(env={"REPLANK_GUEST_PROVEN": PROVEN, **media.SETTING}).connected() as made:
        media.put_media_snapshot(made.cloud)
        guests = {id: {"disks": [{"files": {".guest/tool": text}}]} for id, text in TOOLS.items()}
        systems = [WINDOWS_2012R2] * 3 + [WINDOWS_2016]
        made.load_fleet(fleet(*(instance(number, each) for number, each in enumerate(systems, 1)), guests=guests))
        yield made


def submit(world: World, *ids: str, **policy: Any) -> None:
    body = {"instanceIds": list(ids), "policy": {"driver": "guest", "retentionDays": 1, "failureBudget": 5, **policy}}
    batch_id = world.api.post("/batches", body)["batchId"]
    world.run_until(lambda: all(world.states().get(id) in ("ready", "precheck_failed") for id in ids), minutes=30)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})


def migration(world: World, instance_id: str) -> dict[str, Any]:
    (found,) = world.migrations(instanceId=instance_id)
    return dict(world.api.get(f"/migrations/{found['migrationId']}"))


def act(world: World, instance_id: str, verb: str) -> None:
    world.api.post(f"/migrations/{migration(world, instance_id)['migrationId']}/{verb}", {})


def test_instances_move_by_setup_and_no_media_disk_is_left(world: World) -> None:
    submit(world, GOOD, REFUSED, BACK, OTHER)
    settled = {"migrated", "failed"}
    world.run_until(lambda: set(world.states().values()) <= settled, minutes=12 * 60, every=5)
    assert world.states() == {GOOD: "migrated", REFUSED: "failed", BACK: "failed", OTHER: "migrated"}
    refused = migration(world, REFUSED)["failure"]
    assert (refused["code"], refused["stage"]) == ("Tool.Inhibited", "migrate")
    assert "An application blocks the upgrade" in refused["message"]
    assert migration(world, BACK)["failure"]["code"] == "Tool.NotReplaced"
    world.run(60)
    assert media.media_disks(world.cloud) == []
    act(world, BACK, "rollback")
    act(world, REFUSED, "cancellation")
    act(world, GOOD, "confirmation")
    world.run_until(lambda: world.states()[BACK] == "rolled_back", minutes=3 * 60)
    world.run_until(lambda: world.states()[GOOD] == "completed", minutes=80 * 60, every=60, sparsely=True)
    assert world.states() == {GOOD: "completed", REFUSED: "cancelled", BACK: "rolled_back", OTHER: "migrated"}
    assert media.media_disks(world.cloud) == []


def test_a_deployment_without_media_refuses_and_names_the_setting() -> None:
    with World(env={"REPLANK_GUEST_PROVEN": PROVEN}).connected() as world:
        world.load_fleet(fleet(instance(1, WINDOWS_2012R2)))
        world.api.post("/batches", {"instanceIds": [GOOD], "policy": {"driver": "guest"}})
        world.run_until(lambda: world.states().get(GOOD) == "precheck_failed", minutes=30)
        failure = migration(world, GOOD)["failure"]
        assert failure["code"] == "Driver.SettingMissing"
        assert "REPLANK_WINDOWS_MEDIA" in failure["message"]
        assert "cn-hangzhou" in failure["message"]
