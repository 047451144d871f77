"""Kept commands that an account lacks: a precheck refuses, and a migration under way says what it waits for and goes on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from cli.kept_commands import VERSION, create_missing_commands
from cli.sdk_account import OperatorAccount, call_rpc
from tests.simulation.regressions.test_rollback import ID, act, migration, reach
from tests.support.fleets import RHEL_8, fleet, instance
from tests.support.world import World

KEPT = {"REPLANK_COMMANDS": "kept", "REPLANK_GUEST_PROVEN": "rhel-8-to-rhel-9"}
REGION = "cn-hangzhou"


@pytest.fixture
def world() -> Iterator[World]:
    with World(env=KEPT).connected() as connected:
        yield connected


def begin(world: World, region: str = REGION) -> None:
    world.load_fleet(fleet(instance(1, RHEL_8, RegionId=region)))
    policy = {"driver": "guest", "retentionDays": 1, "allowEndOfLife": True}
    wanted = {"instanceIds": [ID], "regionIds": [region], "destination": "rhel-9", "policy": policy}
    batch_id = str(world.api.post("/batches", wanted)["batchId"])
    world.run(20)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})


def kept(region: str = REGION) -> list[dict[str, Any]]:
    client = OperatorAccount.from_environment().openapi_client("ECS")
    query = {"RegionId": region, "MaxResults": 50}
    return list(call_rpc(client, "DescribeCommands", VERSION, query)["Commands"]["Command"])


def delete(name: str) -> None:
    """A person deletes the commands whose names contain this word."""
    client = OperatorAccount.from_environment().openapi_client("ECS")
    for each in kept():
        if name in each["Name"]:
            call_rpc(client, "DeleteCommand", VERSION, {"RegionId": REGION, "CommandId": each["CommandId"]})


def make_again() -> None:
    create_missing_commands(OperatorAccount.from_environment())


def test_a_batch_in_a_region_without_commands_is_refused_in_the_precheck(world: World) -> None:
    """REPLANK_REGIONS did not name the region when the commands were created."""
    begin(world, "cn-beijing")
    refused = migration(world)
    assert (refused["state"], refused["failure"]["code"]) == ("precheck_failed", "Command.NotKept")
    assert "REPLANK_REGIONS=cn-beijing" in refused["failure"]["remedy"]
    assert f"account {world.cloud.account_id}" in refused["failure"]["remedy"]
    assert "begin-rhel-8-to-rhel-9" not in refused["failure"]["remedy"]


def test_a_missing_beginning_of_the_guest_driver_is_found_before_anything_is_changed(world: World) -> None:
    delete("begin-rhel-8-to-rhel-9")
    begin(world)
    refused = migration(world)
    assert (refused["state"], refused["failure"]["code"]) == ("precheck_failed", "Command.NotKept")
    assert "begin-rhel-8-to-rhel-9" in refused["failure"]["message"]
    make_again()
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_the_end_of_a_kept_command_wakes_its_stage_as_with_run_command() -> None:
    """The tick comes once a minute. With the event both ways take the same time."""
    took = [times_of_probes({**KEPT, "REPLANK_COMMANDS": way}) for way in ("run", "kept")]
    assert took[0] == took[1]
    assert max(took[1]) < 30


def times_of_probes(env: dict[str, str]) -> list[float]:
    """The seconds from each probe until its stage read the answer: of the precheck, the tool's beginning, and the validation."""
    with World(env=env).connected() as world:
        begin(world)
        assert reach(world, "migrated", "failed")["state"] == "migrated"
        journal = world.api.get(f"/migrations/{migration(world)['migrationId']}/journal")["lines"]
        found = []
        for before, after in itertools.pairwise(journal):
            if "probe sent" in before["reason"]:
                found.append((datetime.fromisoformat(after["at"]) - datetime.fromisoformat(before["at"])).total_seconds())
        return found


BEFORE = {"validating": "restarting"}
"""The state in which a person deletes the commands. In the state itself the probe would be sent at once."""
REMEDY = "Run `replank bootstrap --commands` with REPLANK_REGIONS=cn-hangzhou"


@pytest.mark.parametrize("state", ["snapshotted", "migrating", pytest.param("validating", marks=pytest.mark.long)])
def test_a_command_deleted_in_the_middle_is_waited_for_in_plain_words(world: World, state: str) -> None:
    begin(world)
    reach_exactly(world, BEFORE.get(state, state))
    delete("kept")
    world.run_until(lambda: migration(world)["waitsFor"].startswith(f"a person: {REMEDY}"), minutes=40, every=1)
    assert migration(world)["state"] == state
    make_again()
    world.run(3)
    assert "bootstrap" not in migration(world)["waitsFor"], "it is said no longer"
    assert reach(world, "migrated", "failed")["state"] == "migrated"


@pytest.mark.parametrize("state", ["snapshotted", pytest.param("validating", marks=pytest.mark.long)])
def test_a_command_that_stays_missing_ends_in_a_failure_that_names_the_remedy(world: World, state: str) -> None:
    begin(world)
    reach_exactly(world, BEFORE.get(state, state))
    delete("kept")
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "Command.MissingTooLong")
    assert failed["failure"]["remedy"].startswith(REMEDY)
    make_again()
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def reach_exactly(world: World, state: str) -> None:
    """Run in small steps until the migration is in the state."""
    for _ in range(20_000):
        if migration(world)["state"] == state:
            return
        world.run(0.05)
    raise AssertionError(f"never {state}: {migration(world)}")
