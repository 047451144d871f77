"""No command of others runs without a person's consent: what a notice may contain, and who may send one."""

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


def test_a_notice_that_finds_nothing_to_move_leaves_no_open_batch(world: World) -> None:
    """The batch stays as the record of the notice, and says why it has no migration. A person's own batch stays open."""
    submitted(world, "i-gone")
    for _ in range(2):
        world.send(NOTICE, {"releases": ["CentOS 7"], "instanceIds": ["i-gone"], "endOfSupport": "2024-06-30"})
        world.run(10)
    found = {each["origin"]: (each["state"], each["size"], each["problems"][0]["code"]) for each in world.batches()}
    assert found == {"notice": ("closed", 0, "Instance.NotFound"), "api": ("open", 0, "Instance.NotFound")}
    assert len(world.batches()) == 2


def test_the_deployment_decides_the_policy_of_what_a_notice_plans() -> None:
    with World(env={"REPLANK_NOTICE_POLICY": '{"driver": "console", "maxMoving": 3}'}).connected() as world:
        world.load_fleet(fleet(instance(1)))
        world.send(NOTICE, {"releases": ["CentOS 7"]})
        world.run(10)
        (batch,) = world.batches()
        assert (batch["policy"]["driver"], batch["policy"]["maxMoving"]) == ("console", 3)


def submitted(world: World, *ids: str, **policy: Any) -> str:
    return str(world.api.post("/batches", {"instanceIds": list(ids), "policy": policy})["batchId"])


def acknowledge(world: World, batch_id: str) -> None:
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})


MARK = 'echo "$(date +%s%N)" >>"$GUEST_ROOT/srv-checked"; echo OK'


@pytest.mark.parametrize("policy", [{"check": MARK}, {"files": ["/etc/shadow"]}])
def test_no_check_and_no_file_before_the_acknowledgement(world: World, policy: dict[str, Any]) -> None:
    before = world.disks("i-test0001")
    submitted(world, "i-test0001", **policy)
    world.run(90)
    assert world.states() == {"i-test0001": "ready"}
    assert world.disks("i-test0001") == before


def test_a_dry_run_runs_no_check(world: World) -> None:
    before = world.disks("i-test0001")
    world.api.post("/batches", {"instanceIds": ["i-test0001"], "dryRun": True, "policy": {"check": MARK}})
    world.run(20)
    assert world.states() == {"i-test0001": "cancelled"}
    assert world.disks("i-test0001") == before


@pytest.mark.parametrize("minutes", [0.5, *(pytest.param(each, marks=pytest.mark.long) for each in (1, 2, 10)), 60])
def test_the_baseline_has_the_check_whenever_the_acknowledgement_comes(world: World, minutes: float) -> None:
    """The acknowledgement comes during the precheck, right after it, or after the baseline has grown old. The last probe
    before the snapshot runs the check.
    """
    batch_id = submitted(world, "i-test0001", check="exit 4", files=["/etc/hostname"])
    world.run(minutes)
    world.run_until(lambda: world.batches()[0]["state"] == "open", minutes=10)
    acknowledge(world, batch_id)
    world.run_until(lambda: world.states()["i-test0001"] in ("migrated", "failed"), minutes=600)
    (found,) = world.migrations()
    assert found["state"] == "migrated", found["failure"]
    detail = world.api.get(f"/migrations/{found['migrationId']}")
    codes = {finding["code"] for finding in detail["findings"]}
    assert "Validation.CheckFailedBefore" in codes
    assert not codes & {"Validation.FilesUnknown", "Validation.CheckFailed"}


def test_a_second_hop_has_its_own_baseline_with_the_check(world: World) -> None:
    batch_id = submitted(world, "i-test0003", check="exit 4")
    world.run(10)
    acknowledge(world, batch_id)
    world.run_until(lambda: world.states()["i-test0003"] in ("migrated", "failed"), minutes=1200)
    (found,) = world.migrations()
    assert (found["state"], found["hop"]) == ("migrated", 1), found["failure"]


def test_a_rollback_is_proved_with_the_check_too(world: World) -> None:
    batch_id = submitted(world, "i-test0001", check="true", retentionDays=1)
    world.run(10)
    acknowledge(world, batch_id)
    world.run_until(lambda: world.states()["i-test0001"] == "migrated", minutes=600)
    (found,) = world.migrations()
    world.api.post(f"/migrations/{found['migrationId']}/rollback", {})
    world.run_until(lambda: world.states()["i-test0001"] == "rolled_back", minutes=200)
