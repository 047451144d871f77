"""Several accounts in one cloud: each sees and changes only its own resources."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import fc2
import pytest
import tablestore
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_smc20190601 import models as smc
from Tea.exceptions import TeaException

from localcloud import account
from localcloud.core.app import ACCOUNT_ID
from localcloud.core.hooks import offered
from localcloud.core.http import Request
from localcloud.ecs.fleet_check import FleetInvalid
from tests.contract.localcloud.ecs_support import Account
from tests.contract.localcloud.members_support import (
    BANK,
    BANK_INSTANCE,
    MEMBER,
    NOBODY,
    OWN_INSTANCE,
    REGION,
    SHOP,
    SHOP_INSTANCE,
    Several,
    fleet,
    several,
    trust,
)
from tools.deployed.clients import functions


@pytest.fixture
def cloud() -> Iterator[Several]:
    with several() as made:
        yield made


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(TeaException) as caught:
        call(*arguments)
    return str(caught.value.code)


def test_each_account_lists_its_own_instances(cloud: Several) -> None:
    found = {id: cloud.instances(cloud.owner(id)) for id in (ACCOUNT_ID, SHOP, BANK)}
    assert found == {ACCOUNT_ID: [OWN_INSTANCE], SHOP: [SHOP_INSTANCE], BANK: [BANK_INSTANCE]}


def test_what_another_account_has_is_not_found(cloud: Several) -> None:
    client, disk = cloud.ecs(cloud.owner(BANK)), cloud.system_disk(cloud.owner(SHOP), SHOP_INSTANCE)
    made = cloud.ecs(cloud.owner(SHOP)).create_snapshot(ecs.CreateSnapshotRequest(disk_id=disk)).body.snapshot_id
    tags = [ecs.TagResourcesRequestTag(key="a", value="b")]
    calls = {
        client.stop_instance: ecs.StopInstanceRequest(instance_id=SHOP_INSTANCE),
        client.describe_instance_status: ecs.DescribeInstanceStatusRequest(region_id=REGION, instance_id=[SHOP_INSTANCE]),
        client.create_snapshot: ecs.CreateSnapshotRequest(disk_id=disk),
        client.delete_snapshot: ecs.DeleteSnapshotRequest(snapshot_id=made),
        client.run_command: ecs.RunCommandRequest(
            region_id=REGION, instance_id=[SHOP_INSTANCE], type="RunShellScript", command_content="id"
        ),
        client.tag_resources: ecs.TagResourcesRequest(
            region_id=REGION, resource_type="instance", resource_id=[SHOP_INSTANCE], tag=tags
        ),
    }
    codes = [code_of(call, request) for call, request in calls.items()]
    assert codes == [
        "InvalidInstanceId.NotFound",
        "InvalidInstanceId.NotFound",
        "InvalidDiskId.NotFound",
        "InvalidSnapshotId.NotFound",
        "InvalidInstance.NotFound",
        "InvalidResourceId.NotFound",
    ]
    listed = client.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION, instance_ids=json.dumps([SHOP_INSTANCE])))
    assert listed.body.total_count == 0
    assert [each.snapshot_id for each in cloud.snapshots(cloud.owner(SHOP))] == [made]
    assert cloud.snapshots(cloud.owner(BANK)) == []


def test_work_goes_on_in_the_account_it_was_begun_in(cloud: Several) -> None:
    key = cloud.owner(SHOP)
    disk = cloud.system_disk(key, SHOP_INSTANCE)
    cloud.ecs(key).create_snapshot(ecs.CreateSnapshotRequest(disk_id=disk))
    cloud.pass_minutes(60)
    cloud.ecs(key).stop_instance(ecs.StopInstanceRequest(instance_id=SHOP_INSTANCE))
    cloud.pass_minutes(60)
    assert [each.status for each in cloud.snapshots(key)] == ["accomplished"]
    request = ecs.DescribeInstanceStatusRequest(region_id=REGION)
    assert cloud.ecs(key).describe_instance_status(request).body.instance_statuses.instance_status[0].status == "Stopped"
    assert (
        cloud.ecs(cloud.cloud.owner).describe_instance_status(request).body.instance_statuses.instance_status[0].status == "Running"
    )


def test_an_operating_system_is_replaced_in_a_members_account(cloud: Several) -> None:
    key = cloud.owner(SHOP)
    token = cloud.smc(key).create_access_token(smc.CreateAccessTokenRequest()).body
    run = ecs.RunCommandRequest(
        region_id=REGION,
        instance_id=[SHOP_INSTANCE],
        type="RunShellScript",
        command_content=f"/smc/go2aliyun_client import {token.access_token_id} {token.access_token_code}",
    )
    cloud.ecs(key).run_command(run)
    cloud.pass_minutes(5)
    (source,) = cloud.smc(key).describe_source_servers(smc.DescribeSourceServersRequest()).body.source_servers.source_server
    create = smc.CreateReplicationJobRequest(
        region_id=REGION,
        source_id=source.source_id,
        job_type=1,
        replication_parameters='{"TargetOsType": "Alibaba Cloud Linux 3"}',
    )
    job = cloud.smc(key).create_replication_job(create).body.job_id
    cloud.smc(key).start_replication_job(smc.StartReplicationJobRequest(job_id=job))
    other = cloud.smc(cloud.owner(BANK))
    assert code_of(other.start_replication_job, smc.StartReplicationJobRequest(job_id=job)) == "JobId.NotFound"
    assert other.describe_source_servers(smc.DescribeSourceServersRequest()).body.total_count == 0
    cloud.pass_minutes(24 * 60)
    jobs = cloud.smc(key).describe_replication_jobs(smc.DescribeReplicationJobsRequest(name=job)).body.replication_jobs
    assert [each.status for each in jobs.replication_job] == ["Finished"]
    _, guests = cloud.cloud.hooks.admin["guests"](asked(InstanceId=SHOP_INSTANCE))
    assert guests[SHOP_INSTANCE]["os"]["id"] == "alinux"


def asked(**query: str) -> Request:
    """A request to the cloud's own endpoint."""
    return Request("GET", f"/?{urlencode(query)}", {})


def test_quotas_are_of_an_account(cloud: Several) -> None:
    made = {}
    for id, instance in ((BANK, BANK_INSTANCE), (SHOP, SHOP_INSTANCE)):
        key = cloud.owner(id)
        disk = cloud.system_disk(key, instance)
        cloud.ecs(key).create_snapshot(ecs.CreateSnapshotRequest(disk_id=disk))
        cloud.pass_minutes(60)
        made[id] = (key, disk)
    key, disk = made[BANK]
    assert "Quota" in code_of(cloud.ecs(key).create_snapshot, ecs.CreateSnapshotRequest(disk_id=disk))
    key, disk = made[SHOP]
    cloud.ecs(key).create_snapshot(ecs.CreateSnapshotRequest(disk_id=disk))


def test_a_client_token_is_of_an_account(cloud: Several) -> None:
    ids = set()
    for id, instance in ((ACCOUNT_ID, OWN_INSTANCE), (SHOP, SHOP_INSTANCE)):
        key = cloud.owner(id)
        request = ecs.CreateSnapshotRequest(disk_id=cloud.system_disk(key, instance), client_token="the-same")
        ids.add(cloud.ecs(key).create_snapshot(request).body.snapshot_id)
    assert len(ids) == 2


def test_throttling_can_strike_one_account(cloud: Several) -> None:
    cloud.cloud.faults.set([{"service": "ecs", "kind": "throttle", "times": -1, "account": SHOP}])
    request = ecs.DescribeInstancesRequest(region_id=REGION)
    assert code_of(cloud.ecs(cloud.owner(SHOP)).describe_instances, request) == "Throttling.User"
    assert cloud.instances(cloud.owner(BANK)) == [BANK_INSTANCE]
    assert cloud.instances(cloud.cloud.owner) == [OWN_INSTANCE]


def test_work_of_one_account_can_stick(cloud: Several) -> None:
    cloud.cloud.faults.set(
        [{"service": "ecs", "operation": "snapshot_finish", "kind": "stick", "times": -1, "account": SHOP, "delay_ms": 3_600_000}]
    )
    for id, instance in ((SHOP, SHOP_INSTANCE), (BANK, BANK_INSTANCE)):
        key = cloud.owner(id)
        cloud.ecs(key).create_snapshot(ecs.CreateSnapshotRequest(disk_id=cloud.system_disk(key, instance)))
    kinds = set(cloud.cloud.scheduler.kinds())
    assert any(kind.startswith("ecs.snapshot") for kind in kinds)
    cloud.pass_minutes(59)
    assert [each.status for each in cloud.snapshots(cloud.owner(BANK))] == ["accomplished"]


def test_only_what_every_account_has_takes_anothers_keys(cloud: Several) -> None:
    key = cloud.owner(SHOP)
    with pytest.raises(fc2.FcError) as caught:
        functions(cloud.cloud, key).invoke_function("s", "f", payload=b"{}")
    assert caught.value.err_code == "AccessDenied"
    client = tablestore.OTSClient("http://127.0.0.1:9", key.access_key_id, key.access_key_secret, "replank", region=REGION)
    with pytest.raises(tablestore.OTSServiceError) as refused:
        client.list_table()
    assert refused.value.get_error_code() == "OTSNoPermissionAccess"


def test_accounts_stay_over_a_restart(tmp_path: Path) -> None:
    with several(tmp_path) as before:
        key = before.owner(SHOP)
        before.ecs(key).create_snapshot(ecs.CreateSnapshotRequest(disk_id=before.system_disk(key, SHOP_INSTANCE)))
    cloud = account.build(tmp_path)
    assert [each.id for each in cloud.accounts.all()] == [ACCOUNT_ID, SHOP, BANK]
    again = Several(cloud)
    assert again.owner(SHOP) == key
    again.pass_minutes(60)
    with cloud.accounts.acting(SHOP):
        (snapshot,) = again.service("ecs").world.store.find("snapshot", {})
    assert snapshot["Status"] == "accomplished"
    cloud.close()


def test_a_state_from_before_there_were_accounts_is_the_own_accounts(tmp_path: Path) -> None:
    old = Account(tmp_path)
    old.load()
    disk = old.cloud.services[0].world.disks("i-centos")[0]["DiskId"]  # type: ignore[attr-defined]
    with old.cloud.lock, old.cloud.db.transaction():
        old.cloud.services[0].life.create(old.cloud.services[0].world.disk(disk), "old")  # type: ignore[attr-defined]
    old.cloud.close()
    # An older version left a table of jobs without accounts, and no documents about accounts.
    file = sqlite3.connect(tmp_path / "cloud.sqlite")
    file.execute("ALTER TABLE jobs DROP COLUMN account")
    file.execute("DELETE FROM docs WHERE kind IN ('account', 'identity.session')")
    file.commit()
    file.close()
    cloud = account.build(tmp_path)
    Several(cloud).pass_minutes(60)
    store = account.service(cloud, "ecs").world.store
    assert [doc["Status"] for doc in store.find("snapshot", {})] == ["accomplished"]
    assert len(store.find("instance", {})) == 2
    assert cloud.owner.account == ""
    cloud.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda document: document["pages"][1].update(account=NOBODY), "not in accounts"),
        (lambda document: document["accounts"].update({"12": {}}), "12"),
        (lambda document: document["accounts"][SHOP].update(owner="x"), "owner"),
        (
            lambda document: document["accounts"][SHOP]["roles"][MEMBER].update(
                trust=trust("acs:ram::1:root", condition={"DateLess": {"acs:CurrentTime": "x"}})
            ),
            "DateLess",
        ),
        (lambda document: document["pages"][0]["Instances"]["Instance"][1].update(account=SHOP), f"account {BANK} has"),
    ],
)
def test_a_fleet_that_makes_no_sense_loads_nothing(cloud: Several, change: Any, told: str) -> None:
    document = fleet(ACCOUNT_ID)
    change(document)
    document["pages"][1]["Instances"]["Instance"].append({"InstanceId": "i-new"})
    with pytest.raises(FleetInvalid, match=told):
        offered(cloud.cloud.hooks.load_fleet)(document)
    assert cloud.instances(cloud.owner(SHOP)) == [SHOP_INSTANCE]


def test_an_account_is_not_shown_as_a_field_of_its_instances(cloud: Several) -> None:
    request = ecs.DescribeInstancesRequest(region_id=REGION)
    (shown,) = cloud.ecs(cloud.owner(BANK)).describe_instances(request).body.to_map()["Instances"]["Instance"]
    assert "account" not in shown


def test_the_inventory_says_whose_things_are(cloud: Several) -> None:
    _, found = cloud.cloud.hooks.admin["inventory"](asked())
    assert {id: each.get("Account") for id, each in found["instances"].items()} == {
        OWN_INSTANCE: None,
        SHOP_INSTANCE: SHOP,
        BANK_INSTANCE: BANK,
    }
    assert found["counts"]["instances"] == 3
