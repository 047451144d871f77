"""Snapshot groups: consistent snapshots of all disks of an instance at one moment (facts, section 8)."""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import paging, snapshot_life
from localcloud.ecs.paging import Params
from localcloud.ecs.snapshots import check_disk, check_name
from localcloud.ecs.store import Doc
from localcloud.ecs.tags import check_tags, ecs_tags
from localcloud.ecs.world import EcsWorld, refuse_unless, shown
from localcloud.wire.rpc import missing

CATEGORIES = ("cloud_essd", "cloud_auto", "cloud_essd_entry")
_MOST_DISKS, _MOST_GIB = 16, 32 * 1024


class Groups:
    """The three operations on groups."""

    def __init__(self, world: EcsWorld, life: snapshot_life.SnapshotLife) -> None:
        self.world, self.life = world, life

    def create(self, params: Params) -> dict[str, Any]:
        """CreateSnapshotGroup. A repeated call with the same ClientToken returns the same group."""
        return self.world.once("CreateSnapshotGroup", params, lambda: self._create(params))

    def _create(self, params: Params) -> dict[str, Any]:
        check_name(params.get("Name", ""))
        check_tags(params)
        disks = self._disks(params)
        _check(disks)
        for disk in disks:
            check_disk(self.world, disk)
        id = self.world.cloud.new_id("ssg-bp1")
        group = {
            "SnapshotGroupId": id,
            "InstanceId": params.get("InstanceId", disks[0]["InstanceId"]),
            "Name": params.get("Name", ""),
            "Description": params.get("Description", ""),
            "Status": "progressing",
            "CreationTime": self.world.now_iso,
            "ResourceGroupId": "",
            "Tags": {"Tag": ecs_tags(params)},
        }
        self.world.store.put("group", id, {**group, "sim": {}})
        for disk in disks:
            self.life.create(disk, params.get("Name", ""), group=id, Tags={"Tag": ecs_tags(params)})
        return {"SnapshotGroupId": id}

    def _disks(self, params: Params) -> list[Doc]:
        """The disks of the call: those of DiskId.N, or all of the instance except those of ExcludeDiskId.N."""
        chosen, left_out = params.get("DiskId"), params.get("ExcludeDiskId", [])
        if chosen and left_out:
            raise ApiError("InvalidParam.ExcludeDiskIdsAndDiskIds.Conflict", "DiskId and ExcludeDiskId exclude each other.", 400)
        if chosen:
            return [self.world.disk(id) for id in chosen]
        if "InstanceId" not in params:
            raise missing("InstanceId")
        self.world.instance(params["InstanceId"])
        return [disk for disk in self.world.disks(params["InstanceId"]) if disk["DiskId"] not in left_out]

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeSnapshotGroups. This operation pages by NextToken only."""
        ids, states = params.get("SnapshotGroupId"), params.get("Status")
        where = paging.tag_links(params)
        if "InstanceId" in params:
            where["instance"] = params["InstanceId"]

        def keep(group: Doc) -> bool:
            named = params.get("Name", group["Name"]) == group["Name"]
            return named and (not states or group["Status"] in states)

        docs, fields = paging.page(self.world.store, paging.Query("group", where, ids or None, keep), {"MaxResults": 10, **params})
        return {**fields, "SnapshotGroups": {"SnapshotGroup": [self._shown(doc) for doc in docs]}}

    def _shown(self, group: Doc) -> Doc:
        found = self.world.store.find("snapshot", {"group": group["SnapshotGroupId"]})
        rows = [
            {
                "SnapshotId": snapshot["SnapshotId"],
                "SourceDiskId": snapshot["SourceDiskId"],
                "SourceDiskType": snapshot["SourceDiskType"],
                "Progress": snapshot_life.shown_progress(self.world, snapshot)["Progress"],
                "Available": snapshot["Available"],
                "InstantAccess": False,
                "Tags": snapshot["Tags"],
            }
            for snapshot in found
        ]
        return {**shown(group), "Snapshots": {"Snapshot": rows}}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteSnapshotGroup: deletes the group's snapshots too, except those that an image was made from."""
        id = params["SnapshotGroupId"]
        group = self.world.need("group", id, "InvalidSnapshotGroup.NotFound")
        members = self.world.store.find("snapshot", {"group": id})
        refuse_unless(
            not any(member["sim"].get("disks") for member in members), "SnapshotCreatedDisk", "A snapshot has created disks."
        )
        for member in members:
            if member["sim"].get("image"):
                member["sim"]["group"] = ""
                self.world.store.put("snapshot", member["SnapshotId"], member)
            else:
                snapshot_life.delete(self.world, member["SnapshotId"])
        self.world.store.delete("group", group["SnapshotGroupId"])
        return {}


def _check(disks: list[Doc]) -> None:
    refuse_unless(bool(disks), "InvalidDiskIds.NotFound", "No disk is left for the group.", 404)
    refuse_unless(len(disks) <= _MOST_DISKS, "NumberExceed.TooManyDisks", f"At most {_MOST_DISKS} disks are allowed.")
    refuse_unless(sum(disk["Size"] for disk in disks) <= _MOST_GIB, "CapacityExceed.TooManyDisks", "At most 32 TiB are allowed.")
    refuse_unless(len({disk["ZoneId"] for disk in disks}) == 1, "InvalidDiskIds.NotInSameZone", "The disks are in several zones.")
    for disk in disks:
        multi = disk["MultiAttach"] != "Disabled"
        refuse_unless(not multi, "InvalidOperation.MultiAttachDisk", f"The disk {disk['DiskId']} is a multi-attach disk.")
        suits = disk["Category"] in CATEGORIES
        message = f"The category {disk['Category']} of the disk {disk['DiskId']} does not support snapshot groups."
        refuse_unless(suits, "InvalidDisk.DiskCategoryInconsistent", message)
