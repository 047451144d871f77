"""The end of a command in a guest wakes its stage at once. If that event is lost, the tick wakes the stage within two minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain import events
from tests.support.fleets import fleet, instance
from tests.support.ports import without_timers
from tests.support.world import World

INSTANCE = "i-test0001"


@pytest.fixture
def world() -> Iterator[World]:
    with World(env={"REPLANK_LOG_LEVEL": "ERROR"}).connected() as connected:
        connected.load_fleet(fleet(instance(1)))
        yield connected


def submitted(world: World) -> str:
    return str(world.api.post("/batches", {"instanceIds": [INSTANCE]})["batchId"])


def acknowledged(world: World, batch: str) -> None:
    risks = world.api.get("/risks")["version"]
    seen = world.api.get(f"/batches/{batch}")["version"]
    world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": risks}, seen=seen)


def states_so_far(world: World) -> list[str]:
    (made,) = world.migrations()
    return [line["to"] for line in world.api.get(f"/migrations/{made['migrationId']}/journal")["lines"]]


def test_a_precheck_and_an_import_need_no_tick(world: World) -> None:
    without_timers(world)
    batch = submitted(world)
    world.run(0.5)
    assert world.states() == {INSTANCE: "ready"}
    acknowledged(world, batch)
    world.run(10)
    assert world.states() == {INSTANCE: "migrating"}


def test_an_outdated_precheck_is_repeated_without_a_tick(world: World) -> None:
    without_timers(world)
    batch = submitted(world)
    world.run(45)
    acknowledged(world, batch)
    world.run(0.5)
    assert states_so_far(world)[-5:] == ["ready", "accepted", "prechecking", "ready", "snapshotting"]
    (told,) = world.events(events.PRECHECK_OUTDATED)
    assert told["data"]["reason"] == "the precheck is out of date"


def test_lost_events_cost_only_minutes(world: World) -> None:
    def plan(event: dict[str, Any], rule: str, target: str) -> list[int]:
        return [] if event["type"] == events.COMMAND_ENDED else [0]

    world.cloud.hooks.plan_delivery = plan
    batch = submitted(world)
    world.run(3)
    assert world.states() == {INSTANCE: "ready"}
    acknowledged(world, batch)
    world.run(12)
    assert world.states() == {INSTANCE: "migrating"}


def test_repeated_events_change_nothing(world: World) -> None:
    world.cloud.hooks.plan_delivery = lambda event, rule, target: [0, 0, 500, 40_000]
    batch = submitted(world)
    world.run(3)
    acknowledged(world, batch)
    world.run(60)
    assert world.states() == {INSTANCE: "migrated"}
    once = [state for state in states_so_far(world) if state in ("snapshotting", "migrating", "restarting", "migrated")]
    assert once.count("snapshotting") == once.count("restarting") == once.count("migrated") == 1
