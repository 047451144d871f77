"""Loads a fleet: instances as DescribeInstances returns them, with facts about their guests and planned faults.

The document is {"pages": [DescribeInstances answers], "guests": {instance id: facts}, "faults": settings, "accounts": {id:
account}}. See guest/facts.py for the facts, and fleet.schema.json for the rest. A page or record names its account in ``account``;
without it, the record belongs to the deployment's account. An invalid document loads nothing; the error names each invalid record
and field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.core import members
from localcloud.ecs import fleet_check
from localcloud.ecs.disks import Disks
from localcloud.ecs.guest import linux, windows
from localcloud.ecs.guest.blob import Tree, pack
from localcloud.ecs.guest.facts import Facts, complete
from localcloud.ecs.snapshot_life import SnapshotLife
from localcloud.ecs.store import Doc
from localcloud.ecs.world import SECOND, EcsWorld

_DEFAULTS: dict[str, Any] = {
    "InstanceName": "",
    "HostName": "",
    "Description": "",
    "OSName": "CentOS  7.9 64 bit",
    "OSType": "linux",
    "Status": "Running",
    "ZoneId": "cn-hangzhou-h",
    "Cpu": 2,
    "Memory": 4096,
    "ImageId": "centos_7_9_x64_20G_alibase_20240403.vhd",
    "InstanceType": "ecs.g7.large",
    "InstanceTypeFamily": "ecs.g7",
    "InstanceChargeType": "PostPaid",
    "InternetChargeType": "PayByTraffic",
    "InstanceNetworkType": "vpc",
    "CreationTime": "2020-01-01T00:00Z",
    "StartTime": "2020-01-01T00:05Z",
    "ExpiredTime": "2099-12-31T15:59Z",
    "AutoReleaseTime": "",
    "ResourceGroupId": "",
    "StoppedMode": "Not-applicable",
    "SpotStrategy": "NoSpot",
    "SpotPriceLimit": 0.0,
    "DeletionProtection": False,
    "DeviceAvailable": True,
    "IoOptimized": True,
    "Recyclable": False,
    "ClusterId": "",
    "SaleCycle": "",
    "GPUAmount": 0,
    "GPUSpec": "",
    "LocalStorageAmount": 0,
    "InternetMaxBandwidthIn": -1,
    "InternetMaxBandwidthOut": 0,
}


class Fleet:
    """The loader behind the hook ``load_fleet``."""

    def __init__(self, world: EcsWorld, disks: Disks, life: SnapshotLife) -> None:
        self.world, self.disks, self.life = world, disks, life

    def load(self, document: dict[str, Any]) -> int:
        """Add the instances of a document; existing ones are replaced. Returns how many. Raises FleetInvalid."""
        cloud = self.world.cloud
        fleet_check.check(document, {each.id: self._has(each.id) for each in cloud.accounts.all()})
        with cloud.lock, cloud.db.transaction():
            self._configure(document)
            for account, record in fleet_check.records(document):
                with cloud.accounts.acting(account):
                    self._add(record, document.get("guests", {}).get(record["InstanceId"], {}))
        return len(fleet_check.records(document))

    def _has(self, account: str) -> Callable[[str], bool]:
        def has(instance_id: str) -> bool:
            with self.world.cloud.accounts.acting(account):
                return self.world.store.has("instance", instance_id)

        return has

    def _configure(self, document: dict[str, Any]) -> None:
        """Create the accounts with their roles and settings. ``faults`` of the document apply to the deployment's account."""
        for id, given in document.get("accounts", {}).items():
            members.open_account(self.world.cloud, id, given)
            self._set(id, given.get("faults", {}))
        self._set("", document.get("faults", {}))

    def _set(self, account: str, settings: dict[str, Any]) -> None:
        with self.world.cloud.accounts.acting(account):
            for name, value in settings.items():
                self.world.set_setting(name, value)

    def _add(self, record: Doc, given: Facts) -> None:
        id = record["InstanceId"]
        doc = self._record(record)
        facts = complete(doc, given)
        doc["HostName"] = facts["hostname"]
        doc["sim"] = self._sim(facts, doc)
        for old in self.world.disks(id):
            self.world.store.delete("disk", old["DiskId"])
        self.world.store.put("instance", id, doc)
        for index, disk in enumerate(facts["disks"]):
            self._add_disk(doc, facts, disk, index)
        if facts.get("snapshot_in_progress"):
            self.life.create(self.world.disks(id)[0], "snapshot-in-progress")

    def _record(self, record: Doc) -> Doc:
        number = self.world.cloud.random("serial", record["InstanceId"])
        doc = {
            **_DEFAULTS,
            "RegionId": self.world.cloud.region,
            "SerialNumber": f"{number.getrandbits(128):032x}",
            "InnerIpAddress": {"IpAddress": []},
            "PublicIpAddress": {"IpAddress": []},
            "EipAddress": {"AllocationId": "", "IpAddress": "", "InternetChargeType": ""},
            "VpcAttributes": {"PrivateIpAddress": {"IpAddress": [f"172.16.{number.randrange(256)}.{number.randrange(2, 250)}"]}},
            "SecurityGroupIds": {"SecurityGroupId": []},
            "OperationLocks": {"LockReason": []},
            "Tags": {"Tag": []},
            **{name: value for name, value in record.items() if value is not None and name != "account"},
        }
        doc["OSNameEn"] = doc.get("OSNameEn") or doc["OSName"]
        doc["InstanceName"] = doc["InstanceName"] or record["InstanceId"]
        doc["OSType"] = doc["OSType"].lower()
        return doc

    def _sim(self, facts: Facts, doc: Doc) -> dict[str, Any]:
        now, age = self.world.now, facts.get("heartbeat_age_s")
        lost = bool(facts.get("agent_lost")) or age is not None
        running = doc["Status"] == "Running"
        last = now - (60 if age is None else age) * SECOND
        kept = {name: value for name, value in facts.items() if name != "disks"}
        kept["disks"] = [{**disk, "files": {}, "links": {}} for disk in facts["disks"]]
        return {
            "guest": kept,
            "ip": facts["ip"],
            "agent": {"since": now - 3600 * SECOND if running and not lost else None, "last": last},
            "agent_lost": lost,
            "booted_ms": now - 86400 * SECOND,
            "boots": 0,
            "busy": "",
            "last_invoked": "",
            "invocations": 0,
        }

    def _add_disk(self, instance: Doc, facts: Facts, disk: dict[str, Any], index: int) -> None:
        digest, body = pack(_content(facts, disk, index))
        self.world.cloud.db.put_blob(digest, body)
        sim = {"blob": digest, "used_gib": disk["used_gib"], "mount": disk["mount"], "resetting": ""}
        kind = {"Device": disk["device"], "Type": "system" if index == 0 else "data", "Size": disk["size_gib"]}
        more = {"DiskName": disk["disk_name"]} if "disk_name" in disk else {}
        shown = {
            "Category": disk["category"],
            "Status": disk["status"],
            "Encrypted": disk["encrypted"],
            "MultiAttach": disk.get("multi_attach", "Disabled"),
            "AutoSnapshotPolicyId": disk.get("auto_snapshot_policy", ""),
            "EnableAutomatedSnapshotPolicy": "auto_snapshot_policy" in disk,
            **more,
        }
        self.disks.add(instance, sim, DiskId=disk.get("disk_id", ""), **kind, **shown)


def _content(facts: Facts, disk: dict[str, Any], index: int) -> Tree:
    if index > 0:
        return linux.data_tree(disk)
    return windows.system_tree(facts) if facts["os_type"] == "windows" else linux.system_tree(facts)
