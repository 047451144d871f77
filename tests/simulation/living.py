"""The world goes on living: guests write to every disk, and nobody asks the product whether they may."""

from __future__ import annotations

from typing import Any

from localcloud.core.app import Cloud
from localcloud.ecs.guest.blob import Tree, pack, unpack
from tests.simulation.truth import Effect, Truth

WRITE = "simulation.guest_writes"
WRITTEN = "srv/orders.log"
"""A file that every guest keeps writing on every disk; no probe reads it."""
AFTER_MIN = (1, 5, 20, 60, 240)
"""Minutes after a snapshot was asked for at which the guest writes: before, while and after its system is replaced."""
MINUTE = 60_000


class GuestWrites:
    """Writes into guests some minutes after each snapshot of theirs, as long as they run."""

    def __init__(self, truth: Truth) -> None:
        self.truth, self.cloud = truth, truth.cloud
        self.cloud.scheduler.on(WRITE, self._write)

    def go_on(self, effect: Effect) -> None:
        """Told of every effect: a snapshot that was asked for is followed by writes."""
        if effect.operation == "CreateSnapshot":
            disk = self.truth.ecs.store.get("disk", effect.params["DiskId"])
            for minutes in AFTER_MIN if disk is not None else ():  # a repeated call is answered though the instance is gone
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
    """What is on a disk."""
    return unpack(cloud.db.blob(blob))
