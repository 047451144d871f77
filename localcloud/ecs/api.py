"""The ECS API: maps each operation to its implementation and to the resources that RAM checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.core.app import Cloud
from localcloud.ecs import admin, agent
from localcloud.ecs.account_attributes import Account
from localcloud.ecs.commands import Commands
from localcloud.ecs.data_disks import DataDisks
from localcloud.ecs.detached import Detached
from localcloud.ecs.disks import Disks
from localcloud.ecs.facade import Facade
from localcloud.ecs.fleet import Fleet
from localcloud.ecs.groups import Groups
from localcloud.ecs.guest_runs import GuestRuns
from localcloud.ecs.instances import Instances
from localcloud.ecs.invocations import Invocations
from localcloud.ecs.kept import KeptCommands
from localcloud.ecs.power import Power
from localcloud.ecs.records import Records
from localcloud.ecs.snapshot_life import SnapshotLife
from localcloud.ecs.snapshots import Snapshots
from localcloud.ecs.store import tags_of
from localcloud.ecs.tags import Tags
from localcloud.ecs.world import EcsWorld
from localcloud.wire.rpc_service import Operation, Params, RpcService, load_spec

VERSION = "2014-05-26"


class Ecs(RpcService):
    """Elastic Compute Service of one account. It registers the hooks ``ecs``, ``load_fleet``, ``admin:guests`` and
    ``admin:inventory``.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, "ecs", VERSION, load_spec("localcloud.ecs"))
        self.world = world = EcsWorld(cloud)
        self.life, self.disks, self.power = SnapshotLife(world), Disks(world), Power(world)
        self.runs = GuestRuns(world)
        self.operations = {**self._machines(), **self._storage(), **self._assistant(), **self._account()}
        self.detached = Detached(world, self.runs, self.power)
        cloud.hooks.resource_tags = self._tags_of_disk
        cloud.hooks.ecs = Facade(world, self.power, self.disks, self.life)
        cloud.hooks.load_fleet = Fleet(world, self.disks, self.life).load
        cloud.hooks.admin["guests"] = lambda request: (200, admin.guests(world, dict(request.query).get("InstanceId", "")))
        cloud.hooks.admin["inventory"] = lambda request: (200, admin.inventory(world))

    def _tags_of_disk(self, arn: str) -> dict[str, str]:
        """The tags of the disk with this ARN; empty for any other resource."""
        kind, _, id = arn.rpartition(":")[2].partition("/")
        disk = self.world.store.get("disk", id) if kind == "disk" else None
        return {tag["TagKey"]: tag["TagValue"] for tag in tags_of(disk)} if disk else {}

    def _machines(self) -> dict[str, Operation]:
        instances, power = Instances(self.world), self.power
        return {
            "DescribeInstances": Operation(instances.describe, _any("instance")),
            "DescribeInstanceStatus": Operation(instances.status, _each("instance", "InstanceId")),
            "DescribeInstanceAutoRenewAttribute": Operation(instances.auto_renew, _any("instance")),
            "ModifyInstanceAttribute": Operation(instances.modify, _each("instance", "InstanceId")),
            "DeleteInstance": Operation(instances.delete, _each("instance", "InstanceId")),
            "StartInstance": Operation(power.start, _each("instance", "InstanceId")),
            "StopInstance": Operation(power.stop, _each("instance", "InstanceId")),
            "RebootInstance": Operation(power.reboot, _each("instance", "InstanceId")),
        }

    def _storage(self) -> dict[str, Operation]:
        snapshots, groups, disks = Snapshots(self.world, self.life), Groups(self.world, self.life), self.disks
        data, one_disk = DataDisks(self.world), _each("disk", "DiskId")
        disk_and_instance = _all(one_disk, _each("instance", "InstanceId"))
        group_parts = _all(_each("instance", "InstanceId"), _each("disk", "DiskId"), _any("snapshot"), _any("snapshotgroup"))
        return {
            "DescribeDisks": Operation(disks.describe, _any("disk")),
            "ResetDisk": Operation(disks.reset, _all(one_disk, _each("snapshot", "SnapshotId"))),
            "CreateDisk": Operation(data.create, _disk_from_snapshot),
            "AttachDisk": Operation(data.attach, disk_and_instance),
            "DetachDisk": Operation(data.detach, disk_and_instance),
            "DeleteDisk": Operation(data.delete, one_disk),
            "CreateSnapshot": Operation(snapshots.create, _all(one_disk, _any("snapshot"))),
            "DescribeSnapshots": Operation(snapshots.describe, _any("snapshot")),
            "DeleteSnapshot": Operation(snapshots.delete, _each("snapshot", "SnapshotId")),
            "CreateSnapshotGroup": Operation(groups.create, group_parts),
            "DescribeSnapshotGroups": Operation(groups.describe, _any("snapshotgroup")),
            "DeleteSnapshotGroup": Operation(groups.delete, _each("snapshotgroup", "SnapshotGroupId")),
        }

    def _assistant(self) -> dict[str, Operation]:
        records = Records(self.world)
        commands, invocations = Commands(self.world, self.runs, records), Invocations(self.world, records)
        kept, one_command = KeptCommands(self.world), _each("command", "CommandId")
        instances = _each("instance", "InstanceId")
        return {
            "RunCommand": Operation(commands.run, _all(instances, _any("command"))),
            "CreateCommand": Operation(kept.create, _any("command")),
            "InvokeCommand": Operation(commands.invoke, _all(instances, one_command)),
            "DescribeCommands": Operation(kept.describe, one_command),
            "DeleteCommand": Operation(kept.delete, one_command),
            "StopInvocation": Operation(commands.stop, instances),
            "DescribeInvocations": Operation(invocations.describe, _all(instances, _any("command"))),
            "DescribeInvocationResults": Operation(invocations.results, _all(instances, _any("command"))),
            "DescribeCloudAssistantStatus": Operation(lambda params: agent.describe_status(self.world, params), instances),
        }

    def _account(self) -> dict[str, Operation]:
        account, tags = Account(self.world), Tags(self.world)
        return {
            "DescribeRegions": Operation(account.regions),
            "DescribeAccountAttributes": Operation(account.attributes),
            "DescribeInstanceTypes": Operation(account.instance_types),
            "DescribeImages": Operation(account.images, _any("image")),
            "DescribeAutoSnapshotPolicyEx": Operation(account.auto_snapshot_policies, _any("snapshot")),
            "OpenSnapshotService": Operation(account.open_snapshots),
            "TagResources": Operation(tags.add, _tagged),
            "UntagResources": Operation(tags.remove, _tagged),
            "ListTagResources": Operation(tags.rows, _tagged),
        }


Arns = Callable[[Params], tuple[str, ...]]


def _any(kind: str) -> Arns:
    """All resources of a kind. RAM allows or refuses a list operation as a whole."""
    return lambda params: (f"{kind}/*",)


def _each(kind: str, name: str) -> Arns:
    """The resources that a parameter names (one id or a list). Without the parameter, all resources of the kind."""

    def arns(params: dict[str, Any]) -> tuple[str, ...]:
        given = params.get(name, "*")
        return tuple(f"{kind}/{id}" for id in ([given] if isinstance(given, str) else given))

    return arns


def _all(*parts: Arns) -> Arns:
    return lambda params: tuple(dict.fromkeys(arn for part in parts for arn in part(params)))


def _disk_from_snapshot(params: dict[str, Any]) -> tuple[str, ...]:
    """The disk to create, and its snapshot."""
    return ("disk/*", f"snapshot/{params['SnapshotId']}") if params.get("SnapshotId") else ("disk/*",)


def _tagged(params: dict[str, Any]) -> tuple[str, ...]:
    kind = params.get("ResourceType", "*").lower()
    return tuple(f"{kind}/{id}" for id in params.get("ResourceId", ["*"]))
