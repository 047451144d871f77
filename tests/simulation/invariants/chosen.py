"""Invariant 9: only instances that somebody selected."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import BATCHES, OURS, Batch, State
from tests.simulation.truth import Change, Effect, Truth

RELEASES = {
    "centos-7": "CentOS  7",
    "centos-8": "CentOS  8",
    "rhel-8": "Red Hat Enterprise Linux 8",
    "rhel-9": "Red Hat Enterprise Linux 9",
    "windows-2008r2": "Windows Server  2008 R2",
    "windows-2012r2": "Windows Server  2012 R2",
    "windows-2016": "Windows Server  2016",
    "windows-2019": "Windows Server  2019",
}
"""By release: how the account's name of the system begins. A batch that selects releases means the instances that run them. Every
system of the simulated fleets is here.
"""
MOVED = frozenset({State.SNAPSHOTTED, State.MIGRATING})
"""States that show that an instance is being moved, by a job of the product or of a person in the console."""


class OnlyTheChosen(Checker):
    """9. Only selected instances are probed. Only those of the selection as acknowledged are snapshotted or moved."""

    number, name = 9, "only the chosen"

    def __init__(self) -> None:
        self._frozen: dict[str, frozenset[str]] = {}
        """By batch: the instances that it had when it was acknowledged."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours:
            return
        if effect.operation in ("RunCommand", "InvokeCommand"):
            for instance_id in effect.params["InstanceId"]:
                if not any(_names(batch, instance_id, scene.truth) for batch in scene.truth.batches.values()):
                    yield f"a command was sent to {instance_id}, which no batch names"
        if effect.operation == "CreateSnapshot":
            disk = scene.truth.ecs.store.get("disk", effect.params["DiskId"])
            if disk is not None:  # otherwise a repeated call: it was judged before the instance was released
                yield from self._allowed(disk["InstanceId"], effect.params["SnapshotName"], "was snapshotted")
        tool = scene.truth.launched(effect) if effect.operation in ("RunCommand", "InvokeCommand") else None
        if tool is not None:
            yield from self._allowed(effect.params["InstanceId"][0], f"{OURS}{tool.migration_id}", "was moved")
        if effect.operation == "StartReplicationJob":
            job = scene.truth.smc.jobs.get(effect.params["JobId"])
            yield from self._allowed(job["sim"]["instance_id"], job["Name"], "was moved")

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == BATCHES:
            self._freeze(change, scene.truth)
        entry = entered(change, scene.truth)
        if entry is not None and entry[1].state in MOVED:
            migration = entry[1]
            name = f"{OURS}{migration.migration_id}"
            if migration.instance_id not in self._frozen.get(migration.batch_id, ()):
                yield f"{name} became {migration.state.value}, its instance is not of the selection that was acknowledged"

    def _freeze(self, change: Change, truth: Truth) -> None:
        batch = truth.batches[change.key[0]]
        if batch.acknowledgement is not None and batch.batch_id not in self._frozen:
            found = {each.instance_id for each in truth.migrations.values() if each.batch_id == batch.batch_id}
            self._frozen[batch.batch_id] = frozenset(each for each in found if _names(batch, each, truth))

    def _allowed(self, instance_id: str, name: str, what: str) -> Found:
        if not any(instance_id in chosen for chosen in self._frozen.values()):
            yield f"{instance_id} {what} ({name}), and no acknowledged selection has it"


def _names(batch: Batch, instance_id: str, truth: Truth) -> bool:
    """Whether the batch's selection includes this instance, by the account's data. All given criteria must match."""
    instance = truth.ecs.store.get("instance", instance_id) or {}
    tags = {f"{each['TagKey']}={each['TagValue']}" for each in instance.get("Tags", {}).get("Tag", ())}
    if instance_id in batch.excluded_ids or tags & set(batch.excluded_tags) or _is_excluded_by_place(batch, instance):
        return False
    kinds: list[bool] = []
    if batch.instance_ids:
        kinds.append(instance_id in batch.instance_ids)
    if batch.tags:
        kinds.append(set(batch.tags) <= tags)
    if batch.names:
        kinds.append(_fits(instance, batch.names))
    if batch.resource_groups:
        kinds.append(instance.get("ResourceGroupId") in batch.resource_groups)
    if batch.vpcs:
        kinds.append(_vpc(instance) in batch.vpcs)
    if batch.releases:
        runs = instance.get("OSName", "")
        kinds.append(any(runs.startswith(RELEASES[each]) for each in batch.releases if each in RELEASES))
    return bool(kinds) and all(kinds)


def _is_excluded_by_place(batch: Batch, instance: dict[str, Any]) -> bool:
    """Whether the batch excludes the instance by its resource group, its VPC or its name."""
    by_group = instance.get("ResourceGroupId") in batch.excluded_resource_groups
    return by_group or _vpc(instance) in batch.excluded_vpcs or _fits(instance, batch.excluded_names)


def _vpc(instance: dict[str, Any]) -> str:
    return str(instance.get("VpcAttributes", {}).get("VpcId", ""))


def _fits(instance: dict[str, Any], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(instance.get("InstanceName", ""), each) for each in patterns)
