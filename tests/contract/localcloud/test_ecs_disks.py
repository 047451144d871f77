"""ResetDisk: its conditions, and that it restores a disk byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alibabacloud_ecs20140526 import models as ecs

from tests.contract.localcloud.ecs_support import CENTOS, Account, account, refused


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def reset(cloud: Account, disk_id: str, snapshot_id: str, **more: object) -> None:
    cloud.ecs.reset_disk(ecs.ResetDiskRequest(disk_id=disk_id, snapshot_id=snapshot_id, **more))


def stop(cloud: Account) -> None:
    cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)


def test_a_reset_brings_back_every_byte(cloud: Account) -> None:
    _, data = cloud.disks(CENTOS)
    before = cloud.digests(CENTOS)
    snapshot = cloud.snapshot(data.disk_id)
    cloud.pass_minutes(10)
    cloud.run(CENTOS, 'echo two >>"$GUEST_ROOT/data/db/rows"; echo new >"$GUEST_ROOT/data/new"')
    assert cloud.digests(CENTOS)[data.disk_id] != before[data.disk_id]
    stop(cloud)
    reset(cloud, data.disk_id, snapshot)
    with refused("InvalidOperation.DiskResetInProgress"):
        reset(cloud, data.disk_id, snapshot)
    with refused("IncorrectDiskStatus"):
        cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)
    assert cloud.digests(CENTOS) == before
    cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(5)
    _, output = cloud.run(CENTOS, 'cat "$GUEST_ROOT/data/db/rows"; ls "$GUEST_ROOT/data"')
    assert output == "one\ndb\nlost+found\n"


def test_the_conditions_are_checked_in_a_dry_run_too(cloud: Account) -> None:
    system, data = cloud.disks(CENTOS)
    snapshot = cloud.snapshot(system.disk_id)
    with refused("InvalidSnapshotId.NotReady"):
        reset(cloud, system.disk_id, snapshot)
    cloud.pass_minutes(10)
    with refused("IncorrectInstanceStatus"):
        reset(cloud, system.disk_id, snapshot, dry_run=True)
    stop(cloud)
    with refused("InvalidParameter.Mismatch"):
        reset(cloud, data.disk_id, snapshot)
    with refused("InvalidSnapshotId.NotFound"):
        reset(cloud, system.disk_id, "s-none")
    with refused("InvalidDiskId.NotFound"):
        reset(cloud, "d-none", snapshot)
    with refused("DryRunOperation"):
        reset(cloud, system.disk_id, snapshot, dry_run=True)
    unfinished = cloud.snapshot(system.disk_id)
    with refused("IncorrectDiskStatus.HasUnfinishedSnapshot"):
        reset(cloud, system.disk_id, snapshot)
    assert unfinished


def test_disks_show_what_clients_read(cloud: Account) -> None:
    system, data = cloud.disks(CENTOS)
    assert (system.type, system.device, system.size, system.category, system.status) == (
        "system",
        "/dev/xvda",
        40,
        "cloud_essd",
        "In_use",
    )
    assert (data.type, data.device, data.size, data.multi_attach, data.encrypted) == ("data", "/dev/xvdb", 100, "Disabled", False)
    assert data.attachments.attachment[0].instance_id == CENTOS
