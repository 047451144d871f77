"""Guests stay alive: they write to every disk at any time, without asking the product."""

from __future__ import annotations

from typing import Any

from localcloud.core.app import Cloud
from localcloud.ecs.guest.blob import Tree, pack, unpack
from tests.simulation.truth import Effect, Truth

WRITE = "simulation.guest_writes"
WRITTEN = "srv/orders.log"
"""The file that every guest keeps writing on every disk. No probe reads it."""
AFTER_MIN = (1, 5, 20, 60, 240)
"""Minutes after the request for a snapshot at which the guest writes: before, while and after its system is replaced."""
MINUTE = 60_000


class GuestWrites:
    """Writes into running guests some minutes after each of their snapshots."""

    def __init__(self, truth: Truth) -> None:
        self.truth, self.cloud = truth, truth.cloud
        self.cloud.scheduler.on(WRITE, self._write)

    def go_on(self, effect: Effect) -> None:
        """Called for every effect. A requested snapshot schedules writes."""
        if effect.operation == "CreateSnapshot":
            disk = self.truth.ecs.store.get("disk", effect.params["DiskId"])
            for minutes in AFTER_MIN if disk is not None else ():  # a repeated call is answered even if the instance is gone
                at = self.cloud.clock.now_ms() + minutes * MINUTE
                self.cloud.scheduler.at(at, WRITE, {"instance": disk["InstanceId"]}, key=disk["InstanceId"])

    def _write(self, payload: dict[str, Any]) -> None:
        instance = self.truth.ecs.store.get("instance", payload["instance"])
        if instance is None or instance["Status"] != "Running":
            return
        for disk in self.truth.disks(payload["instance"]):
            tree = {**content(self.cloud, disk["sim"]["blob"]), WRITTEN: (0o644, str(self.truth.ecs.now).encode())}
            disk["sim"]["blob"], body = pack(tree)
            self.cloud.db.put_blob(disk["sim"]["blob"], body)
            self.truth.ecs.store.put("disk", disk["DiskId"], disk)


def content(cloud: Cloud, blob: str) -> Tree:
    """The content of a disk."""
    return unpack(cloud.db.blob(blob))
