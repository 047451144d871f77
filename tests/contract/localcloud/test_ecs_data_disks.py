"""CreateDisk, AttachDisk, DetachDisk and DeleteDisk: the good case and each refusal. The conditions are documented (ECS, API
references), the durations assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs

from localcloud.core.access_keys import Key
from tests.contract.localcloud.ecs_support import CENTOS, REGION, WINDOWS, Account, account, refused

TAGS = [ecs.CreateDiskRequestTag(key="replank:purpose", value="media")]


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


@pytest.fixture
def snapshot(cloud: Account) -> str:
    made = cloud.snapshot(cloud.disks(CENTOS)[1].disk_id)
    cloud.pass_minutes(20)
    return made


def create(cloud: Account, snapshot: str, **more: object) -> str:
    zone = cloud.disks(CENTOS)[0].zone_id
    fields = {"region_id": REGION, "zone_id": zone, "snapshot_id": snapshot, "size": 20, "tag": TAGS, **more}
    return str(cloud.ecs.create_disk(ecs.CreateDiskRequest(**fields)).body.disk_id)


def attach(cloud: Account, disk: str, instance: str = WINDOWS) -> None:
    cloud.ecs.attach_disk(ecs.AttachDiskRequest(instance_id=instance, disk_id=disk, delete_with_instance=True))


def detach(cloud: Account, disk: str, instance: str = WINDOWS) -> None:
    cloud.ecs.detach_disk(ecs.DetachDiskRequest(instance_id=instance, disk_id=disk))


def delete(cloud: Account, disk: str) -> None:
    cloud.ecs.delete_disk(ecs.DeleteDiskRequest(disk_id=disk))


def status(cloud: Account, disk: str) -> str:
    answer = cloud.ecs.describe_disks(ecs.DescribeDisksRequest(region_id=REGION, disk_ids=f'["{disk}"]'))
    return "".join(each.status for each in answer.body.disks.disk)


def test_a_disk_of_a_snapshot_is_attached_detached_and_deleted(cloud: Account, snapshot: str) -> None:
    disk = create(cloud, snapshot)
    assert status(cloud, disk) == "Creating"
    cloud.pass_minutes(1)
    attach(cloud, disk)
    assert status(cloud, disk) == "Attaching"
    cloud.pass_minutes(1)
    found = next(each for each in cloud.disks(WINDOWS) if each.disk_id == disk)
    assert (found.status, found.size, found.source_snapshot_id, found.type) == ("In_use", 100, snapshot, "data")
    assert found.delete_with_instance
    assert [(each.tag_key, each.tag_value) for each in found.tags.tag] == [("replank:purpose", "media")]
    detach(cloud, disk)
    assert status(cloud, disk) == "Detaching"
    cloud.pass_minutes(2)
    assert (status(cloud, disk), len(cloud.disks(WINDOWS))) == ("Available", 1)
    delete(cloud, disk)
    assert status(cloud, disk) == ""
    delete(cloud, disk)


def test_a_repeated_request_makes_one_disk(cloud: Account, snapshot: str) -> None:
    assert create(cloud, snapshot, client_token="t-1") == create(cloud, snapshot, client_token="t-1")
    with refused("IdempotentParameterMismatch"):
        create(cloud, snapshot, client_token="t-1", size=30)


def test_a_windows_guest_sees_the_files_of_the_snapshot(cloud: Account, snapshot: str) -> None:
    disk = create(cloud, snapshot)
    cloud.pass_minutes(1)
    attach(cloud, disk)
    cloud.pass_minutes(1)
    _, output = cloud.run(WINDOWS, f"$ReplankRun = 'cat Volumes/{disk[2:]}/db/rows'\n")
    assert "|one" in output


def test_create_refuses_what_it_cannot_make(cloud: Account, snapshot: str) -> None:
    with refused("InvalidSnapshotId.NotFound"):
        create(cloud, "s-none")
    unfinished = cloud.snapshot(cloud.disks(CENTOS)[0].disk_id)
    with refused("InvalidSnapshotId.NotReady"):
        create(cloud, unfinished)
    with refused("MissingParameter"):
        create(cloud, snapshot, zone_id=None)


def test_attach_and_detach_refuse_in_other_states(cloud: Account, snapshot: str) -> None:
    disk = create(cloud, snapshot)
    with refused("IncorrectDiskStatus"):
        attach(cloud, disk)
    cloud.pass_minutes(1)
    with refused("DependencyViolation"):
        detach(cloud, disk)
    elsewhere = create(cloud, snapshot, zone_id="cn-hangzhou-x")
    cloud.pass_minutes(1)
    with refused("ResourcesNotInSameZone"):
        attach(cloud, elsewhere)
    attach(cloud, disk)
    cloud.pass_minutes(1)
    with refused("IncorrectDiskStatus"):
        delete(cloud, disk)
    cloud.ecs.reboot_instance(ecs.RebootInstanceRequest(instance_id=WINDOWS))
    with refused("IncorrectInstanceStatus"):
        detach(cloud, disk)
    system = cloud.disks(WINDOWS)[0].disk_id
    cloud.pass_minutes(5)
    with refused("DiskTypeViolation"):
        detach(cloud, system)


def test_a_snapshot_with_disks_is_deleted_only_by_force(cloud: Account, snapshot: str) -> None:
    disk = create(cloud, snapshot)
    with refused("SnapshotCreatedDisk"):
        cloud.ecs.delete_snapshot(ecs.DeleteSnapshotRequest(snapshot_id=snapshot))
    cloud.pass_minutes(1)
    delete(cloud, disk)
    cloud.ecs.delete_snapshot(ecs.DeleteSnapshotRequest(snapshot_id=snapshot))


def test_a_condition_on_tags_is_judged_for_the_request_and_for_the_disk(cloud: Account, snapshot: str) -> None:
    wanted = {"StringEquals": {"acs:ResourceTag/replank:purpose": "media"}}
    asked = {"StringEquals": {"acs:RequestTag/replank:purpose": "media"}}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": ["ecs:DeleteDisk"], "Resource": ["*"], "Condition": wanted},
        {"Effect": "Allow", "Action": ["ecs:CreateDisk"], "Resource": ["*:disk/*"], "Condition": asked},
        {"Effect": "Allow", "Action": ["ecs:CreateDisk"], "Resource": ["*:snapshot/*"]},
        {"Effect": "Allow", "Action": ["ecs:DescribeDisks"], "Resource": ["*"]},
    ]
    cloud.cloud.policies.set_role("tidy", statements)
    own, other = create(cloud, snapshot), create(cloud, snapshot, tag=None)
    cloud.pass_minutes(1)
    cloud.ecs, _ = cloud.clients(cloud.cloud.identities.add(Key("STS.NTtidy", "secret", "CAIStidy", "role:tidy")))
    delete(cloud, own)
    with refused("Forbidden.RAM"):
        delete(cloud, other)
    with refused("Forbidden.RAM"):
        create(cloud, snapshot, tag=None)
    create(cloud, snapshot)
