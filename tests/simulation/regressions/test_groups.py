"""Redundancy groups through the API, the tick and the cloud: two members of one group never move at once."""

from __future__ import annotations

import os
from typing import Any

import pytest

from shared.runtime.composition import function_credentials, make_ports
from tests.simulation.regressions.test_limits_at_starts import TWO_HOPS, act, failing, lines, of, submitted, world
from tests.support.fleets import WINDOWS_2008, instance
from tests.support.ports import CloudClock, settings
from tests.support.world import World

GROUP: dict[str, Any] = {"group": {"tag": "serves"}, "maxMoving": 9, "failureBudget": 9}
ON_ITS_WAY = {"snapshotting", "snapshotted", "migrating", "restarting", "validating"}


def tagged(number: int, value: str = "shop", **more: Any) -> dict[str, Any]:
    return instance(number, **more, Tags={"Tag": [{"TagKey": "serves", "TagValue": value}]})


def stands(world: World, number: int) -> str:
    return str(of(world, number)["state"])


def most_at_once(world: World, *numbers: int, minutes: int = 600) -> int:
    """The largest number of these migrations in progress at one moment, until all have moved."""
    most = 0
    for _ in range(minutes):
        world.run(1)
        found = [stands(world, each) for each in numbers]
        most = max(most, sum(each in ON_ITS_WAY for each in found))
        if set(found) == {"migrated"}:
            return most
    raise AssertionError(found)


def test_of_a_group_one_moves_at_a_time_over_all_batches() -> None:
    with world(tagged(1), tagged(2), tagged(3, "bank")) as made:
        submitted(made, 1, policy=GROUP)
        submitted(made, 2, first=2, policy=GROUP)
        made.run_until(lambda: stands(made, 2) == "ready" and stands(made, 1) in ON_ITS_WAY, minutes=60)
        made.run(3)
        told = of(made, 2)["waitsFor"]
        assert of(made, 1)["migrationId"] in told
        assert "serves=shop" in told
        assert stands(made, 3) in ON_ITS_WAY, "another value of the tag is another group"
        assert most_at_once(made, 1, 2) == 1
        ports = make_ports("api", settings(), function_credentials(os.environ, None), CloudClock(made))
        assert ports.admission.group_lock_holders(["serves=shop", "serves=bank"]) == {}


@pytest.mark.parametrize("verb", ["confirmation", pytest.param("retry", marks=pytest.mark.long), "rollback"])
def test_one_that_failed_keeps_the_place_until_a_person_has_decided(verb: str) -> None:
    times = 1 if verb == "retry" else 9
    with world(tagged(1), tagged(2), guests=failing(1, times=times)) as made:
        submitted(made, 1, policy=GROUP)
        submitted(made, 1, first=2, policy=GROUP)
        made.run_until(lambda: stands(made, 1) == "failed", minutes=600)
        made.run(60)
        assert stands(made, 2) == "ready"
        assert "a person decides" in of(made, 2)["waitsFor"]
        act(made, 1, verb)
        if verb == "rollback":
            made.run_until(lambda: stands(made, 1) == "rolled_back", minutes=600)
            made.run(20)
            assert stands(made, 2) == "ready"
            act(made, 1, "confirmation")
        made.run_until(lambda: stands(made, 2) == "migrated", minutes=600)
        if verb == "retry":
            assert stands(made, 1) == "migrated"
            first, second = (next(each["at"] for each in lines(made, n) if each["to"] == to) for n, to in STEPS)
            assert first <= second


@pytest.mark.parametrize("post", ["true", "exit 5"])
@pytest.mark.parametrize("times", [pytest.param(0, marks=pytest.mark.long), 9])
def test_a_drained_member_gives_its_place_back_once_its_post_command_has_ended(times: int, post: str) -> None:
    """Whether its job or its post command failed: after the confirmation nothing blocks the group."""
    policy = {**GROUP, "commands": [{"pre": "true", "post": post, "instances": ["i-test0001"]}]}
    with world(tagged(1), tagged(2), guests=failing(1, times=times) if times else {}) as made:
        submitted(made, 1, policy=policy)
        submitted(made, 1, first=2, policy=GROUP)
        made.run_until(lambda: stands(made, 1) in ("failed", "migrated"), minutes=600)
        if stands(made, 1) == "failed":
            act(made, 1, "confirmation")
        made.run_until(lambda: stands(made, 2) == "migrated", minutes=600)


STEPS = ((1, "migrated"), (2, "snapshotting"))


def test_between_two_hops_the_place_is_kept() -> None:
    with world(tagged(1, names=WINDOWS_2008), tagged(2)) as made:
        submitted(made, 1, policy=GROUP, **TWO_HOPS)
        submitted(made, 1, first=2, policy=GROUP)
        made.run_until(lambda: stands(made, 1) == "migrated", minutes=900)
        assert of(made, 1)["hop"] == 1
        assert stands(made, 2) in {"ready", "snapshotting"}
        made.run_until(lambda: stands(made, 2) == "migrated", minutes=600)


def test_those_that_wait_for_a_member_take_no_turn_of_others() -> None:
    """There is one slot, and the first in the queue are members of a group with a failed migration."""
    with world(*(tagged(each) for each in range(1, 5)), instance(5), guests=failing(1)) as made:
        submitted(made, 1, policy=GROUP)
        made.run_until(lambda: stands(made, 1) == "failed", minutes=600)
        submitted(made, 4, first=2, policy={**GROUP, "maxMoving": 1})
        made.run_until(lambda: stands(made, 5) == "migrated", minutes=600)
        assert {stands(made, each) for each in (2, 3, 4)} == {"ready"}


def test_an_instance_without_the_tag_is_in_no_group_and_a_finding_says_so() -> None:
    with world(instance(1), instance(2), tagged(3)) as made:
        submitted(made, 3, policy=GROUP)
        made.run_until(lambda: all(stands(made, each) in ON_ITS_WAY for each in (1, 2, 3)), minutes=60)
        assert [each["code"] for each in of(made, 1)["findings"] if each["code"] == "Group.NoTag"] == ["Group.NoTag"]
        assert not [each for each in of(made, 3)["findings"] if each["code"] == "Group.NoTag"]
        assert [of(made, each)["group"] for each in (1, 3)] == ["", "serves=shop"]
