"""Invariant 5: every migration ends or waits for a person, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import HOLD, INVENTORY, OURS, REFUSING, SLOTS, SMC_PREFIX, TERMINAL, TICK, owed
from tests.simulation.truth import Truth


class NeverStuck(Checker):
    """5. Every migration ends, or waits for a named person, and leaves nothing behind. (The runner checks this at the end.)"""

    number, name = 5, "never stuck"

    def rest(self, scene: Sight) -> Found:
        truth = scene.truth
        for migration in truth.migrations.values():
            if migration.state not in TERMINAL:
                yield f"{migration.migration_id} is still {migration.state.value}"
            left = owed(truth.rows[migration.migration_id])
            if left:
                yield f"{migration.migration_id} ({migration.state.value}) still owes {', '.join(left)}"
        yield from _left_in_store(truth)
        yield from _left_in_account(scene)


def _left_in_store(truth: Truth) -> Found:
    for lock, row in truth.locks.items():
        if lock not in (SLOTS, HOLD, INVENTORY, TICK) and not lock.startswith(REFUSING):
            holder_id = row.get("migration_id") or row.get("media_for") or row.get("protected_for", "")
            holder = truth.migrations.get(holder_id)
            yield f"the lock {lock} is still held by {holder_id} ({holder.state.value if holder else 'unknown'})"
    for holder_id in truth.slots():
        yield f"{holder_id} still holds a slot"


def _left_in_account(scene: Sight) -> Found:
    truth = scene.truth
    doubtful = {entry.snapshot_id for entry in truth.ledger.values() if entry.owner == "other"}
    kept = {id for id, each in truth.migrations.items() if each.released_at is None}
    for snapshot in truth.snapshots():
        if snapshot["SnapshotId"] in doubtful:
            continue  # its name is like SMC's, so nobody can tell whose it is: the product reports it and never deletes it
        name, instance_id = snapshot["SnapshotName"], snapshot["sim"]["instance"]
        if name.startswith(OURS) and name.split("-")[1] not in kept:
            yield f"snapshot {snapshot['SnapshotId']} ({name}) is left behind"
        by_smc = (
            name.startswith(SMC_PREFIX)
            and instance_id in scene.moved - scene.pressed
            and snapshot["SnapshotId"] not in scene.by_hand
        )
        if by_smc and not any(each.instance_id == instance_id and id in kept for id, each in truth.migrations.items()):
            yield f"snapshot {snapshot['SnapshotId']} ({name}) of {instance_id} is left behind"
    yield from _left_in_smc(scene)


def _cut_off(source: dict[str, Any], truth: Truth) -> bool:
    """Whether the instance stopped between the import and the import's output. Then nobody can know of this source
    (docs/reliability.md).
    """
    imports = truth.ecs.store.find("result", {"instance": source["sim"]["instance_id"]})
    return any(each["StartTime"] == source["CreationTime"] and each["InvocationStatus"] == "Error" for each in imports)


def _left_in_smc(scene: Sight) -> Found:
    truth = scene.truth
    for job in truth.jobs():
        if job["Name"].startswith("rp-"):
            yield f"job {job['JobId']} ({job['Name']}) is left behind, {job['Status']}"
    for disk in truth.ecs.store.find("disk", {}):
        if disk["sim"].get("transit"):
            yield f"the transit disk {disk['DiskId']} is left behind"
    for id, source in truth.smc.sources.items():
        if source["sim"]["instance_id"] not in scene.pressed and not _cut_off(source, truth):
            yield f"source {id} of {source['sim']['instance_id']} is left behind"
    for id, token in truth.smc.tokens.items():
        if token["Name"].startswith("rp-"):
            yield f"token {id} ({token['Name']}) is left behind"
