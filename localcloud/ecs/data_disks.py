"""CreateDisk, AttachDisk, DetachDisk and DeleteDisk, for data disks that are made from a snapshot or empty.

Sources: the API references of the four operations (help.aliyun.com and alibabacloud.com, ECS, 2024 to 2026). A disk and its
instance are in one zone. An instance must be Running or Stopped. Attaching and detaching end later, within about a minute. A disk
must be Available to be attached or deleted. A zone offers every category unless the setting ``disk_categories`` names those that it
offers (error codes of CreateDisk). An instance takes every category unless the setting ``attachable_categories`` names the ones it
takes. The code is what AttachDisk answers in issue 274 of kubernetes-sigs/alibaba-cloud-csi-driver; the page of ModifyInstanceSpec
has its message. DeleteDisk ignores an id that does not exist. The durations are assumptions.
"""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import events
from localcloud.ecs.disks import DEFAULTS_OF_CREATED, default_fields
from localcloud.ecs.guest.blob import pack
from localcloud.ecs.paging import Params
from localcloud.ecs.power import require_idle
from localcloud.ecs.snapshots import check_name
from localcloud.ecs.store import Doc
from localcloud.ecs.tags import check_tags, ecs_tags
from localcloud.ecs.world import EcsWorld, refuse_unless

DONE = "ecs.disk_done"
MOST_DISKS = 17
"""Maximum number of disks of an instance: the system disk and 16 data disks."""
_LETTERS = "bcdefghijklmnopqrstuvwxyz"


class DataDisks:
    """The operations on data disks that belong to no instance from the beginning."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world
        world.cloud.scheduler.on(DONE, self._done)

    def create(self, params: Params) -> dict[str, Any]:
        """CreateDisk. A repeated call with the same ClientToken returns the same disk."""
        return self.world.once("CreateDisk", params, lambda: self._create(params))

    def _create(self, params: Params) -> dict[str, Any]:
        zone, size = params.get("ZoneId", ""), params["Size"]
        if not zone:
            raise ApiError("MissingParameter", "The input parameter ZoneId that is mandatory for this action is not supplied.", 400)
        name = params.get("DiskName", "")
        if name:
            check_name(name)
        check_tags(params)
        category = params.get("DiskCategory", "cloud_essd")
        offered = category in self.world.setting("disk_categories", [category])
        refuse_unless(offered, "InvalidDataDiskCategory.NotSupported", "Specified disk category is not supported.")
        used, blob, source = 0, "", params.get("SnapshotId", "")
        if source:
            snapshot = self.world.need("snapshot", source, "InvalidSnapshotId.NotFound")
            ready = snapshot["Status"] == "accomplished"
            refuse_unless(ready, "InvalidSnapshotId.NotReady", "The specified snapshot creation is not completed yet.")
            same = snapshot["RegionId"] == params["RegionId"]
            refuse_unless(same, "InvalidSnapshotId.NotFound", f"The specified snapshot {source} does not exist.", 404)
            size, blob = max(size, int(snapshot["SourceDiskSize"])), snapshot["sim"]["blob"]
        if not blob:
            blob, body = pack({})
            self.world.cloud.db.put_blob(blob, body)
        id = self.world.cloud.new_id("d-bp1")
        shown = {
            **default_fields(self.world, id, DEFAULTS_OF_CREATED),
            "RegionId": params["RegionId"],
            "ZoneId": zone,
            "DiskName": name,
            "Description": params.get("Description", ""),
            "Category": category,
            "PerformanceLevel": params.get("PerformanceLevel", "PL1"),
            "Size": size,
            "SourceSnapshotId": source,
            "Status": "Creating",
            "Tags": {"Tag": ecs_tags(params)},
        }
        sim = {"blob": blob, "used_gib": used, "mount": "", "resetting": "", "attached_once": False}
        self.world.store.put("disk", id, {**shown, "sim": sim})
        self._note_use(source, id, used=True)
        self._later(id, "created", 2, 20)
        return {"DiskId": id}

    def attach(self, params: Params) -> dict[str, Any]:
        """AttachDisk: as a data disk."""
        disk, instance = self.world.disk(params["DiskId"]), self.world.instance(params["InstanceId"])
        require_idle(instance)
        steady = instance["Status"] in ("Running", "Stopped")
        refuse_unless(steady, "IncorrectInstanceStatus", f"The instance is {instance['Status']}.")
        refuse_unless(disk["Status"] == "Available", "IncorrectDiskStatus", f"The disk is {disk['Status']}.")
        same = disk["ZoneId"] == instance["ZoneId"]
        refuse_unless(same, "ResourcesNotInSameZone", "The specified instance and disk are not in the same zone.")
        fits = disk["Category"] in self.world.setting("attachable_categories", [disk["Category"]])
        message = "The instanceType of the specified instance does not support this disk category."
        refuse_unless(fits, "InvalidInstanceType.NotSupportDiskCategory", message)
        there = self.world.disks(instance["InstanceId"])
        refuse_unless(len(there) < MOST_DISKS, "InstanceDiskLimitExceeded", "The amount of the disk on instance reach its limits.")
        taken = {each["Device"] for each in there}
        device = next(f"/dev/xvd{letter}" for letter in _LETTERS if f"/dev/xvd{letter}" not in taken)
        disk |= {"InstanceId": instance["InstanceId"], "Device": device, "Status": "Attaching"}
        disk |= {"DeleteWithInstance": params.get("DeleteWithInstance", False)}
        self.world.store.put("disk", disk["DiskId"], disk)
        self._later(disk["DiskId"], "attached", 3, 20)
        return {}

    def detach(self, params: Params) -> dict[str, Any]:
        """DetachDisk: of a data disk."""
        disk, instance = self.world.disk(params["DiskId"]), self.world.instance(params["InstanceId"])
        require_idle(instance)
        own = disk["InstanceId"] == instance["InstanceId"]
        refuse_unless(own, "DependencyViolation", "The specified disk has not been attached on the specified instance.")
        refuse_unless(disk["Type"] == "data", "DiskTypeViolation", "The specified disk is a system disk and does not support it.")
        refuse_unless(disk["Status"] == "In_use", "IncorrectDiskStatus", f"The disk is {disk['Status']}.")
        steady = instance["Status"] in ("Running", "Stopped")
        refuse_unless(steady, "IncorrectInstanceStatus", f"The instance is {instance['Status']}.")
        disk["Status"] = "Detaching"
        self.world.store.put("disk", disk["DiskId"], disk)
        self._later(disk["DiskId"], "detached", 15, 60)
        return {}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteDisk: an id that does not exist is ignored."""
        disk = self.world.store.get("disk", params["DiskId"])
        if disk is None:
            return {}
        refuse_unless(disk["Status"] == "Available", "IncorrectDiskStatus", f"The disk is {disk['Status']}.")
        self.world.store.delete("disk", disk["DiskId"])
        self._note_use(disk["SourceSnapshotId"], disk["DiskId"], used=False)
        return {}

    def _later(self, disk_id: str, what: str, low_s: float, high_s: float) -> None:
        due = self.world.now + self.world.between(low_s, high_s, what, disk_id, self.world.now)
        self.world.cloud.scheduler.at(due, DONE, {"disk": disk_id, "what": what}, key=disk_id)

    def _done(self, payload: dict[str, Any]) -> None:
        disk = self.world.store.get("disk", payload["disk"])
        if disk is None:
            return
        what = payload["what"]
        if what == "attached":
            self._attached(disk)
        elif what == "detached":
            disk |= {"InstanceId": "", "Device": "", "DetachedTime": self.world.now_iso, "Attachments": {"Attachment": []}}
            disk["sim"]["mount"] = ""
        if what != "attached":
            disk["Status"] = "Available"
        self.world.store.put("disk", disk["DiskId"], disk)
        if what != "created":
            events.disk_operation(self.world, disk["DiskId"], "AttachDisk" if what == "attached" else "DetachDisk")

    def _attached(self, disk: Doc) -> None:
        """A Windows guest finds the new disk by its serial number. In a Linux guest nobody mounts it."""
        instance = self.world.store.get("instance", disk["InstanceId"]) or {}
        row = {"InstanceId": disk["InstanceId"], "Device": disk["Device"], "AttachedTime": self.world.now_iso}
        disk |= {"Status": "In_use", "AttachedTime": self.world.now_iso, "Attachments": {"Attachment": [row]}}
        disk["sim"]["attached_once"] = True
        if instance.get("OSType") == "windows":
            disk["sim"]["mount"] = f"/Volumes/{disk['SerialNumber']}"

    def _note_use(self, snapshot_id: str, disk_id: str, *, used: bool) -> None:
        """Note in a snapshot which disks were made from it: while there are some, DeleteSnapshot needs Force."""
        snapshot = self.world.store.get("snapshot", snapshot_id) if snapshot_id else None
        if snapshot is not None:
            left = [each for each in snapshot["sim"].get("disks", []) if each != disk_id]
            snapshot["sim"]["disks"] = [*left, disk_id] if used else left
            self.world.store.put("snapshot", snapshot_id, snapshot)
