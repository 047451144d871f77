"""CreateSnapshot, DescribeSnapshots and DeleteSnapshot, with the conditions and codes of the documentation (facts, section 8)."""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import paging, snapshot_life
from localcloud.ecs.paging import Params
from localcloud.ecs.power import require_idle
from localcloud.ecs.store import Doc
from localcloud.ecs.tags import check_tags, ecs_tags
from localcloud.ecs.world import EcsWorld, dry_run, refuse_unless, shown

PER_DISK = 256
_FILTERS = {
    "SnapshotName": "SnapshotName",
    "SourceDiskType": "SourceDiskType",
    "Usage": "Usage",
    "ResourceGroupId": "ResourceGroupId",
}


class Snapshots:
    """The three operations on single snapshots."""

    def __init__(self, world: EcsWorld, life: snapshot_life.SnapshotLife) -> None:
        self.world, self.life = world, life

    def create(self, params: Params) -> dict[str, Any]:
        """CreateSnapshot. A repeated call with the same ClientToken returns the same snapshot."""
        return self.world.once("CreateSnapshot", params, lambda: self._create(params))

    def _create(self, params: Params) -> dict[str, Any]:
        disk = self.world.disk(params["DiskId"])
        name, days = params.get("SnapshotName", ""), params.get("RetentionDays")
        check_name(name)
        if days is not None and not 1 <= days <= 65536:
            raise ApiError("InvalidRetentionDays.Malformed", "RetentionDays must be between 1 and 65536.", 400)
        check_tags(params)
        check_disk(self.world, disk)
        description = params.get("Description", "")
        id = self.life.create(disk, name, days=days, Description=description, Tags={"Tag": ecs_tags(params)})
        return {"SnapshotId": id}

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeSnapshots. A snapshot must match all filters."""
        ids = paging.id_list(params, "SnapshotIds")
        where = {**paging.tag_links(params), **_links(params), "region": params["RegionId"]}
        query = paging.Query("snapshot", where, ids, _keep(params) if _needs_scan(params) else None)
        docs, fields = paging.page(self.world.store, query, params)
        dry_run(params)
        return {**fields, "Snapshots": {"Snapshot": [self._shown(doc) for doc in docs]}}

    def _shown(self, snapshot: Doc) -> Doc:
        answer = {**shown(snapshot), **snapshot_life.shown_progress(self.world, snapshot)}
        return {name: value for name, value in answer.items() if value is not None}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteSnapshot. A snapshot in progress is cancelled."""
        id = params["SnapshotId"]
        snapshot = self.world.need("snapshot", id, "InvalidSnapshotId.NotFound")
        refuse_unless(not snapshot["sim"].get("image"), "SnapshotCreatedImage", "The snapshot has created an image.")
        used = snapshot["sim"].get("disks") and not params.get("Force")
        refuse_unless(not used, "SnapshotCreatedDisk", "The snapshot has created disks; set Force to delete it.")
        resetting = [d for d in [self.world.store.get("disk", snapshot["SourceDiskId"])] if d and d["sim"].get("resetting") == id]
        refuse_unless(not resetting, "Operation.Conflict", "A disk is being reset from the snapshot.")
        snapshot_life.delete(self.world, id)
        return {}


def check_name(name: str) -> None:
    """Check a snapshot's name: empty, or 2-128 characters that do not begin with auto, http:// or https://."""
    bad = name and (not 2 <= len(name) <= 128 or name.startswith(("auto", "http://", "https://")))
    if bad:
        raise ApiError("InvalidSnapshotName.Malformed", "The specified snapshot name is wrongly formed.", 400)


def check_disk(world: EcsWorld, disk: Doc, *, ours: bool = True) -> None:
    """Refuse a snapshot that may not begin. ``ours`` is False for SMC's own snapshots, which ``busy`` does not stop."""
    id, instance = disk["DiskId"], world.store.get("instance", disk["InstanceId"])
    refuse_unless(disk["sim"].get("attached_once", True), "IncorrectDiskStatus.NeverAttached", f"The disk {id} was never attached.")
    refuse_unless(disk["Status"] in ("In_use", "Available"), "IncorrectDiskStatus", f"The disk {id} is {disk['Status']}.")
    refuse_unless(not disk["sim"].get("arrears"), "DiskInArrears", f"The disk {id} has an overdue payment.")
    if instance is not None:
        if ours:
            require_idle(instance)
        steady = instance["Status"] in ("Running", "Stopped")
        refuse_unless(steady, "IncorrectInstanceStatus", f"The instance is {instance['Status']}.")
    busy = world.store.count("snapshot", {"disk": id, "status": "progressing"})
    refuse_unless(not busy, "IncorrectDiskStatus.CreatingSnapshot", f"A previous snapshot of the disk {id} is still being created.")
    _check_quota(world, id)


def _check_quota(world: EcsWorld, disk_id: str) -> None:
    account = world.setting("account", "normal")
    refuse_unless(
        account != "no_snapshot_service", "InvalidAccountStatus.SnapshotServiceUnavailable", "The snapshot service is not open."
    )
    refuse_unless(account != "arrears", "InvalidAccountStatus.NotEnoughBalance", "The account's balance does not suffice.")
    per_disk = world.setting("snapshots_per_disk", PER_DISK)
    full = world.store.count("snapshot", {"disk": disk_id}) >= per_disk
    refuse_unless(not full, "QuotaExceed.Snapshot", f"The disk {disk_id} already has {per_disk} snapshots.")
    at_once = world.setting("concurrent_snapshots", 0)
    crowded = at_once and world.store.count("snapshot", {"status": "progressing"}) >= at_once
    refuse_unless(not crowded, "QuotaExceed.ConcurrentSnapshotQuota", f"{at_once} snapshots are being created already.")


def _links(params: Params) -> dict[str, str]:
    named = {"DiskId": "disk", "InstanceId": "instance"}
    links = {link: params[name] for name, link in named.items() if name in params}
    if params.get("Status", "all") != "all":
        links["status"] = params["Status"]
    return links


def _needs_scan(params: Params) -> bool:
    other = any(name in params for name in (*_FILTERS, "Filter", "Encrypted", "Category"))
    return other or params.get("SnapshotType", "all") not in ("all", "user") or bool(paging.tag_keys(params))


def _keep(params: Params) -> paging.Keep:
    first, last = snapshot_life.creation_window(params)
    wanted = {field: params[name].lower() for name, field in _FILTERS.items() if name in params}

    def keep(doc: Doc) -> bool:
        same = all(str(doc[field]).lower() == value for field, value in wanted.items())
        keys = {tag["TagKey"] for tag in doc["Tags"]["Tag"]}
        typed = params.get("SnapshotType", "all") in ("all", doc["SnapshotType"])
        return same and typed and paging.tag_keys(params) <= keys and first <= doc["CreationTime"] <= last

    return keep
