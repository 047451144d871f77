"""Nothing foreign runs without a person: what a notice may say, and who may send one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.world import World

NOTICE = "replank:OperatingSystem:EndOfLife"


@pytest.fixture
def world() -> Iterator[World]:
    with World().connected() as connected:
        connected.load_fleet(fleet(instance(1), instance(2), instance(3, WINDOWS_2008)))
        yield connected


def commands(world: World) -> int:
    return sum(record.operation == "RunCommand" for record in world.cloud.calls.newest)


@pytest.mark.parametrize(
    "more",
    [
        {"policy": {"check": "id > $GUEST_ROOT/etc/owned"}},
        {"policy": {"files": ["/etc/shadow"]}},
        {"policy": {"allowEndOfLife": True, "allowListed": True}},
        {"policy": {"overrides": {"Guest.I686Packages": "never mind"}}},
        {"policy": {"maxMoving": 1000}},
        {"policy": {}},
        {"destination": "anolis-8"},
        {"check": "id"},
    ],
)
def test_a_notice_that_says_what_to_do_makes_no_batch(world: World, more: dict[str, Any]) -> None:
    before = world.disks("i-test0001")
    world.send(NOTICE, {"releases": ["CentOS 7"], **more})
    world.run(10)
    assert (world.batches(), commands(world)) == ([], 0)
    assert world.disks("i-test0001") == before


def test_a_notice_from_a_source_that_nobody_named_makes_no_batch(world: World) -> None:
    world.send(NOTICE, {"releases": ["CentOS 7"]}, source="anybody")
    world.send(NOTICE, {"releases": ["CentOS 7"]}, source="acs.test.evil", event_id="e2")
    world.run(10)
    assert (world.batches(), commands(world)) == ([], 0)
    world.send(NOTICE, {"releases": ["CentOS 7"]}, source="acs.test")
    world.run(10)
    assert set(world.states()) == {"i-test0001", "i-test0002"}


def test_a_notice_that_names_instances_means_only_those_of_its_releases(world: World) -> None:
    data = {"releases": ["CentOS 7"], "instanceIds": ["i-test0002", "i-test0003", "i-gone"], "endOfSupport": "2024-06-30"}
    world.send(NOTICE, data)
    world.run(10)
    assert set(world.states()) == {"i-test0002"}
    (batch,) = world.batches()
    assert [problem["code"] for problem in batch["problems"]] == ["Instance.NotFound"]


def test_the_deployment_decides_the_policy_of_what_a_notice_plans() -> None:
    with World(env={"REPLANK_NOTICE_POLICY": '{"driver": "console", "maxMoving": 3}'}).connected() as world:
        world.load_fleet(fleet(instance(1)))
        world.send(NOTICE, {"releases": ["CentOS 7"]})
        world.run(10)
        (batch,) = world.batches()
        assert (batch["policy"]["driver"], batch["policy"]["maxMoving"]) == ("console", 3)
