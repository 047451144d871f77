"""Invariant 8: each effect happens once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulation.frames import Frame
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import Migration, State
from tests.simulation.truth import Change, Effect, Happening

SYSTEMS: dict[str, tuple[str, ...]] = {
    f"{id}-{version}": (f'ID="{id}"', f'VERSION_ID="{version}')
    for id, version in (("rhel", 7), ("rhel", 8), ("rhel", 9), ("rhel", 10), ("anolis", 7), ("anolis", 8))
}
SYSTEMS |= {f"windows-{version}-datacenter": (f"Windows Server {version} Datacenter",) for version in (2016, 2019, 2022)}
"""The text of /etc/os-release, or of the facts of Windows, in the systems that the tools install."""


class OnceOnly(Checker):
    """8. Duplicates, crashes and races change nothing: each effect happens once, each success is proved, and no bug is met."""

    number, name = 8, "once only"

    def __init__(self) -> None:
        self._starts: Counter[tuple[str, int, int]] = Counter()
        self._first: dict[tuple[str, int, int], int] = {}
        """By migration, hop and attempt: when its job was first started (ms)."""
        self._names: dict[str, str] = {}
        self._last: dict[str, str] = {}
        """By instance: the last thing that SMC did to its disks."""
        self._copied: dict[str, str] = {}
        """By instance: its last state when SMC copied its disks. An earlier job may have replaced the system; then the copies
        hold the new one.
        """

    def happened(self, happening: Happening, scene: Sight) -> Found:
        id = happening.instance_id
        if happening.kind == "copied":
            self._copied[id] = self._last.get(id, "")
        if happening.kind in ("replaced", "back"):
            again = happening.kind == "back" and self._copied.get(id) == "replaced"
            self._last[id] = "replaced" if again else happening.kind
        yield from ()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours:
            return
        if effect.operation == "CreateSnapshot":
            name = effect.params["SnapshotName"]
            if self._names.setdefault(name, effect.answer["SnapshotId"]) != effect.answer["SnapshotId"]:
                yield f"{name} was made twice"
        if effect.operation == "StartReplicationJob":
            migration = scene.truth.of_job(effect.params["JobId"])
            if migration is not None:
                key = (migration.migration_id, migration.hop, migration.attempt)
                self._starts[key] += 1
                first = self._first.setdefault(key, scene.truth.cloud.clock.now_ms())
                # A function that was overtaken between its check and its call cannot know of a start in between
                # (docs/reliability.md).
                if self._starts[key] > 1 and (scene.frame is None or scene.frame.now_ms >= first):
                    yield f"the job of {migration.migration_id} was started {self._starts[key]} times in one attempt"
        if effect.operation == "ResetDisk":
            entry = next((each for each in scene.truth.ledger.values() if each.snapshot_id == effect.params["SnapshotId"]), None)
            if entry is None or entry.hop != 0 or entry.disk_id != effect.params["DiskId"]:
                yield f"disk {effect.params['DiskId']} was reset from {effect.params['SnapshotId']}, not from before"
            else:
                self._last.pop(scene.truth.migrations[entry.migration_id].instance_id, None)

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None:
            return
        migration = entry[1]
        if migration.state is State.MIGRATED:
            yield from self._as_promised(migration, scene)

    def _as_promised(self, migration: Migration, scene: Sight) -> Found:
        """A migration that is called migrated has had a finished job for its last hop, and the instance runs the system that
        the job installed.
        """
        if self._last.get(migration.instance_id) != "replaced":
            yield f"{migration.migration_id} is called migrated, and SMC has put its disks back"
        if migration.driver == "guest":
            tree = scene.truth.system_disk(migration.instance_id)
            system = (tree.get("etc/os-release") or tree.get(".guest/facts.json") or (0, b""))[1].decode()
            if not all(word in system for word in SYSTEMS[migration.destination]):
                yield f"{migration.migration_id} is called migrated to {migration.destination}, and its guest is not that"
            return
        job = scene.truth.smc.jobs.get(migration.handle.job_id)
        if migration.handle.job_id in scene.stopped_jobs:
            return
        if job is None or job["Status"] != "Finished":
            status = (job or {}).get("Status", "gone")
            yield f"{migration.migration_id} is called migrated, its job {migration.handle.job_id} is {status}"

    def invocation(self, frame: Frame, error: dict[str, Any], scene: Sight) -> Found:
        if error.get("errorType") not in ("Transient", "Killed"):
            yield f"{frame.function} met {error.get('errorType')}: {error.get('errorMessage')}"

    def rest(self, scene: Sight) -> Found:
        asked: dict[tuple[str, str], str] = {}
        for (migration_id, _), entry in scene.truth.ledger.items():
            if entry.state != "swept" and scene.truth.migrations[migration_id].released_at is not None:
                asked[migration_id, entry.key] = entry.state
        for (migration_id, key), state in asked.items():
            yield f"the ledger still has {key} of {migration_id} as {state}"
