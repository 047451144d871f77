"""A rollback is either true in the cloud or not reported as done: no job may run, and all disks are checked before one is reset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.models import Config

from shared.adapters.compute import EcsCompute
from shared.domain.errors import Permanent
from shared.stages import adopt
from tests.support.fleets import fleet, instance
from tests.support.world import World

ID = "i-test0001"
HOUR = 60
TWO_DISKS = {ID: {"disks": [{}, {"size_gib": 20}]}}


@pytest.fixture
def world() -> Iterator[World]:
    with World().connected() as connected:
        yield connected


def ecs(world: World) -> Client:
    """A person's own client, outside the product."""
    owner = world.cloud.owner
    keys = {"access_key_id": owner.access_key_id, "access_key_secret": owner.access_key_secret}
    return Client(Config(**keys, endpoint="127.0.0.1:9", protocol="http", region_id="cn-hangzhou"))


def migration(world: World) -> dict[str, Any]:
    (found,) = [each for each in world.migrations() if each["attempt"] >= 1][:1]
    return dict(world.api.get(f"/migrations/{found['migrationId']}"))


def act(world: World, name: str) -> None:
    world.api.post(f"/migrations/{migration(world)['migrationId']}/{name}", {})


def reach(world: World, *states: str, hours: int = 12, sparsely: bool = False) -> dict[str, Any]:
    world.run_until(lambda: migration(world)["state"] in states, minutes=hours * HOUR, every=2, sparsely=sparsely)
    return migration(world)


def submit(world: World, **policy: Any) -> str:
    batch_id = str(world.api.post("/batches", {"instanceIds": [ID], "policy": {"retentionDays": 1, **policy}})["batchId"])
    world.run(20)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
    return batch_id


def begin(world: World, *, guests: dict[str, Any] | None = None, **policy: Any) -> None:
    world.load_fleet(fleet(instance(1), guests=guests or {}))
    submit(world, **policy)


def stuck(world: World, hours: int, step: str = "") -> None:
    rule = {"service": "smc", "operation": "job_step", "kind": "stick", "times": 1, "delay_ms": hours * 3_600_000, "match": step}
    world.cloud.faults.set([rule])


def calls(world: World, operation: str) -> list[Any]:
    return [record for record in world.cloud.calls.newest if record.operation == operation and not record.code]


def jobs(world: World) -> list[str]:
    return [job["Status"] for job in world.inventory()["jobs"].values()]


def timed_out(world: World, driver: str) -> dict[str, str]:
    """A job that hangs for nine hours, so that its migration fails after six. Returns the disks' contents from before."""
    begin(world, driver=driver)
    reach(world, "snapshotted", "migrating")
    before = world.disks(ID)
    if driver == "console":
        world.start_job_in_the_console(ID, "Alibaba Cloud Linux 3")
    stuck(world, 9)
    assert reach(world, "failed", sparsely=True)["failure"]["code"] == "Job.TimedOut"
    return before


@pytest.mark.parametrize("driver", [pytest.param("console", marks=pytest.mark.long), "smc"])
def test_no_disk_is_reset_while_the_job_runs_and_the_retry_takes_it_back(world: World, driver: str) -> None:
    before = timed_out(world, driver)
    act(world, "rollback")
    world.run(10)
    assert "is Running in SMC" in migration(world)["waitsFor"]
    failed = reach(world, "failed", "rolled_back", sparsely=True)
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "Job.StillRunning")
    assert not calls(world, "ResetDisk")
    assert not calls(world, "StopInstance")
    world.run_sparsely(4 * HOUR)
    assert world.disks(ID) != before, "the job went on and replaced the system"
    act(world, "retry")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert world.disks(ID) == before
    world.run_sparsely(24 * HOUR)
    assert world.disks(ID) == before
    assert not {"Running", "Ready", "InError", "Stopped"} & set(jobs(world))


def test_a_job_that_can_be_stopped_is_stopped_and_the_disks_go_back(world: World) -> None:
    begin(world, driver="console")
    reach(world, "snapshotted")
    before = world.disks(ID)
    world.start_job_in_the_console(ID, "Alibaba Cloud Linux 3")
    stuck(world, 9, '"step": "sync"')
    reach(world, "failed")
    act(world, "rollback")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert calls(world, "StopReplicationJob")
    assert world.disks(ID) == before
    assert jobs(world) == []


def test_a_job_that_could_be_started_again_is_gone_before_the_disks_go_back(world: World) -> None:
    """A person could press Retry Replacement in the console after the rollback. So the job is deleted before the disks are
    reset.
    """
    begin(world, guests={ID: {"smc": {"fail_attempts": 9}}}, driver="console")
    reach(world, "snapshotted")
    before = world.disks(ID)
    world.start_job_in_the_console(ID, "Alibaba Cloud Linux 3")
    reach(world, "failed")
    assert jobs(world) == ["InError"]
    act(world, "rollback")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert jobs(world) == []
    assert world.disks(ID) == before


@pytest.mark.parametrize("driver", [pytest.param("console", marks=pytest.mark.long), "smc"])
def test_accepting_a_failure_keeps_the_instance_locked_while_the_job_runs(world: World, driver: str) -> None:
    timed_out(world, driver)
    act(world, "confirmation")
    world.run(10)
    first = migration(world)["migrationId"]
    assert "locked" in migration(world)["waitsFor"]
    submit(world, driver=driver)
    world.run(60)
    (second,) = [each for each in world.migrations() if each["migrationId"] != first]
    refused = [finding["code"] for finding in world.api.get(f"/migrations/{second['migrationId']}")["findings"]]
    assert second["state"] == "precheck_failed"
    assert "Instance.AlreadyMigrating" in [*refused, (second["failure"] or {}).get("code")]
    world.run_sparsely(5 * HOUR)
    world.api.post(f"/migrations/{second['migrationId']}/retry", {})
    world.run(30)
    again = world.api.get(f"/migrations/{second['migrationId']}")
    assert "Instance.AlreadyMigrating" not in str(again), "the job has ended, and with it the lock"


def test_a_cancellation_keeps_the_instance_locked_while_a_job_of_the_console_runs(world: World) -> None:
    begin(world, driver="console")
    reach(world, "snapshotted")
    stuck(world, 9)
    world.start_job_in_the_console(ID, "Alibaba Cloud Linux 3")
    world.cloud.faults.set([])
    first = migration(world)
    if first["state"] != "snapshotted":
        pytest.skip("the tick was faster than the person")
    act(world, "cancellation")
    world.run(10)
    assert "locked" in migration(world)["waitsFor"]


def test_nothing_is_touched_when_one_snapshot_is_gone(world: World) -> None:
    begin(world, guests=TWO_DISKS)
    reach(world, "migrated")
    before = world.disks(ID)
    listed = ecs(world).describe_snapshots(models.DescribeSnapshotsRequest(region_id="cn-hangzhou")).body.snapshots.snapshot
    own = sorted((each.source_disk_id, each.snapshot_id) for each in listed if each.snapshot_name.startswith("replank-"))
    ecs(world).delete_snapshot(models.DeleteSnapshotRequest(snapshot_id=own[-1][1]))
    act(world, "rollback")
    failed = reach(world, "failed")
    assert failed["failure"]["code"] == "Rollback.SnapshotUnusable"
    assert own[-1][1] in failed["failure"]["message"]
    assert world.disks(ID) == before
    assert not calls(world, "ResetDisk")
    assert not calls(world, "StopInstance")


def test_an_instance_that_was_stopped_for_nothing_is_started_again(world: World) -> None:
    """The snapshot existed at the first check and was gone at the second. The instance stayed stopped, and nobody was told."""
    begin(world, guests=TWO_DISKS)
    reach(world, "migrated")
    before = world.disks(ID)
    act(world, "rollback")
    world.run_until(lambda: bool(calls(world, "StopInstance")), minutes=10, every=0.1)
    listed = ecs(world).describe_snapshots(models.DescribeSnapshotsRequest(region_id="cn-hangzhou")).body.snapshots.snapshot
    own = [each.snapshot_id for each in listed if each.snapshot_name.startswith("replank-")]
    ecs(world).delete_snapshot(models.DeleteSnapshotRequest(snapshot_id=own[-1]))
    failed = reach(world, "failed")
    assert failed["failure"]["code"] == "Rollback.SnapshotUnusable"
    assert world.disks(ID) == before
    world.run(10)
    assert world.inventory()["instances"][ID]["Status"] == "Running"


class DeniedReset:
    """ECS refuses to reset one disk while this fault is on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.disk_id, real = "", EcsCompute.reset_disk

        def reset_disk(ecs: EcsCompute, region_id: str, disk_id: str, snapshot_id: str) -> None:
            if disk_id == self.disk_id:
                raise Permanent("OperationDenied", "The disk may not be reset.", "Ask.")
            real(ecs, region_id, disk_id, snapshot_id)

        monkeypatch.setattr(EcsCompute, "reset_disk", reset_disk)


def half_way(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], dict[str, Any]]:
    """A rollback whose second reset was refused: the disks' contents from before, and the failed migration."""
    denied = DeniedReset(monkeypatch)
    begin(world, guests=TWO_DISKS)
    reach(world, "snapshotted", "migrating")
    before = world.disks(ID)
    reach(world, "migrated")
    denied.disk_id = sorted(before)[1]
    act(world, "rollback")
    failed = reach(world, "failed")
    denied.disk_id = ""
    world.run(5)
    return before, failed


def test_a_rollback_that_fails_half_way_tells_each_disk_and_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, failed = half_way(world, monkeypatch)
    first, second = sorted(before)
    assert f"{first}: unknown, {second}: not restored" in failed["failure"]["message"]
    assert "The instance is stopped." in failed["failure"]["message"]
    told = {each["diskId"]: each["state"] for each in failed["rollbackDisks"]}
    assert told == {first: "unknown", second: "not restored"}
    done = len(calls(world, "ResetDisk"))
    act(world, "retry")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert world.disks(ID) == before
    assert len(calls(world, "ResetDisk")) == done + 1, "the first disk is not reset again"
    assert {each["state"] for each in migration(world)["rollbackDisks"]} == {"restored"}


def test_a_disk_whose_reset_was_taken_before_a_refusal_is_not_called_unrestored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost; the call was sent again and refused. But the first call had reset the disk."""
    real, refused = EcsCompute.reset_disk, [True]

    def reset_disk(ecs: EcsCompute, region_id: str, disk_id: str, snapshot_id: str) -> None:
        real(ecs, region_id, disk_id, snapshot_id)
        if refused.pop() if refused else False:
            raise Permanent("Forbidden.RAM", "The role may not do this any more.", "Ask.")

    monkeypatch.setattr(EcsCompute, "reset_disk", reset_disk)
    begin(world, guests=TWO_DISKS)
    reach(world, "migrated")
    act(world, "rollback")
    first, second = sorted(world.disks(ID))
    assert f"Disks: {first}: unknown, {second}: not restored." in reach(world, "failed")["failure"]["message"]
    act(world, "retry")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"


def test_a_disk_that_the_instance_ran_on_since_is_reset_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = half_way(world, monkeypatch)
    ecs(world).start_instance(models.StartInstanceRequest(instance_id=ID))
    world.run(10)
    ecs(world).stop_instance(models.StopInstanceRequest(instance_id=ID))
    world.run(10)
    done = len(calls(world, "ResetDisk"))
    act(world, "retry")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert len(calls(world, "ResetDisk")) == done + 2
    assert world.disks(ID) == before


def named_like_smcs(world: World) -> str:
    """A person's own snapshot, taken during the job right before SMC's own, with a name like SMC's."""
    world.run_until(lambda: bool(migration(world)["state"] == "migrating"), minutes=12 * HOUR, every=0.1)
    disk_id = next(iter(world.disks(ID)))
    request = models.CreateSnapshotRequest(disk_id=disk_id, snapshot_name="SMC_Backup_Snapshot_of_ann_keep_for_audit")
    return str(ecs(world).create_snapshot(request).body.snapshot_id)


def completed(world: World) -> None:
    reach(world, "migrated")
    act(world, "confirmation")
    world.run_sparsely(3 * 24 * HOUR)


def test_a_snapshot_that_a_person_named_like_smcs_is_kept_and_reported(world: World) -> None:
    begin(world)
    mine = named_like_smcs(world)
    completed(world)
    assert mine in world.inventory()["snapshots"]
    told = {each["snapshotId"]: each for each in world.api.get("/snapshots")["snapshots"]}
    assert "SMC makes one" in told[mine]["kept"]
    assert told[mine]["state"] == "kept"
    assert migration(world)["state"] == "completed", "it holds nobody up"


def test_smcs_own_copies_still_go_and_after_a_retry_too(world: World) -> None:
    begin(world, guests={ID: {"smc": {"fail_attempts": 1}, **TWO_DISKS[ID]}})
    reach(world, "failed")
    act(world, "retry")
    completed(world)
    assert world.inventory()["snapshots"] == {}


def test_what_an_earlier_version_adopted_by_name_is_judged_again_before_it_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = adopt._new_ledger_entry

    with monkeypatch.context() as earlier:
        earlier.setattr(adopt, "why_not_adopted", lambda *_: "")
        earlier.setattr(adopt, "_new_ledger_entry", lambda *args: replace(entered(*args), judged=False))
        begin(world)
        mine = named_like_smcs(world)
        reach(world, "migrated")
    completed(world)
    assert mine in world.inventory()["snapshots"]
    assert migration(world)["state"] == "completed"
