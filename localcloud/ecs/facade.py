"""What SMC may do to instances, behind the hook ``ecs``: without the checks that other callers must pass.

SMC marks an instance ``busy`` while it replaces the operating system. ECS then refuses operations that would disturb the
replacement.
"""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import agent, power
from localcloud.ecs.disks import Disks
from localcloud.ecs.guest import upgrade
from localcloud.ecs.guest.blob import Tree, files, pack, unpack
from localcloud.ecs.snapshot_life import SnapshotLife
from localcloud.ecs.snapshots import check_disk
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld


class Facade:
    """Instances as SMC sees and changes them. Every method takes an instance id."""

    def __init__(self, world: EcsWorld, machines: power.Power, disks: Disks, life: SnapshotLife) -> None:
        self._world, self._power, self._disks, self._life = world, machines, disks, life

    def setting(self, name: str, default: Any) -> Any:
        """A setting of the emulation."""
        return self._world.setting(name, default)

    def exists(self, id: str) -> bool:
        return self._world.store.has("instance", id)

    def source(self, id: str) -> dict[str, Any]:
        """What the SMC client reports of its machine: os (as installed now), hostname, ip, arch, disks, and planned faults."""
        instance = self._world.instance(id)
        guest = instance["sim"]["guest"]
        return {
            "instance_id": id,
            "os": upgrade.installed(self._system_tree(id)),
            "hostname": instance["HostName"],
            "ip": instance["sim"]["ip"],
            "cpu": instance["Cpu"],
            "memory_mib": instance["Memory"],
            "disks": [{"size_gib": disk["Size"], "type": disk["Type"]} for disk in self._world.disks(id)],
            "smc": guest.get("smc") or {},
        }

    def ready(self, id: str) -> str:
        """The reason why a replacement cannot begin now; empty if it can."""
        instance = self._world.store.get("instance", id)
        if instance is None:
            return "The instance does not exist."
        if instance["Status"] != "Running":
            return f"The instance is {instance['Status']} and must be Running."
        if not agent.alive(self._world, instance):
            return "The Cloud Assistant agent does not answer."
        if self._world.store.count("snapshot", {"instance": id, "status": "progressing"}):
            return "A snapshot of the instance is being created."
        return ""

    def booting(self, id: str) -> bool:
        """Whether the instance is starting, or runs but its agent is not back yet."""
        instance = self._world.instance(id)
        up = instance["Status"] == "Running" and not instance["sim"]["agent_lost"]
        return instance["Status"] in ("Starting", "Stopping") or (up and self.silent(id))

    def silent(self, id: str) -> bool:
        """Whether the agent does not respond."""
        return not agent.alive(self._world, self._world.instance(id))

    def set_busy(self, id: str, reason: str, *, failed: bool = False) -> None:
        """Record which work is in progress on the instance. An empty text ends the work; ``failed`` ends it without success."""
        instance = self._world.store.get("instance", id)
        if instance is not None:
            instance["sim"] |= {"busy": reason, "replacement_failed": failed}
            self._world.store.put("instance", id, instance)

    def snapshot_disks(self, id: str, prefix: str) -> list[str]:
        """Create snapshots of all disks, with names that begin with the prefix. Returns their ids. Raises ApiError if ECS would
        refuse.
        """
        disks = [disk for disk in self._world.disks(id) if not disk["sim"].get("transit")]
        for disk in disks:
            check_disk(self._world, disk, ours=False)
        return [self._life.create(disk, f"{prefix}{disk['DiskId'][2:]}") for disk in disks]

    def put_back(self, id: str, snapshots: list[str]) -> bool:
        """Reset the disks to these snapshots, as SMC does by itself. Returns False if a snapshot is not finished."""
        found = [self._world.store.get("snapshot", each) for each in snapshots]
        if not found or any(each is None or each["Status"] != "accomplished" for each in found):
            return False
        held = {each["SourceDiskId"]: each["sim"]["blob"] for each in found if each}
        for disk in self._world.disks(id):
            if disk["DiskId"] in held:
                disk["sim"]["blob"] = held[disk["DiskId"]]
                self._world.store.put("disk", disk["DiskId"], disk)
        return True

    def takes_drill(self, id: str) -> bool:
        """Whether the person meant to start a drill, by the count in the fleet's facts. Each true answer lowers the count by
        one.
        """
        instance = self._world.instance(id)
        facts = instance["sim"]["guest"].get("smc") or {}
        left: int = facts.get("drills", 0)
        if left > 0:
            facts["drills"] = left - 1
            self._world.store.put("instance", id, instance)
        return left > 0

    def snapshot_states(self, ids: list[str]) -> set[str]:
        """The statuses of snapshots. A deleted snapshot counts as ``failed``."""
        found = [self._world.store.get("snapshot", id) for id in ids]
        return {each["Status"] if each else "failed" for each in found}

    def attach_transit(self, id: str) -> str:
        """Attach a disk with the installation media; its id."""
        digest, body = pack(files({"sources/install.wim": "media\n"}))
        self._world.cloud.db.put_blob(digest, body)
        return self._disks.attach_transit(self._world.instance(id), digest)

    def drop_transit(self, disk_id: str) -> None:
        self._disks.drop_transit(disk_id)

    def restart(self, id: str, agent_after_ms: int) -> None:
        """Restart from within, with the state-change events. The agent is back ``agent_after_ms`` after Running."""
        instance = self._world.instance(id)
        self._power.drive(instance, ["Stopping", "Stopped", "Starting", "Running"], agent_after_ms=agent_after_ms)

    def replace_system(self, id: str, target: str) -> None:
        """Install the destination's operating system. Data disks and the machine's own files stay unchanged."""
        disk = self._system_disk(id)
        guest = self._world.instance(id)["sim"]["guest"]
        digest, body = pack(upgrade.replaced(self._system_tree(id), guest, target))
        self._world.cloud.db.put_blob(digest, body)
        disk["sim"]["blob"] = digest
        if self._world.setting("system_disk_replaced", False):
            self._world.store.delete("disk", disk["DiskId"])
            disk["DiskId"] = self._world.cloud.new_id("d-bp1")
        self._world.store.put("disk", disk["DiskId"], disk)

    def _system_disk(self, id: str) -> Doc:
        disks = self._world.disks(id)
        if not disks or disks[0]["Type"] != "system":
            raise ApiError("InvalidInstance.NotFound", f"The instance {id} has no system disk.", 404)
        return disks[0]

    def _system_tree(self, id: str) -> Tree:
        return unpack(self._world.cloud.db.blob(self._system_disk(id)["sim"]["blob"]))
