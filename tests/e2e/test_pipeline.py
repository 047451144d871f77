"""The main job, whole: from a notice or a batch to swept snapshots, on the real SDKs against the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest

from cli.problem import Problem
from shared.stages import migrate as migrate_stage
from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.world import World

DAY = 24 * 60


@pytest.fixture
def world() -> Iterator[World]:
    with World(env={"REPLANK_MORE_REGIONS": "cn-atlantis"}).connected() as connected:
        yield connected


def submit(world: World, *ids: str, **more: Any) -> str:
    body = {"instanceIds": list(ids), "policy": {"retentionDays": 1, **more.pop("policy", {})}, **more}
    return str(world.api.post("/batches", body)["batchId"])


def acknowledge(world: World, batch_id: str) -> None:
    version = world.api.get("/risks")["version"]
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version})


def migrate(world: World, *ids: str, **more: Any) -> str:
    """Submit, wait for the prechecks, acknowledge."""
    batch_id = submit(world, *ids, **more)
    world.run_until(
        lambda: len(world.states()) == len(ids) and set(world.states().values()) <= {"ready", "precheck_failed"}, minutes=30
    )
    acknowledge(world, batch_id)
    return batch_id


def only(world: World) -> dict[str, Any]:
    (migration,) = world.migrations()
    return migration


def test_a_notice_plans_and_touches_nothing_until_a_person_acknowledges(world: World) -> None:
    world.load_fleet(fleet(instance(1), instance(2)))
    world.send("replank:OperatingSystem:EndOfLife", {"releases": ["CentOS 7"]})
    world.run(6 * 60)
    assert set(world.states().values()) == {"ready"}
    acting = {"CreateSnapshot", "CreateReplicationJob", "StartReplicationJob", "StopInstance", "ResetDisk", "DeleteSnapshot"}
    acting.add("ModifyInstanceAttribute")
    assert not acting & {record.operation for record in world.cloud.calls.newest}


def test_one_instance_goes_all_the_way(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    migrate(world, "i-test0001")
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)
    assert world.api.get(f"/migrations/{only(world)['migrationId']}")["restarts"] >= 2, "restarts are told by ECS's events"
    world.api.post(f"/migrations/{only(world)['migrationId']}/confirmation", {})
    world.run_until(lambda: only(world)["state"] == "completed", minutes=3 * DAY, every=60, sparsely=True)
    inventory = world.inventory()
    assert inventory["snapshots"] == {}
    assert inventory["jobs"] == inventory["sources"] == inventory["access_tokens"] == {}
    assert not world.failures()


def test_a_chain_of_two_hops_is_one_migration(world: World) -> None:
    world.load_fleet(fleet(instance(1, WINDOWS_2008)))
    migrate(world, "i-test0001", destination="windows-2019-datacenter")
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=16 * 60)
    detail = world.api.get(f"/migrations/{only(world)['migrationId']}")
    assert [hop["destination"] for hop in detail["route"]] == ["windows-2012r2-datacenter", "windows-2019-datacenter"]


def test_a_failed_job_is_retried_and_succeeds(world: World) -> None:
    guests = {"i-test0001": {"smc": {"fail_attempts": 1, "cause": "The kernel package could not be replaced."}}}
    world.load_fleet(fleet(instance(1), guests=guests))
    migrate(world, "i-test0001")
    world.run_until(lambda: only(world)["state"] == "failed", minutes=8 * 60)
    assert "kernel package" in only(world)["failure"]["message"]
    world.api.post(f"/migrations/{only(world)['migrationId']}/retry", {})
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)
    assert only(world)["attempt"] == 2


def test_a_rollback_brings_the_data_back_byte_for_byte(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    before = world.disks("i-test0001")
    migrate(world, "i-test0001")
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)
    assert world.disks("i-test0001") != before
    world.api.post(f"/migrations/{only(world)['migrationId']}/rollback", {})
    world.run_until(lambda: only(world)["state"] == "rolled_back", minutes=3 * 60)
    assert world.disks("i-test0001") == before
    held = len(world.inventory()["snapshots"])
    world.run_sparsely(DAY + 120)
    assert len(world.inventory()["snapshots"]) == held > 0, "kept until somebody releases them"


def test_the_console_driver_waits_and_follows_a_job_started_outside(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    migrate(world, "i-test0001", policy={"driver": "console"})
    world.run_until(lambda: only(world)["state"] == "snapshotted", minutes=3 * 60)
    world.run_sparsely(10 * 60)
    assert only(world)["state"] == "snapshotted", "it waits for a person"
    (waiting,) = world.migrations()
    told = world.api.get(f"/migrations/{waiting['migrationId']}")["waitsFor"]
    assert told.startswith("a person: In the ECS console choose i-test0001, then Operating system migration")
    world.start_job_in_the_console("i-test0001", "Alibaba Cloud Linux 3")
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)


def test_limits_hold_while_many_want_to_move(world: World) -> None:
    count = 6
    world.load_fleet(fleet(*[instance(number) for number in range(1, count + 1)]))
    ids = [f"i-test{number:04d}" for number in range(1, count + 1)]
    migrate(world, *ids, policy={"maxMoving": 2})
    moving = {"snapshotting", "snapshotted", "migrating", "restarting", "validating"}
    most = 0
    while set(world.states().values()) != {"migrated"}:
        most = max(most, sum(state in moving for state in world.states().values()))
        world.run(5)
        assert world.minutes < 3 * DAY, world.summary()
    assert most == 2


def test_a_driver_whose_settings_are_missing_is_refused_before_anything_begins() -> None:
    with World(env={"REPLANK_SMC_TARGET_VALUES": ""}).connected() as world:
        world.load_fleet(fleet(instance(1)))
        with pytest.raises(Problem) as caught:
            submit(world, "i-test0001")
        assert caught.value.code == "Driver.SettingMissing"
        assert "REPLANK_SMC_TARGET_VALUES" in str(caught.value)
        world.send("replank:OperatingSystem:EndOfLife", {"releases": ["CentOS 7"]})
        world.run_until(lambda: set(world.states().values()) == {"precheck_failed"}, minutes=10)
        assert only(world)["failure"]["code"] == "Driver.SettingMissing"
        assert "RunCommand" not in {record.operation for record in world.cloud.calls.newest}
        submit(world, "i-test0001", policy={"driver": "console"})


def test_a_migration_that_waited_is_looked_at_again_before_its_snapshot(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    batch_id = submit(world, "i-test0001")
    world.run_until(lambda: set(world.states().values()) == {"ready"}, minutes=30)
    world.run(120)
    acknowledge(world, batch_id)
    world.run_until(lambda: only(world)["state"] == "snapshotting", minutes=30)
    journal = world.api.get(f"/migrations/{only(world)['migrationId']}/journal")["lines"]
    reasons = [entry["reason"] for entry in journal]
    assert any(reason.startswith("every rule passed again; changed since:") for reason in reasons), reasons


def test_a_region_that_cannot_be_asked_is_a_problem_of_the_batch_and_stops_nothing_else(world: World) -> None:
    world.load_fleet(fleet(instance(1), instance(2, RegionId="ap-southeast-1")))
    batch_id = submit(world, "i-test0001", "i-test0002", "i-none", regionIds=["cn-hangzhou", "cn-atlantis", "ap-southeast-1"])
    world.run_until(lambda: world.states() == {"i-test0001": "ready", "i-test0002": "ready"}, minutes=30)
    codes = {each["code"] for each in world.api.get(f"/batches/{batch_id}")["problems"]}
    assert codes == {"Region.NotFound", "Instance.NotFound"}


def test_no_job_starts_outside_the_window_however_long_the_snapshots_took(world: World) -> None:
    slow = {"disks": [{"size_gib": 500, "used_gib": 400}]}
    world.load_fleet(fleet(instance(1), guests={"i-test0001": slow}))
    window = {"start": "08:00", "end": "08:40", "cutoffMin": 20}
    migrate(world, "i-test0001", policy={"window": window})
    world.run_until(lambda: only(world)["attempt"] == 2, minutes=3 * 60)
    assert only(world)["state"] == "ready", "its snapshots were finished after the window, and grow old"
    world.skip_to(datetime.fromisoformat(world.now).replace(hour=7, minute=30) + timedelta(days=1))
    world.run_until(lambda: only(world)["state"] == "migrating", minutes=60)
    assert datetime.fromisoformat(world.now).strftime("%H:%M") < "08:20"


def test_a_window_too_short_for_the_snapshots_ends_with_a_person(world: World) -> None:
    """It would else make and keep snapshots in every window, for ever. Here the first miss is the last that is allowed."""
    slow = {"disks": [{"size_gib": 500, "used_gib": 400}]}
    world.load_fleet(fleet(instance(1), guests={"i-test0001": slow}))
    with mock.patch.object(migrate_stage, "WINDOWS_MISSED", 1):
        migrate(world, "i-test0001", policy={"window": {"start": "08:00", "end": "08:40", "cutoffMin": 20}})
        world.run_until(lambda: only(world)["state"] == "failed", minutes=3 * 60)
    assert only(world)["failure"]["code"] == "Window.TooShort"
    assert world.inventory()["jobs"] == {}


@pytest.mark.parametrize("form", ["content", "cloudmonitor"])
def test_restarts_are_counted_in_every_region(world: World, form: str) -> None:
    """In either shape that ECS's events may have."""
    world.load_fleet(fleet(instance(1, RegionId="ap-southeast-1"), faults={"event_form": form}))
    migrate(world, "i-test0001", regionIds=["ap-southeast-1"])
    world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)
    assert world.api.get(f"/migrations/{only(world)['migrationId']}")["restarts"] >= 2
