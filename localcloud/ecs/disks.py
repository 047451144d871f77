"""DescribeDisks and ResetDisk, and the attaching and detaching of disks for SMC."""

from __future__ import annotations

from typing import Any

from localcloud.ecs import complete, events, paging
from localcloud.ecs.paging import Params
from localcloud.ecs.power import require_idle
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld, dry_run, refuse_unless

RESET = "ecs.disk_reset"
_FILTERS = {"DiskType": "Type", "Category": "Category", "ZoneId": "ZoneId", "DiskName": "DiskName", "MultiAttach": "MultiAttach"}
_FILTERS["PerformanceLevel"] = "PerformanceLevel"


class Disks:
    """Disks, and the operations on them."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world
        world.cloud.scheduler.on(RESET, self._reset_done)

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeDisks. A disk must match all filters."""
        ids = paging.id_list(params, "DiskIds")
        where = {**paging.tag_links(params), "region": params["RegionId"]}
        if "InstanceId" in params:
            where["instance"] = params["InstanceId"]
        if params.get("Status", "All") != "All":
            where["status"] = params["Status"]
        wanted = {field: params[name] for name, field in _FILTERS.items() if params.get(name, "all") != "all"}

        def keep(disk: Doc) -> bool:
            return all(disk[field] == value for field, value in wanted.items())

        docs, fields = paging.page(self.world.store.shared, paging.Query("disk", where, ids, keep if wanted else None), params)
        dry_run(params)
        return {**fields, "Disks": {"Disk": [complete.disk(doc) for doc in docs]}}

    def reset(self, params: Params) -> dict[str, Any]:
        """ResetDisk: only for a disk of a stopped instance, and only from a finished snapshot of that disk."""
        disk = self.world.disk(params["DiskId"])
        snapshot = self.world.need("snapshot", params["SnapshotId"], "InvalidSnapshotId.NotFound")
        resetting = disk["Status"] == "ReIniting"
        refuse_unless(not resetting, "InvalidOperation.DiskResetInProgress", "The disk is being reset.")
        refuse_unless(disk["Status"] in ("In_use", "Available"), "IncorrectDiskStatus", f"The disk is {disk['Status']}.")
        same = snapshot["SourceDiskId"] == disk["DiskId"]
        refuse_unless(same, "InvalidParameter.Mismatch", "The snapshot was not made from this disk.")
        refuse_unless(snapshot["Status"] == "accomplished", "InvalidSnapshotId.NotReady", "The snapshot is not finished.")
        self._check_instance(disk)
        dry_run(params)
        disk["Status"] = "ReIniting"
        disk["sim"]["resetting"] = params["SnapshotId"]
        self.world.store.put("disk", disk["DiskId"], disk)
        due = self.world.now + self.world.between(15, 60, "reset", disk["DiskId"], self.world.now)
        payload = {"disk": disk["DiskId"], "blob": snapshot["sim"]["blob"]}
        self.world.cloud.scheduler.at(due, RESET, payload, key=disk["DiskId"])
        return {}

    def _check_instance(self, disk: Doc) -> None:
        busy = self.world.store.count("snapshot", {"disk": disk["DiskId"], "status": "progressing"})
        refuse_unless(not busy, "IncorrectDiskStatus.HasUnfinishedSnapshot", "A snapshot of the disk is being created.")
        instance = self.world.store.get("instance", disk["InstanceId"])
        if instance is not None:
            require_idle(instance)
            stopped = instance["Status"] == "Stopped"
            refuse_unless(stopped, "IncorrectInstanceStatus", f"The instance is {instance['Status']}, and must be Stopped.")
            reasons = [lock["LockReason"] for lock in instance["OperationLocks"]["LockReason"]]
            refuse_unless("financial" not in reasons, "InstanceExpiredOrInArrears", "The instance is expired or in arrears.")

    def _reset_done(self, payload: dict[str, Any]) -> None:
        disk = self.world.store.get("disk", payload["disk"])
        if disk is not None:
            disk["Status"] = "In_use" if disk["InstanceId"] else "Available"
            disk["sim"] |= {"blob": payload["blob"], "resetting": ""}
            self.world.store.put("disk", disk["DiskId"], disk)

    def add(self, instance: Doc, sim: dict[str, Any], **fields: Any) -> str:
        """Create a disk for an instance and attach it. Returns its id. ``fields`` must have Device, Type, Size and Category."""
        id = fields.pop("DiskId", "") or self.world.cloud.new_id("d-bp1")
        doc = {**default_fields(self.world, id, instance), **fields}
        row = {"InstanceId": instance["InstanceId"], "Device": doc["Device"], "AttachedTime": doc["AttachedTime"]}
        self.world.store.put("disk", id, {**doc, "Attachments": {"Attachment": [row]}, "sim": sim})
        return id

    def attach_transit(self, instance: Doc, blob: str) -> str:
        """Attach SMC's transit disk: a data disk with an event, which only SMC removes again. Returns its id."""
        taken = [disk["Device"] for disk in self.world.disks(instance["InstanceId"])]
        device = next(f"/dev/xvd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz" if f"/dev/xvd{letter}" not in taken)
        sim = {"blob": blob, "used_gib": 8, "mount": "", "resetting": "", "transit": True}
        fields = {"Device": device, "Type": "data", "Size": 40, "Category": "cloud_essd", "DiskName": "SMC_Transit_Disk"}
        id = self.add(instance, sim, **fields)
        events.disk_operation(self.world, id, "AttachDisk")
        return id

    def drop_transit(self, disk_id: str) -> None:
        """Detach and delete a transit disk. A disk that is already gone is no error."""
        if self.world.store.get("disk", disk_id) is not None:
            self.world.store.delete("disk", disk_id)
            events.disk_operation(self.world, disk_id, "DetachDisk")


DEFAULTS_OF_CREATED = {"InstanceId": "", "RegionId": "", "ZoneId": "", "ResourceGroupId": "", "ImageId": ""}
DEFAULTS_OF_CREATED |= {"InstanceChargeType": "PostPaid"}
"""In place of an instance, for a disk that was made without one."""


def default_fields(world: EcsWorld, id: str, instance: Doc) -> Doc:
    """The usual fields of a new disk of an instance."""
    created = not instance["InstanceId"]
    return {
        "DiskId": id,
        "DiskName": "",
        "Description": "",
        "InstanceId": instance["InstanceId"],
        "RegionId": instance["RegionId"],
        "ZoneId": instance["ZoneId"],
        "ResourceGroupId": instance["ResourceGroupId"],
        "Status": "In_use",
        "Encrypted": False,
        "MultiAttach": "Disabled",
        "PerformanceLevel": "PL1",
        "DiskChargeType": instance["InstanceChargeType"],
        "DeleteWithInstance": not created,
        "DeleteAutoSnapshot": created,
        "EnableAutoSnapshot": True,
        "EnableAutomatedSnapshotPolicy": False,
        "Portable": created,
        "ImageId": instance["ImageId"],
        "SerialNumber": id.replace("d-", "", 1),
        "SourceSnapshotId": "",
        "CreationTime": world.now_iso,
        "AttachedTime": "" if created else world.now_iso,
        "DetachedTime": "",
        "ExpiredTime": "2999-09-08T16:00Z",
        "OperationLocks": {"OperationLock": []},
        "MountInstances": {"MountInstance": []},
        "Tags": {"Tag": []},
        **({"Type": "data", "Device": "", "Attachments": {"Attachment": []}} if created else {}),
    }
