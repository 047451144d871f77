"""The commands that a batch runs in single guests: before the snapshots, and after the move or an end without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_pipeline import migrate, only, submit
from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.world import World

LOG = '"${GUEST_ROOT:-}/srv/log"'
PRE, POST = f"echo pre >>{LOG}; echo drained", f"echo post >>{LOG}; echo restored"


@pytest.fixture
def world() -> Iterator[World]:
    files = {"disks": [{"size_gib": 40, "mount": "/", "used_gib": 8.0, "files": {"srv/log": ""}}]}
    with World().connected() as connected:
        connected.load_fleet(fleet(instance(1), guests={"i-test0001": files}))
        yield connected


def lines(world: World) -> list[str]:
    """What the journal says of the commands."""
    found = world.api.get(f"/migrations/{only(world)['migrationId']}/journal")["lines"]
    return [each["reason"] for each in found if "command" in each["reason"]]


def ended(world: World, *rules: dict[str, Any], states: tuple[str, ...] = ("migrated", "failed")) -> dict[str, Any]:
    migrate(world, "i-test0001", policy={"commands": list(rules)})
    world.run_until(lambda: only(world)["state"] in states, minutes=8 * 60)
    return only(world)


def commands_sent(world: World) -> int:
    """Commands of the batch among those that the cloud has seen."""
    return sum("command runs as" in each for each in lines(world))


def test_the_pre_command_runs_before_the_snapshots_and_the_post_command_after_the_validation(world: World) -> None:
    found = ended(world, {"pre": PRE, "post": POST})
    assert found["state"] == "migrated", found["failure"]
    said = lines(world)
    assert [each for each in said if "runs as" not in each] == [
        "the pre command ended: exit code 0: drained",
        "the post command begins",
        "the post command ended: exit code 0: restored",
    ]
    journal = world.api.get(f"/migrations/{found['migrationId']}/journal")["lines"]
    reasons = [each["reason"] for each in journal]
    assert reasons.index("the pre command ended: exit code 0: drained") < reasons.index("every disk has its snapshot")
    begun = next(each["at"] for each in journal if each["reason"].startswith("the pre command ended"))
    assert all(each["CreationTime"] >= begun[:16] for each in world.inventory()["snapshots"].values()), "none was made before"
    assert world.api.get(f"/migrations/{found['migrationId']}")["command"] == "the post command ended: exit code 0: restored"


def test_a_failing_pre_command_moves_nothing_and_is_undone(world: World) -> None:
    rule = {"pre": f"echo pre >>{LOG}; echo 'password=hunter2 no such pool'; exit 3", "post": POST}
    found = ended(world, rule)
    assert (found["state"], found["failure"]["code"]) == ("failed", "Command.PreFailed")
    assert "exit code 3: password=*** no such pool" in found["failure"]["message"]
    assert not world.inventory()["snapshots"]
    world.run(10)
    assert lines(world)[-1] == "the post command ended: exit code 0: restored"
    assert only(world)["state"] == "failed"


def test_a_failed_migration_is_tried_again_from_the_pre_command(world: World) -> None:
    flag = '"${GUEST_ROOT:-}/srv/flag"'
    found = ended(world, {"pre": f"test -e {flag} || {{ touch {flag}; exit 1; }}", "post": POST})
    assert found["failure"]["code"] == "Command.PreFailed"
    world.run(10)
    world.api.post(f"/migrations/{found['migrationId']}/retry", {})
    world.run_until(lambda: only(world)["state"] in ("migrated", "failed"), minutes=8 * 60)
    assert only(world)["state"] == "migrated", only(world)["failure"]
    assert commands_sent(world) == 4, lines(world)


def test_a_pre_command_that_takes_too_long_fails(world: World) -> None:
    found = ended(world, {"pre": "sleep 60", "preTimeoutSec": 10})
    assert found["failure"]["code"] == "Command.PreFailed"
    assert "longer than 10 seconds" in found["failure"]["message"]


def test_a_post_command_that_fails_leaves_the_migration_to_a_person(world: World) -> None:
    flag = '"${GUEST_ROOT:-}/srv/flag"'
    found = ended(world, {"pre": "true", "post": f"test -e {flag} || {{ touch {flag}; echo 'no pool'; exit 2; }}"})
    assert (found["state"], found["failure"]["code"]) == ("failed", "Command.PostFailed")
    assert "exit code 2: no pool" in found["failure"]["message"]
    world.api.post(f"/migrations/{found['migrationId']}/retry", {})
    world.run_until(lambda: only(world)["state"] in ("migrated", "failed"), minutes=8 * 60)
    assert only(world)["state"] == "migrated", only(world)["failure"]


def test_the_post_command_runs_after_a_rollback(world: World) -> None:
    found = ended(world, {"pre": PRE, "post": POST})
    world.api.post(f"/migrations/{found['migrationId']}/rollback", {})
    world.run_until(lambda: only(world)["state"] == "rolled_back", minutes=3 * 60)
    world.run(10)
    assert lines(world)[-1] == "the post command ended: exit code 0: restored"
    assert sum(each == "the post command begins" for each in lines(world)) == 2


def test_a_migration_that_is_cancelled_after_its_pre_command_is_put_back(world: World) -> None:
    world.cloud.faults.set([{"operation": "CreateSnapshot", "kind": "throttle", "times": -1}])
    migrate(world, "i-test0001", policy={"commands": [{"pre": PRE, "post": POST}]})
    world.run_until(lambda: any("pre command ended" in each for each in lines(world)), minutes=60)
    world.api.post(f"/migrations/{only(world)['migrationId']}/cancellation", {})
    world.run(10)
    assert only(world)["state"] == "cancelled"
    assert lines(world)[-1] == "the post command ended: exit code 0: restored"


def test_the_first_rule_that_fits_is_the_instances_own() -> None:
    rules = [
        {"instances": ["i-test0009"], "pre": "echo named"},
        {"tag": "role=db", "pre": "echo database"},
        {"pre": "echo others", "check": "exit 7"},
    ]
    tags = {"Tag": [{"TagKey": "role", "TagValue": "db"}]}
    with World().connected() as world:
        world.load_fleet(fleet(instance(1, Tags=tags), instance(2), instance(9, WINDOWS_2008)))
        batch_id = submit(world, "i-test0001", "i-test0002", policy={"commands": rules, "maxMoving": 2})
        world.run(5)
        world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
        world.run_until(lambda: set(world.states().values()) <= {"migrated", "failed"}, minutes=8 * 60)
        by_id = {each["instanceId"]: world.api.get(f"/migrations/{each['migrationId']}") for each in world.migrations()}
        assert by_id["i-test0001"]["command"].endswith("exit code 0: database")
        codes = [finding["code"] for finding in by_id["i-test0002"]["findings"]]
        assert "Validation.CheckFailedBefore" in codes, "its own check ran"
        assert "Validation.CheckFailedBefore" not in [finding["code"] for finding in by_id["i-test0001"]["findings"]]


def test_nothing_of_a_batch_runs_in_a_dry_run_or_before_the_acknowledgement(world: World) -> None:
    submit(world, "i-test0001", policy={"commands": [{"pre": PRE, "post": POST}]})
    world.run(60)
    assert only(world)["state"] == "ready"
    assert not lines(world)
    submit(world, "i-test0001", policy={"commands": [{"pre": PRE, "post": POST}]}, dryRun=True)
    world.run(60)
    assert not any("command runs as" in line["reason"] for each in world.migrations() for line in journal(world, each))


def journal(world: World, found: dict[str, Any]) -> list[dict[str, Any]]:
    return list(world.api.get(f"/migrations/{found['migrationId']}/journal")["lines"])
