"""Snapshots and groups: progress, completion, quotas, and every documented refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alibabacloud_ecs20140526 import models as ecs

from localcloud.core.hooks import offered
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, INSTANCES, REGION, Account, account, refused


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def completed(cloud: Account) -> list[dict[str, str]]:
    return [event["data"] for event in cloud.events if event["type"] == "ecs:Snapshot:CreateSnapshotCompleted"]


def test_a_snapshot_progresses_and_is_announced(cloud: Account) -> None:
    system, _ = cloud.disks(CENTOS)
    id = cloud.snapshot(system.disk_id, snapshot_name="mine", retention_days=7)
    seen = []
    for _ in range(6):
        (snapshot,) = cloud.snapshots(snapshot_ids=f'["{id}"]')
        seen.append(int(snapshot.progress.rstrip("%")))
        cloud.pass_minutes(0.5)
    assert seen == sorted(seen)
    assert 0 < seen[1] < 100
    (snapshot,) = cloud.snapshots(instance_id=CENTOS)
    assert (snapshot.status, snapshot.progress, snapshot.available) == ("accomplished", "100%", True)
    assert (snapshot.source_disk_id, snapshot.source_disk_size, snapshot.source_disk_type) == (system.disk_id, "40", "system")
    (event,) = completed(cloud)
    assert (event["result"], event["snapshotId"], event["snapshotName"]) == ("accomplished", id, "mine")


def test_time_grows_with_the_space_used(cloud: Account) -> None:
    system, data = cloud.disks(CENTOS)
    first, second = cloud.snapshot(system.disk_id), cloud.snapshot(data.disk_id)
    cloud.pass_minutes(2)
    states = {snapshot.snapshot_id: snapshot.status for snapshot in cloud.snapshots()}
    assert states == {first: "accomplished", second: "progressing"}


def test_one_snapshot_of_a_disk_at_a_time(cloud: Account) -> None:
    system, _ = cloud.disks(CENTOS)
    cloud.snapshot(system.disk_id)
    with refused("IncorrectDiskStatus.CreatingSnapshot"):
        cloud.snapshot(system.disk_id)


def test_a_client_token_makes_one_snapshot(cloud: Account) -> None:
    system, data = cloud.disks(CENTOS)
    first = cloud.snapshot(system.disk_id, client_token="t-1")
    assert cloud.snapshot(system.disk_id, client_token="t-1") == first
    with refused("IdempotentParameterMismatch"):
        cloud.snapshot(data.disk_id, client_token="t-1")
    with refused("InvalidClientToken.ValueNotSupported"):
        cloud.snapshot(data.disk_id, client_token="x" * 65)


def test_a_failure_asked_for_is_announced_as_such(cloud: Account) -> None:
    cloud.load(snapshots_fail={CENTOS: 1})
    system, data = cloud.disks(CENTOS)
    cloud.snapshot(system.disk_id)
    cloud.snapshot(data.disk_id)
    cloud.pass_minutes(10)
    assert sorted(event["result"] for event in completed(cloud)) == ["accomplished", "failed"]
    assert cloud.snapshots(status="failed")[0].available is False


@pytest.mark.parametrize("name", ["a", "auto-1", "http://x", "x" * 129])
def test_names_are_checked(cloud: Account, name: str) -> None:
    with refused("InvalidSnapshotName.Malformed"):
        cloud.snapshot(cloud.disks(CENTOS)[0].disk_id, snapshot_name=name)


def test_retention_is_checked_and_kept(cloud: Account) -> None:
    system, _ = cloud.disks(CENTOS)
    with refused("InvalidRetentionDays.Malformed"):
        cloud.snapshot(system.disk_id, retention_days=65537)
    cloud.snapshot(system.disk_id, retention_days=1)
    cloud.pass_minutes(23 * 60)
    assert len(cloud.snapshots()) == 1
    cloud.pass_minutes(2 * 60)
    assert cloud.snapshots() == []


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"snapshots_per_disk": 1}, "QuotaExceed.Snapshot"),
        ({"concurrent_snapshots": 1}, "QuotaExceed.ConcurrentSnapshotQuota"),
        ({"account": "arrears"}, "InvalidAccountStatus.NotEnoughBalance"),
        ({"account": "no_snapshot_service"}, "InvalidAccountStatus.SnapshotServiceUnavailable"),
    ],
)
def test_quotas_and_the_account_limit_snapshots(cloud: Account, faults: dict[str, object], code: str) -> None:
    system, data = cloud.disks(CENTOS)
    cloud.snapshot(system.disk_id)
    if "snapshots_per_disk" in faults:
        cloud.pass_minutes(10)
    offered(cloud.cloud.hooks.load_fleet)({"pages": [], "faults": faults})
    with refused(code):
        cloud.snapshot(
            data.disk_id if "concurrent_snapshots" in faults else system.disk_id if "snapshots_per_disk" in faults else data.disk_id
        )


def test_a_locked_instance_is_left_alone(cloud: Account) -> None:
    cloud.load([{**INSTANCES[0], "OperationLocks": {"LockReason": [{"LockReason": "security"}]}}], GUESTS)
    with refused("InstanceLockedForSecurity"):
        cloud.snapshot(cloud.disks(CENTOS)[0].disk_id)


def test_a_deleted_snapshot_is_gone_even_in_creation(cloud: Account) -> None:
    system, _ = cloud.disks(CENTOS)
    id = cloud.snapshot(system.disk_id)
    cloud.ecs.delete_snapshot(ecs.DeleteSnapshotRequest(snapshot_id=id))
    cloud.pass_minutes(10)
    assert cloud.snapshots() == []
    assert completed(cloud) == []
    with refused("InvalidSnapshotId.NotFound"):
        cloud.ecs.delete_snapshot(ecs.DeleteSnapshotRequest(snapshot_id=id))


def test_filters_of_snapshots_hold_together(cloud: Account) -> None:
    system, data = cloud.disks(CENTOS)
    tag = ecs.CreateSnapshotRequestTag(key="by", value="me")
    first = cloud.snapshot(system.disk_id, snapshot_name="first", tag=[tag])
    start = cloud.snapshots()[0].creation_time
    cloud.pass_minutes(20)
    second = cloud.snapshot(data.disk_id, snapshot_name="second")
    filters = [
        ({"disk_id": data.disk_id}, {second}),
        ({"source_disk_type": "system"}, {first}),
        ({"snapshot_name": "first", "status": "accomplished"}, {first}),
        ({"status": "progressing"}, {second}),
        ({"tag": [ecs.DescribeSnapshotsRequestTag(key="by", value="me")]}, {first}),
        ({"filter": [ecs.DescribeSnapshotsRequestFilter(key="CreationEndTime", value=start)]}, {first}),
        ({"snapshot_type": "auto"}, set()),
        ({"max_results": 100}, {first, second}),
    ]
    for fields, expected in filters:
        assert {snapshot.snapshot_id for snapshot in cloud.snapshots(**fields)} == expected, fields


def test_a_restart_may_spoil_snapshots_in_progress(cloud: Account) -> None:
    outcomes = set()
    for number in range(6):
        id = cloud.snapshot(cloud.disks(CENTOS)[1].disk_id)
        cloud.ecs.reboot_instance(ecs.RebootInstanceRequest(instance_id=CENTOS))
        cloud.pass_minutes(20 + number)
        outcomes.add(cloud.snapshots(snapshot_ids=f'["{id}"]')[0].status)
    assert outcomes == {"accomplished", "failed"}


def group(cloud: Account, **fields: object) -> str:
    request = ecs.CreateSnapshotGroupRequest(region_id=REGION, **fields)
    return str(cloud.ecs.create_snapshot_group(request).body.snapshot_group_id)


def groups(cloud: Account, **fields: object) -> list[ecs.DescribeSnapshotGroupsResponseBodySnapshotGroupsSnapshotGroup]:
    request = ecs.DescribeSnapshotGroupsRequest(region_id=REGION, **fields)
    return list(cloud.ecs.describe_snapshot_groups(request).body.snapshot_groups.snapshot_group)


def test_a_group_holds_all_disks_and_ends_when_they_do(cloud: Account) -> None:
    id = group(cloud, instance_id=CENTOS, name="both", client_token="g")
    assert group(cloud, instance_id=CENTOS, name="both", client_token="g") == id
    (made,) = groups(cloud, instance_id=CENTOS)
    assert made.status == "progressing"
    assert {each.source_disk_id for each in made.snapshots.snapshot} == {disk.disk_id for disk in cloud.disks(CENTOS)}
    cloud.pass_minutes(20)
    assert groups(cloud, snapshot_group_id=[id])[0].status == "accomplished"
    cloud.ecs.delete_snapshot_group(ecs.DeleteSnapshotGroupRequest(region_id=REGION, snapshot_group_id=id))
    assert (groups(cloud), cloud.snapshots()) == ([], [])


@pytest.mark.parametrize(
    ("disk", "code"),
    [
        ({"category": "cloud_efficiency"}, "InvalidDisk.DiskCategoryInconsistent"),
        ({"multi_attach": "Enabled"}, "InvalidOperation.MultiAttachDisk"),
        ({"size_gib": 32 * 1024}, "CapacityExceed.TooManyDisks"),
    ],
)
def test_groups_take_only_certain_disks(cloud: Account, disk: dict[str, object], code: str) -> None:
    cloud.load([{"InstanceId": "i-odd"}], {"i-odd": {"disks": [{}, disk]}})
    with refused(code):
        group(cloud, instance_id="i-odd")
    odd = next(each.disk_id for each in cloud.disks("i-odd") if each.type == "data")
    assert group(cloud, instance_id="i-odd", exclude_disk_id=[odd])


def test_groups_have_at_most_sixteen_disks(cloud: Account) -> None:
    cloud.load(
        [{"InstanceId": "i-odd"}],
        {"i-odd": {"disks": [{"device": f"/dev/xvd{chr(97 + n)}", "mount": f"/d{n}"} for n in range(17)]}},
    )
    with refused("NumberExceed.TooManyDisks"):
        group(cloud, instance_id="i-odd")
    with refused("InvalidParam.ExcludeDiskIdsAndDiskIds.Conflict"):
        group(cloud, disk_id=["d-1"], exclude_disk_id=["d-2"])
