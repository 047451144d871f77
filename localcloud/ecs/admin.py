"""Data for tests and the run report that no ECS API shows."""

from __future__ import annotations

from typing import Any

from localcloud.ecs.guest import upgrade
from localcloud.ecs.guest.blob import unpack
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld, shown


def guests(world: EcsWorld, instance_id: str = "") -> dict[str, Any]:
    """The result of :func:`guest` for one instance or for all, by instance id, in any account."""
    found: dict[str, Any] = {}
    for _ in world.cloud.accounts.everywhere():
        there = [doc["InstanceId"] for doc in world.store.find("instance", {})]
        found |= {each: guest(world, each) for each in there if instance_id in ("", each)}
    return found or {each: guest(world, each) for each in [instance_id] if each}


def guest(world: EcsWorld, instance_id: str) -> dict[str, Any]:
    """An instance's disks with the digest of their content, and the installed operating system."""
    disks = world.disks(instance_id)
    rows = [
        {
            "disk_id": disk["DiskId"],
            "type": disk["Type"],
            "device": disk["Device"],
            "mount": disk["sim"]["mount"],
            "digest": disk["sim"]["blob"],
        }
        for disk in disks
    ]
    tree = unpack(world.cloud.db.blob(disks[0]["sim"]["blob"])) if disks else {}
    return {"instance_id": instance_id, "os": upgrade.installed(tree) if tree else {}, "disks": rows}


def inventory(world: EcsWorld) -> dict[str, Any]:
    """All instances, snapshots, groups and disks of all accounts by id, each with its main fields, and what other services add.

    A resource of an account other than the deployment's own has the field ``Account``.
    """
    found: dict[str, Any] = {}
    for account in world.cloud.accounts.everywhere():
        own = account.id == world.cloud.accounts.own
        for name, things in _of_account(world).items():
            marked = things if own else {id: _marked(thing, account.id) for id, thing in things.items()}
            found.setdefault(name, {}).update(marked)
    found["counts"] = {name: len(value) for name, value in found.items()}
    return found


def _marked(thing: Any, account: str) -> Any:
    return {**thing, "Account": account} if isinstance(thing, dict) else thing


def _of_account(world: EcsWorld) -> dict[str, dict[str, Any]]:
    store = world.store
    found: dict[str, Any] = {
        "instances": {doc["InstanceId"]: _instance(doc) for doc in store.find("instance", {})},
        "snapshots": {
            doc["SnapshotId"]: {**shown(doc), "InstanceId": doc["sim"]["instance"]} for doc in store.find("snapshot", {})
        },
        "snapshot_groups": {doc["SnapshotGroupId"]: shown(doc) for doc in store.find("group", {})},
        "disks": {
            doc["DiskId"]: {"InstanceId": doc["InstanceId"], "Type": doc["Type"], "Status": doc["Status"]}
            for doc in store.find("disk", {})
        },
    }
    found |= {name: value for part in world.cloud.hooks.inventory_parts for name, value in part().items()}
    return found


def _instance(doc: Doc) -> dict[str, Any]:
    failed = "Running (Operating System Replacement Failed)" if doc["sim"].get("replacement_failed") else doc["Status"]
    state = "Running (Replacing Operating System)" if doc["sim"]["busy"] else failed
    return {"InstanceName": doc["InstanceName"], "Status": doc["Status"], "Display": state, "OSName": doc["OSName"]}
