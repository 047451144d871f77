"""Instances: lists, power, protection, and the events of their states."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alibabacloud_ecs20140526 import models as ecs

from tests.contract.localcloud.ecs_support import CENTOS, REGION, WINDOWS, Account, account, refused


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def many(cloud: Account, count: int) -> list[str]:
    ids = [f"i-{number:03d}" for number in range(count)]
    cloud.load([{"InstanceId": id, "InstanceName": f"node-{id}", "Tags": {"Tag": [{"TagKey": "n", "TagValue": id}]}} for id in ids])
    return ids


def describe(cloud: Account, **fields: object) -> ecs.DescribeInstancesResponseBody:
    return cloud.ecs.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION, **fields)).body


def ids_of(body: ecs.DescribeInstancesResponseBody) -> list[str]:
    return [each.instance_id for each in body.instances.instance]


def test_a_record_has_the_fields_clients_read(cloud: Account) -> None:
    (record,) = describe(cloud, instance_ids=f'["{CENTOS}"]').instances.instance
    assert (record.host_name, record.osname, record.ostype, record.status) == ("web1", "CentOS  7.9 64 bit", "linux", "Running")
    assert record.memory == 4096
    assert record.vpc_attributes.private_ip_address.ip_address[0].startswith("172.16.")
    assert record.operation_locks.lock_reason == []
    assert record.deletion_protection is False


def test_pages_by_token_hold_everything_once(cloud: Account) -> None:
    ids = many(cloud, 25)
    seen, token = [], None
    for _ in range(10):
        body = describe(cloud, max_results=10, next_token=token)
        seen += ids_of(body)
        token = body.next_token
        if not token:
            break
    assert sorted(seen) == sorted([*ids, CENTOS, WINDOWS])
    assert body.total_count is None


def test_pages_by_number_hold_everything_once(cloud: Account) -> None:
    ids = many(cloud, 25)
    pages = [describe(cloud, page_number=number, page_size=10) for number in (1, 2, 3)]
    assert sorted(id for page in pages for id in ids_of(page)) == sorted([*ids, CENTOS, WINDOWS])
    assert {page.total_count for page in pages} == {27}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"instance_ids": f'["{WINDOWS}","i-none"]'}, [WINDOWS]),
        ({"instance_name": "web*"}, [CENTOS]),
        ({"status": "Stopped"}, []),
        ({"instance_ids": f'["{CENTOS}","{WINDOWS}"]', "instance_name": "win-1"}, [WINDOWS]),
    ],
)
def test_filters_hold_together(cloud: Account, fields: dict[str, str], expected: list[str]) -> None:
    assert ids_of(describe(cloud, **fields)) == expected


def test_tags_find_instances(cloud: Account) -> None:
    tag = ecs.TagResourcesRequestTag(key="wave", value="1")
    cloud.ecs.tag_resources(ecs.TagResourcesRequest(region_id=REGION, resource_type="instance", resource_id=[CENTOS], tag=[tag]))
    assert ids_of(describe(cloud, tag=[ecs.DescribeInstancesRequestTag(key="wave", value="1")])) == [CENTOS]
    assert ids_of(describe(cloud, tag=[ecs.DescribeInstancesRequestTag(key="wave")])) == [CENTOS]
    listed = ecs.ListTagResourcesRequest(region_id=REGION, resource_type="instance", resource_id=[CENTOS])
    (row,) = cloud.ecs.list_tag_resources(listed).body.tag_resources.tag_resource
    assert (row.resource_id, row.tag_key, row.tag_value) == (CENTOS, "wave", "1")
    gone = ecs.UntagResourcesRequest(region_id=REGION, resource_type="instance", resource_id=[CENTOS], tag_key=["wave"])
    cloud.ecs.untag_resources(gone)
    assert ids_of(describe(cloud, tag=[ecs.DescribeInstancesRequestTag(key="wave", value="1")])) == []


def test_tag_keys_of_the_system_are_refused(cloud: Account) -> None:
    tag = ecs.TagResourcesRequestTag(key="acs:own", value="1")
    with refused("InvalidTagKey.Malformed"):
        cloud.ecs.tag_resources(
            ecs.TagResourcesRequest(region_id=REGION, resource_type="instance", resource_id=[CENTOS], tag=[tag])
        )


def test_stop_and_start_pass_all_states_with_their_events(cloud: Account) -> None:
    cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    assert cloud.status(CENTOS) == "Stopping"
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)
    assert cloud.status(CENTOS) == "Stopped"
    cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)
    assert cloud.status(CENTOS) == "Running"
    states = [event["data"]["state"] for event in cloud.events if event["type"] == "ecs:Instance:StateChange"]
    assert states == ["Stopping", "Stopped", "Starting", "Running"]
    envelope = cloud.events[0]
    assert (envelope["source"], envelope["specversion"]) == ("acs.ecs", "1.0")
    assert envelope["subject"].endswith(f":instance/{CENTOS}")
    assert len({event["id"] for event in cloud.events}) == 4


def test_events_come_in_cloud_monitors_form_where_asked(cloud: Account) -> None:
    cloud.load(event_form="cloudmonitor")
    cloud.ecs.reboot_instance(ecs.RebootInstanceRequest(instance_id=CENTOS))
    data = cloud.events[0]["data"]
    assert (data["name"], data["content"]["state"], data["product"]) == ("Instance:StateChange", "Stopping", "ECS")


def test_dry_runs_check_and_change_nothing(cloud: Account) -> None:
    with refused("DryRunOperation"):
        cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS, dry_run=True))
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.start_instance(ecs.StartInstanceRequest(instance_id=CENTOS, dry_run=True))
    assert cloud.status(CENTOS) == "Running"


def test_a_protected_instance_is_not_deleted(cloud: Account) -> None:
    cloud.ecs.modify_instance_attribute(ecs.ModifyInstanceAttributeRequest(instance_id=CENTOS, deletion_protection=True))
    with refused("InvalidOperation.DeletionProtection"):
        cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS, force=True))
    cloud.ecs.modify_instance_attribute(ecs.ModifyInstanceAttributeRequest(instance_id=CENTOS, deletion_protection=False))
    with refused("IncorrectInstanceStatus"):
        cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS))
    cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS, force=True))
    assert ids_of(describe(cloud)) == [WINDOWS]
    assert cloud.disks(CENTOS) == []


@pytest.mark.parametrize("bought", [{"InstanceChargeType": "PrePaid"}, {"SpotStrategy": "SpotAsPriceGo"}])
def test_only_pay_as_you_go_instances_can_be_protected(cloud: Account, bought: dict[str, str]) -> None:
    """The condition is documented for subscriptions (ECS guide, release protection). Its code, and its use for spot
    instances, are assumptions.
    """
    cloud.load([{"InstanceId": "i-bought", **bought}])
    with refused("ChargeTypeViolation"):
        cloud.ecs.modify_instance_attribute(ecs.ModifyInstanceAttributeRequest(instance_id="i-bought", deletion_protection=True))
    cloud.ecs.modify_instance_attribute(ecs.ModifyInstanceAttributeRequest(instance_id="i-bought", deletion_protection=False))


def test_an_instance_that_is_not_there_is_a_404(cloud: Account) -> None:
    with refused("InvalidInstanceId.NotFound"):
        cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id="i-none"))


def test_the_account_answers_the_usual_questions(cloud: Account) -> None:
    regions = {each.region_id for each in cloud.ecs.describe_regions(ecs.DescribeRegionsRequest()).body.regions.region}
    assert {REGION, "ap-southeast-1", "me-east-1"} <= regions
    elsewhere = ecs.DescribeInstancesRequest(region_id="me-east-1")
    assert cloud.ecs.describe_instances(elsewhere).body.total_count == 0, "instances belong to their region"
    attributes = cloud.ecs.describe_account_attributes(ecs.DescribeAccountAttributesRequest(region_id=REGION)).body
    assert len(attributes.account_attribute_items.account_attribute_item) > 3
    images = cloud.ecs.describe_images(ecs.DescribeImagesRequest(region_id=REGION)).body.images.image
    assert images[0].image_id.startswith("centos_7")
    asked = ecs.DescribeInstanceAutoRenewAttributeRequest(region_id=REGION, instance_id=CENTOS)
    (renewal,) = cloud.ecs.describe_instance_auto_renew_attribute(asked).body.instance_renew_attributes.instance_renew_attribute
    assert renewal.auto_renew_enabled is False
