"""Regions, account attributes, the snapshot service and images: operations that clients call first."""

from __future__ import annotations

from typing import Any

from localcloud.core.regions import REGIONS
from localcloud.ecs.paging import Params, page_of
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld

_ATTRIBUTES = {
    "instance-network-type": ["vpc"],
    "max-security-groups": ["1000"],
    "max-elastic-network-interfaces": ["50000"],
    "max-postpaid-instance-vcpu-count": ["10000"],
    "real-name-authentication": ["yes"],
    "supported-postpay-instance-types": ["ecs.g7.large", "ecs.g7.xlarge"],
}


class Account:
    """The operations that describe the account."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world

    def regions(self, params: Params) -> dict[str, Any]:
        """DescribeRegions. This one cloud serves every region."""
        rows = [
            {"RegionId": id, "LocalName": name, "RegionEndpoint": f"ecs.{id}.aliyuncs.com", "Status": "available"}
            for id, name in REGIONS.items()
        ]
        return {"Regions": {"Region": rows}}

    def attributes(self, params: Params) -> dict[str, Any]:
        """DescribeAccountAttributes."""
        names = params.get("AttributeName") or sorted(_ATTRIBUTES)
        items = [_attribute(name) for name in names if name in _ATTRIBUTES]
        return {"AccountAttributeItems": {"AccountAttributeItem": items}}

    def instance_types(self, params: Params) -> dict[str, Any]:
        """DescribeInstanceTypes: the requested types, else those of the fleet. Each type allows 17 cloud disks, the system disk
        included.
        """
        fleet = {doc["InstanceType"] for doc in self.world.store.find("instance", {})}
        names = params.get("InstanceTypes") or sorted(fleet)
        rows = [{"InstanceTypeId": name, "InstanceTypeFamily": name.rsplit(".", 1)[0], "DiskQuantity": 17} for name in names]
        return {"InstanceTypes": {"InstanceType": rows}}

    def auto_snapshot_policies(self, params: Params) -> dict[str, Any]:
        """DescribeAutoSnapshotPolicyEx: the policies in the fleet's ``faults``. They do not create snapshots in this emulation."""
        wanted = params.get("AutoSnapshotPolicyId", "")
        rows = [
            {"AutoSnapshotPolicyId": id, "RegionId": params["RegionId"], "Status": "Normal", "RetentionDays": -1, **policy}
            for id, policy in sorted(self.world.setting("auto_snapshot_policies", {}).items())
            if wanted in ("", id)
        ]
        rows, fields = page_of(rows, {name: params[name] for name in ("PageNumber", "PageSize") if name in params})
        return {**fields, "AutoSnapshotPolicies": {"AutoSnapshotPolicy": rows}}

    def open_snapshots(self, params: Params) -> dict[str, Any]:
        """OpenSnapshotService: activates the snapshot service. A repeated call succeeds too."""
        if self.world.setting("account", "normal") == "no_snapshot_service":
            self.world.set_setting("account", "normal")
        return {}

    def images(self, params: Params) -> dict[str, Any]:
        """DescribeImages: the images that the instances were created from."""
        found: dict[str, Doc] = {}
        for doc in self.world.store.find("instance", {}):
            found.setdefault(doc["ImageId"], _image(doc))
        wanted = set(params.get("ImageId", "").split(",")) - {""}
        kept = [image for id, image in sorted(found.items()) if not wanted or id in wanted]
        kept = [image for image in kept if params.get("OSType", image["OSType"]) == image["OSType"]]
        rows, fields = page_of(kept, {name: params[name] for name in ("PageNumber", "PageSize") if name in params})
        return {**fields, "RegionId": self.world.cloud.region, "Images": {"Image": rows}}


def _attribute(name: str) -> dict[str, Any]:
    values = [{"Value": value} for value in _ATTRIBUTES[name]]
    return {"AttributeName": name, "AttributeValues": {"ValueItem": values}}


def _image(instance: Doc) -> Doc:
    return {
        "ImageId": instance["ImageId"],
        "ImageName": instance["ImageId"],
        "ImageOwnerAlias": "system",
        "OSName": instance["OSName"],
        "OSNameEn": instance["OSNameEn"],
        "OSType": instance["OSType"],
        "Platform": instance["OSNameEn"].split("  ")[0].rsplit(" ", 1)[0],
        "Architecture": "arm64" if "arm" in instance["OSNameEn"].lower() else "x86_64",
        "Status": "Available",
        "Usage": "instance",
        "Size": 40,
        "Progress": "100%",
        "IsSupportCloudinit": True,
        "CreationTime": instance["CreationTime"],
    }
