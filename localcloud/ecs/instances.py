"""DescribeInstances, DescribeInstanceStatus, ModifyInstanceAttribute, DeleteInstance."""

from __future__ import annotations

import fnmatch
from typing import Any

from localcloud.ecs import complete, events, paging
from localcloud.ecs.paging import Params
from localcloud.ecs.power import require_idle
from localcloud.ecs.world import EcsWorld, dry_run, refuse_unless

_EQUAL = {
    "ImageId": "ImageId",
    "InstanceChargeType": "InstanceChargeType",
    "InstanceNetworkType": "InstanceNetworkType",
    "InstanceType": "InstanceType",
    "InstanceTypeFamily": "InstanceTypeFamily",
    "InternetChargeType": "InternetChargeType",
    "KeyPairName": "KeyPairName",
    "ZoneId": "ZoneId",
}
_ADDRESSES = {
    "PrivateIpAddresses": lambda doc: doc["VpcAttributes"].get("PrivateIpAddress", {}).get("IpAddress", []),
    "InnerIpAddresses": lambda doc: doc["InnerIpAddress"].get("IpAddress", []),
    "PublicIpAddresses": lambda doc: doc["PublicIpAddress"].get("IpAddress", []),
    "EipAddresses": lambda doc: [doc["EipAddress"].get("IpAddress", "")],
}
_CAPPED, _MOST = ("Tag", "ResourceGroupId"), 1000
"""Parameters with which ECS limits the length of a listing, and that length (reference of DescribeInstances)."""
_STATES = ("Pending", "Running", "Starting", "Stopping", "Stopped")


class Instances:
    """The operations on instances, except for starting and stopping."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeInstances. An instance must match all filters."""
        where = {**paging.tag_links(params), "region": params["RegionId"]}
        if "Status" in params:
            refuse_unless(params["Status"] in _STATES, "InvalidParameter", "The specified parameter Status is not valid.", 400)
            where["status"] = params["Status"]
        most = _MOST if any(name in params for name in _CAPPED) else 0
        query = paging.Query("instance", where, paging.id_list(params, "InstanceIds"), _keep(params), most)
        docs, fields = paging.page(self.world.store.shared, query, params)
        dry_run(params)
        return {**fields, "Instances": {"Instance": [complete.instance(doc) for doc in docs]}}

    def status(self, params: Params) -> dict[str, Any]:
        """DescribeInstanceStatus."""
        ids = params.get("InstanceId")
        found = [self.world.instance(id) for id in ids] if ids else self.world.store.find("instance", {})
        docs, fields = paging.page_of([doc for doc in found if params.get("ZoneId", doc["ZoneId"]) == doc["ZoneId"]], params)
        rows = [{"InstanceId": doc["InstanceId"], "Status": doc["Status"]} for doc in docs]
        return {**fields, "InstanceStatuses": {"InstanceStatus": rows}}

    def modify(self, params: Params) -> dict[str, Any]:
        """ModifyInstanceAttribute: name, description, host name and deletion protection."""
        instance = self.world.instance(params["InstanceId"])
        require_idle(instance)
        if params.get("DeletionProtection"):
            _require_protectable(instance)
        for name in ("InstanceName", "Description", "HostName", "DeletionProtection"):
            if name in params:
                instance[name] = params[name]
        self.world.store.put("instance", params["InstanceId"], instance)
        return {}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteInstance: the instance must be pay-as-you-go, not protected, and Stopped (unless Force is true)."""
        id = params["InstanceId"]
        instance = self.world.instance(id)
        require_idle(instance)
        protected = instance["DeletionProtection"]
        refuse_unless(not protected, "InvalidOperation.DeletionProtection", "The instance is protected against deletion.")
        paid = instance["InstanceChargeType"] == "PrePaid" and not params.get("TerminateSubscription")
        refuse_unless(not paid, "ChargeTypeViolation", "A subscription instance cannot be released.")
        stopped = instance["Status"] == "Stopped" or params.get("Force")
        refuse_unless(bool(stopped), "IncorrectInstanceStatus", f"The instance is {instance['Status']}.")
        dry_run(params)
        for disk in self.world.disks(id):
            self.world.store.delete("disk", disk["DiskId"])
        self.world.store.delete("instance", id)
        events.state_changed(self.world, id, "Deleted")
        return {}

    def auto_renew(self, params: Params) -> dict[str, Any]:
        """DescribeInstanceAutoRenewAttribute: no instance of this emulation renews itself."""
        ids = [id for id in params.get("InstanceId", "").split(",") if id]
        rows = [
            {"InstanceId": self.world.instance(id)["InstanceId"], "AutoRenewEnabled": False, "RenewalStatus": "Normal"}
            for id in ids
        ]
        fields = {"PageNumber": 1, "PageSize": 10, "TotalCount": len(rows)}
        rows = [{**row, "Duration": 0, "PeriodUnit": "Month"} for row in rows]
        return {**fields, "InstanceRenewAttributes": {"InstanceRenewAttribute": rows}}


def _require_protectable(instance: dict[str, Any]) -> None:
    """Refuse deletion protection for a subscription or spot instance (ECS guide on release protection)."""
    on_demand = instance["InstanceChargeType"] == "PostPaid" and instance["SpotStrategy"] == "NoSpot"
    refuse_unless(on_demand, "ChargeTypeViolation", "Only pay-as-you-go instances can be protected against deletion.")


def _keep(params: Params) -> paging.Keep | None:
    """The filter for conditions that links cannot express. None if there are no such conditions."""
    tests = [*_equal_tests(params), *_address_tests(params)]
    if "InstanceName" in params:
        pattern = params["InstanceName"].replace("[", "[[]").replace("?", "[?]")
        tests.append(lambda doc: fnmatch.fnmatchcase(doc["InstanceName"], pattern))
    if keys := paging.tag_keys(params):
        tests.append(lambda doc: keys <= {tag["TagKey"] for tag in doc["Tags"]["Tag"]})
    if "ResourceGroupId" in params:  # instances of the default group are listed with every group (same reference)
        tests.append(lambda doc: doc.get("ResourceGroupId", "") in ("", params["ResourceGroupId"]))
    for name, path in (("VpcId", "VpcId"), ("VSwitchId", "VSwitchId")):
        if name in params:
            tests.append(lambda doc, path=path, name=name: doc["VpcAttributes"].get(path) == params[name])
    if "LockReason" in params:
        tests.append(lambda doc: params["LockReason"] in [lock["LockReason"] for lock in doc["OperationLocks"]["LockReason"]])
    return (lambda doc: all(test(doc) for test in tests)) if tests else None


def _equal_tests(params: Params) -> list[Any]:
    return [
        (lambda doc, field=field, value=params[name]: doc.get(field) == value) for name, field in _EQUAL.items() if name in params
    ]


def _address_tests(params: Params) -> list[Any]:
    tests: list[Any] = []
    for name, addresses in _ADDRESSES.items():
        wanted = paging.id_list(params, name)
        if wanted is not None:
            tests.append(lambda doc, addresses=addresses, wanted=wanted: bool(set(addresses(doc)) & set(wanted)))
    return tests
