"""Replacing an operating system in place: what changes, what stays, possible failures, and which calls are refused meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_smc20190601 import models as smc

from localcloud.account import service
from localcloud.core.http import Request
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, INSTANCES, REGION, WINDOWS, Account, account, refused
from tests.support.fleets import fleet, instance
from tests.support.world import World

ALINUX3, WINDOWS_2012 = "Alibaba Cloud Linux 3", "Windows Server 2012 R2 Datacenter"


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def until(cloud: Account, job: str, status: str, business: str = "") -> None:
    """Let time pass until the job has this status."""
    for _ in range(5000):
        state = cloud.job_state(job)
        if state.status == status and business in ("", state.business_status):
            return
        assert cloud.cloud.step()
    raise AssertionError(f"{job} is {state.status} {state.business_status}")


def started(cloud: Account, instance_id: str, target: str) -> str:
    job = cloud.job(cloud.imported(instance_id), target)
    cloud.start(job)
    return job


def record(cloud: Account, instance_id: str) -> dict[str, object]:
    request = ecs.DescribeInstancesRequest(region_id=REGION, instance_ids=json.dumps([instance_id]))
    shown: dict[str, object] = cloud.ecs.describe_instances(request).body.instances.instance[0].to_map()
    return {name: value for name, value in shown.items() if name != "StartTime"}


def test_linux_becomes_the_new_release_and_keeps_what_is_its_own(cloud: Account) -> None:
    cloud.run(CENTOS, 'echo app >"$GUEST_ROOT/etc/app.conf"')
    before, content = record(cloud, CENTOS), cloud.digests(CENTOS)
    system, data = (disk.disk_id for disk in cloud.disks(CENTOS))
    until(cloud, started(cloud, CENTOS, ALINUX3), "Finished")
    cloud.pass_minutes(30)
    assert record(cloud, CENTOS) == before
    changed = cloud.digests(CENTOS)
    assert (changed[data] == content[data], changed[system] == content[system]) == (True, False)
    script = (
        'cd "$GUEST_ROOT/etc"; . ./os-release; echo "$ID $VERSION_ID"; uname -r; cat app.conf; systemctl is-active sshd; hostname'
    )
    assert cloud.run(CENTOS, script)[1] == "alinux 3\n5.10.134-18.al8.x86_64\napp\nactive\nweb1\n"


def test_finished_comes_before_the_guest_answers(cloud: Account) -> None:
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "Finished")
    invoke = cloud.begin(CENTOS, "true")
    cloud.pass_minutes(2)
    assert cloud.result(invoke).invocation_status == "Aborted"
    cloud.pass_minutes(16)
    assert cloud.run(CENTOS, "true")[0].invocation_status == "Success"


def test_every_disk_is_backed_up_first_and_restarts_are_announced(cloud: Account) -> None:
    until(cloud, started(cloud, CENTOS, ALINUX3), "Finished")
    cloud.pass_minutes(30)
    backups = cloud.snapshots(instance_id=CENTOS)
    assert {each.source_disk_id for each in backups} == {disk.disk_id for disk in cloud.disks(CENTOS)}
    assert all(each.snapshot_name.startswith("SMC_Backup_Snapshot_") and each.status == "accomplished" for each in backups)
    kinds = [(event["type"].rpartition(":")[2], event["data"].get("state", "")) for event in cloud.events]
    assert [state for kind, state in kinds if kind == "StateChange"] == ["Stopping", "Stopped", "Starting", "Running"] * 3
    assert kinds.index(("StateChange", "Stopping")) > kinds.index(("CreateSnapshotCompleted", ""))


def test_progress_and_business_status_go_forward(cloud: Account) -> None:
    job = started(cloud, CENTOS, ALINUX3)
    seen: list[tuple[str, float]] = []
    while cloud.job_state(job).status == "Running":
        state = cloud.job_state(job)
        seen.append((state.business_status, state.progress))
        cloud.cloud.step()
    assert list(dict.fromkeys(name for name, _ in seen)) == ["Preparing", "Syncing", "Processing", "Cleaning"]
    assert [value for _, value in seen] == sorted(value for _, value in seen)
    state = cloud.job_state(job)
    assert (state.status, state.progress, bool(state.start_time < state.end_time)) == ("Finished", 100.0, True)


def test_windows_goes_two_hops_with_a_transit_disk(cloud: Account) -> None:
    job = started(cloud, WINDOWS, WINDOWS_2012)
    until(cloud, job, "Running", "Processing")
    assert [disk.disk_name for disk in cloud.disks(WINDOWS)] == ["", "SMC_Transit_Disk"]
    until(cloud, job, "Finished")
    cloud.pass_minutes(30)
    assert len(cloud.disks(WINDOWS)) == 1
    operations = [event["data"]["operation"] for event in cloud.events if event["type"] == "ecs:Disk:DiskOperationCompleted"]
    assert operations == ["AttachDisk", "DetachDisk"]
    until(cloud, started(cloud, WINDOWS, "Windows Server 2019 Datacenter"), "Finished")
    cloud.pass_minutes(30)
    facts = json.loads(cloud.run(WINDOWS, "probe")[1])
    assert facts["os"]["caption"] == "Microsoft Windows Server 2019 Datacenter"
    assert facts["hostname"] == WINDOWS


def test_nobody_disturbs_a_running_replacement(cloud: Account) -> None:
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "Running", "Syncing")
    disk = cloud.disks(CENTOS)[0].disk_id
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.reboot_instance(ecs.RebootInstanceRequest(instance_id=CENTOS))
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS, force=True))
    with refused("IncorrectInstanceStatus"):
        cloud.snapshot(disk)
    _, inventory = cloud.cloud.hooks.admin["inventory"](Request("GET", "/", {}))
    assert inventory["instances"][CENTOS]["Display"] == "Running (Replacing Operating System)"


def test_a_job_stopped_while_syncing_can_go_on(cloud: Account) -> None:
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "Running", "Syncing")
    cloud.smc.stop_replication_job(smc.StopReplicationJobRequest(job_id=job))
    assert cloud.job_state(job).status == "Stopped"
    cloud.pass_minutes(30)
    assert cloud.job_state(job).status == "Stopped"
    cloud.start(job)
    until(cloud, job, "Finished")


@pytest.mark.parametrize("stage", ["Preparing", "Syncing", "Processing"])
def test_a_failure_leaves_the_old_system_and_a_retry_succeeds(cloud: Account, stage: str) -> None:
    facts = {**GUESTS[CENTOS], "smc": {"fail_attempts": 1, "cause": "Too full.", "at": stage}}
    cloud.load(INSTANCES[:1], {CENTOS: facts})
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "InError")
    state = cloud.job_state(job)
    assert (state.error_code, state.status_info, state.business_status) == ("M199", "Too full.", stage)
    cloud.pass_minutes(10)
    assert "el7" in cloud.run(CENTOS, "uname -r")[1]
    cloud.start(job)
    until(cloud, job, "Finished")
    assert len(cloud.job_state(job).replication_job_runs.replication_job_run) == 2


def test_a_job_whose_instance_was_released_fails_without_a_restart(cloud: Account) -> None:
    job = started(cloud, CENTOS, ALINUX3)
    cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS, force=True))
    migration = service(cloud.cloud, "smc").jobs.migration
    migration._fail(migration.world.jobs.get(job), "M199", "It hung.", restart=True)
    assert cloud.job_state(job).status == "InError"


def test_a_retry_waits_for_the_machine_to_come_back(cloud: Account) -> None:
    cloud.load(INSTANCES[:1], {CENTOS: {"smc": {"fail_attempts": 1}}})
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "InError")
    cloud.start(job)
    until(cloud, job, "Finished")


def test_a_snapshot_in_progress_stops_the_job(cloud: Account) -> None:
    job = cloud.job(cloud.imported(CENTOS), ALINUX3)
    cloud.snapshot(cloud.disks(CENTOS)[1].disk_id)
    cloud.start(job)
    until(cloud, job, "InError")
    assert cloud.job_state(job).status_info == "A snapshot of the instance is being created."


def test_a_failed_backup_stops_the_job(cloud: Account) -> None:
    cloud.load(snapshots_fail={CENTOS: 1})
    job = started(cloud, CENTOS, ALINUX3)
    until(cloud, job, "InError")
    assert cloud.job_state(job).error_code == "CreateSnapshotFailed"


def test_snapshots_bring_the_old_system_back(cloud: Account) -> None:
    system, _ = cloud.disks(CENTOS)
    content = cloud.digests(CENTOS)
    mine = cloud.snapshot(system.disk_id)
    cloud.pass_minutes(10)
    until(cloud, started(cloud, CENTOS, ALINUX3), "Finished")
    cloud.pass_minutes(30)
    cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)
    cloud.ecs.reset_disk(ecs.ResetDiskRequest(disk_id=system.disk_id, snapshot_id=mine))
    cloud.pass_minutes(2)
    cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(5)
    assert cloud.digests(CENTOS) == content
    assert "el7" in cloud.run(CENTOS, "uname -r")[1]


def test_the_system_disk_may_be_a_new_one(cloud: Account) -> None:
    cloud.load(system_disk_replaced=True)
    system, _ = cloud.disks(CENTOS)
    until(cloud, started(cloud, CENTOS, ALINUX3), "Finished")
    assert cloud.disks(CENTOS)[0].disk_id != system.disk_id


def test_jobs_at_once_are_limited_where_asked(cloud: Account) -> None:
    cloud.load(smc_concurrent_jobs=1)
    started(cloud, CENTOS, ALINUX3)
    second = cloud.job(cloud.imported(WINDOWS), WINDOWS_2012)
    with refused("QuotaExceeded.ReplicationJob"):
        cloud.start(second)


def test_a_seed_gives_the_same_run_again() -> None:
    def run() -> list[tuple[str, str]]:
        with account() as made:
            made.load()
            until(made, started(made, CENTOS, ALINUX3), "Finished")
            return [(event["time"], event["type"]) for event in made.events]

    assert run() == run()


@pytest.mark.parametrize(("facts", "status"), [({"drills": 1}, "Finished"), ({"fail_attempts": 1, "puts_back": True}, "InError")])
def test_a_drill_and_a_failed_job_may_put_the_disks_back(facts: dict[str, Any], status: str) -> None:
    """What guests wrote after SMC's copies is lost then, and the old system is back."""
    with World().connected() as world:
        world.load_fleet(fleet(instance(1), guests={"i-test0001": {"smc": facts}}))
        before = world.disks("i-test0001")
        world.start_job_in_the_console("i-test0001", "Alibaba Cloud Linux 3")
        seen = set()
        for _ in range(120):
            world.run(1)
            seen.add(next(iter(world.inventory()["jobs"].values()))["Status"])
            if status in seen:
                break
        assert status in seen
        assert world.disks("i-test0001") == before
        world.run(60)
        assert world.disks("i-test0001") == before
