"""Deletion protection, whole: on while an instance moves, and afterwards as it was, whichever way the migration ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.account import service
from localcloud.core.errors import ApiError
from tests.support.fleets import fleet, instance
from tests.support.world import World

PLAIN, OWN = "i-test0001", "i-test0002"
"""An instance without protection, and one whose owner has protected it."""


@pytest.fixture
def world() -> Iterator[World]:
    with World().connected() as connected:
        connected.load_fleet(fleet(instance(1), instance(2, DeletionProtection=True)))
        body = {"instanceIds": [PLAIN, OWN], "policy": {"retentionDays": 1}}
        batch_id = connected.api.post("/batches", body)["batchId"]
        connected.run_until(lambda: set(connected.states().values()) == {"ready"}, minutes=30)
        version = connected.api.get("/risks")["version"]
        connected.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version})
        yield connected


def protected(world: World) -> dict[str, bool]:
    found = service(world.cloud, "ecs").world.store.find("instance", {})
    return {each["InstanceId"]: each["DeletionProtection"] for each in found}


def act(world: World, verb: str) -> None:
    for each in world.migrations():
        world.api.post(f"/migrations/{each['migrationId']}/{verb}", {})


def release(world: World, instance_id: str) -> Any:
    """Release the instance by hand, as its owner may."""
    with world.cloud.lock, world.cloud.db.transaction():
        operations: Any = service(world.cloud, "ecs").operations
        return operations["DeleteInstance"].perform({"InstanceId": instance_id, "Force": True})


def test_nobody_releases_an_instance_while_it_moves(world: World) -> None:
    world.run_until(lambda: set(world.states().values()) == {"snapshotting"}, minutes=60)
    assert protected(world) == {PLAIN: True, OWN: True}
    with pytest.raises(ApiError) as refused:
        release(world, PLAIN)
    assert refused.value.code == "InvalidOperation.DeletionProtection"
    world.run_until(lambda: set(world.states().values()) == {"migrated"}, minutes=8 * 60)
    assert protected(world) == {PLAIN: False, OWN: True}
    act(world, "rollback")
    world.run_until(lambda: set(world.states().values()) == {"rolled_back"}, minutes=3 * 60)
    assert protected(world) == {PLAIN: False, OWN: True}


def test_a_cancellation_puts_it_back_within_minutes(world: World) -> None:
    world.run_until(lambda: set(world.states().values()) == {"snapshotting"}, minutes=60)
    assert protected(world) == {PLAIN: True, OWN: True}
    act(world, "cancellation")
    world.run(15)
    assert protected(world) == {PLAIN: False, OWN: True}
    assert not [each for each in world.migrations() if each["state"] != "cancelled"]
