"""The life of a snapshot: its progress grows with the disk's used size, and it ends accomplished or failed.

Sources: facts of ECS snapshots (states progressing, accomplished, failed; Progress in percent; RemainTime in seconds). The
durations are assumptions: 20 s plus 8 s per used GiB for a disk's first snapshot, and a fifth of that for later ones.
"""

from __future__ import annotations

from typing import Any

from localcloud.core.clock import iso
from localcloud.ecs import events
from localcloud.ecs.store import Doc
from localcloud.ecs.world import DAY, SECOND, EcsWorld

FINISH = "ecs.snapshot_finish"
EXPIRE = "ecs.snapshot_expire"


class SnapshotLife:
    """Creates snapshots and carries out their jobs."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world
        world.cloud.scheduler.on(FINISH, self._finish)
        world.cloud.scheduler.on(EXPIRE, lambda payload: delete(world, payload["snapshot"]))

    def create(self, disk: Doc, name: str, *, days: int | None = None, group: str = "", **shown: Any) -> str:
        """Begin a snapshot of a disk as it is now. Returns the snapshot's id. ``shown`` are further fields of the API's answer."""
        world = self.world
        id = world.cloud.new_id("s-bp1")
        duration = _duration_ms(world, disk)
        sim = {
            "blob": disk["sim"]["blob"],
            "instance": disk["InstanceId"],
            "group": group,
            "started_ms": world.now,
            "done_ms": world.now + duration,
            "spoilt": _spoilt(world, disk),
        }
        world.store.put("snapshot", id, {**_new(world, id, disk, name), **shown, "RetentionDays": days, "sim": sim})
        world.cloud.scheduler.at(sim["done_ms"], FINISH, {"snapshot": id}, key=id)
        if days:
            world.cloud.scheduler.at(world.now + days * DAY, EXPIRE, {"snapshot": id}, key=id, periodic=True)
        return id

    def _finish(self, payload: dict[str, Any]) -> None:
        snapshot = self.world.store.get("snapshot", payload["snapshot"])
        if snapshot is None:
            return
        failed = snapshot["sim"]["spoilt"]
        progress = current_progress(self.world, snapshot) // 2 if failed else 100
        snapshot |= {"Status": "failed" if failed else "accomplished", "Progress": f"{progress}%", "RemainTime": 0}
        snapshot |= {"Available": not failed, "LastModifiedTime": self.world.now_iso}
        self.world.store.put("snapshot", payload["snapshot"], snapshot)
        events.snapshot_completed(self.world, snapshot)
        if snapshot["sim"]["group"]:
            finish_group(self.world, snapshot["sim"]["group"])


def _new(world: EcsWorld, id: str, disk: Doc, name: str) -> Doc:
    return {
        "SnapshotId": id,
        "SnapshotName": name,
        "SnapshotSN": id.replace("s-bp1", "sn-"),
        "SnapshotLinkId": disk["DiskId"].replace("d-", "sl-", 1),
        "SnapshotType": "user",
        "Category": "standard",
        "Description": "",
        "RegionId": disk["RegionId"],
        "SourceDiskId": disk["DiskId"],
        "SourceDiskSize": str(disk["Size"]),
        "SourceDiskType": disk["Type"],
        "SourceStorageType": "disk",
        "Status": "progressing",
        "Progress": "0%",
        "RemainTime": 0,
        "Available": False,
        "InstantAccess": False,
        "Encrypted": disk["Encrypted"],
        "Usage": "none",
        "ResourceGroupId": disk["ResourceGroupId"],
        "CreationTime": world.now_iso,
        "LastModifiedTime": world.now_iso,
        "Tags": {"Tag": []},
    }


def _duration_ms(world: EcsWorld, disk: Doc) -> int:
    later = world.store.count("snapshot", {"disk": disk["DiskId"], "status": "accomplished"}) > 0
    seconds: float = 20 + 8 * disk["sim"]["used_gib"] * (0.2 if later else 1.0)
    return round(seconds * world.cloud.random("snapshot", disk["DiskId"], world.now).uniform(0.8, 1.3) * SECOND)


def _spoilt(world: EcsWorld, disk: Doc) -> bool:
    """Whether a requested fault makes this snapshot fail. ``snapshots_fail`` counts per disk or instance id."""
    asked = world.setting("snapshots_fail", {})
    for id in (disk["DiskId"], disk["InstanceId"]):
        if asked.get(id, 0) > 0:
            asked[id] -= 1
            world.set_setting("snapshots_fail", asked)
            return True
    return False


def disturb(world: EcsWorld, instance_id: str) -> None:
    """Let a stop or restart spoil snapshots in progress: in this emulation, every second snapshot fails."""
    for snapshot in world.store.find("snapshot", {"instance": instance_id, "status": "progressing"}):
        if world.cloud.random("disturbed", snapshot["SnapshotId"]).random() < 0.5:
            snapshot["sim"]["spoilt"] = True
            world.store.put("snapshot", snapshot["SnapshotId"], snapshot)


def current_progress(world: EcsWorld, snapshot: Doc) -> int:
    """The progress in percent now."""
    sim = snapshot["sim"]
    done: int = 100 * (world.now - sim["started_ms"]) // max(1, sim["done_ms"] - sim["started_ms"])
    return min(99, done)


def shown_progress(world: EcsWorld, snapshot: Doc) -> dict[str, Any]:
    """Progress and RemainTime of a snapshot. Both change while the snapshot is progressing."""
    if snapshot["Status"] != "progressing":
        return {"Progress": snapshot["Progress"], "RemainTime": 0}
    remain = max(1, (snapshot["sim"]["done_ms"] - world.now) // SECOND)
    return {"Progress": f"{current_progress(world, snapshot)}%", "RemainTime": remain}


def finish_group(world: EcsWorld, group_id: str) -> None:
    """Set a group's status once all of its snapshots have ended."""
    group = world.store.get("group", group_id)
    states = {snapshot["Status"] for snapshot in world.store.find("snapshot", {"group": group_id})}
    if group is not None and "progressing" not in states:
        group["Status"] = "failed" if "failed" in states else "accomplished"
        world.store.put("group", group_id, group)


def delete(world: EcsWorld, snapshot_id: str) -> None:
    """Delete a snapshot and its jobs. This cancels a snapshot that is in progress."""
    world.cloud.scheduler.cancel(FINISH, snapshot_id)
    world.cloud.scheduler.cancel(EXPIRE, snapshot_id)
    if world.store.get("snapshot", snapshot_id) is not None:
        world.store.delete("snapshot", snapshot_id)
        events.snapshot_deleted(world, snapshot_id)


def creation_window(params: Any) -> tuple[str, str]:
    """The bounds of Filter.N with CreationStartTime and CreationEndTime, as ISO texts."""
    bounds = {each.get("Key"): each.get("Value", "") for each in params.get("Filter", [])}
    return bounds.get("CreationStartTime", ""), bounds.get("CreationEndTime", "") or iso(2**42)
