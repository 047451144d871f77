"""The events that ECS publishes, in the envelope of EventBridge (source acs.ecs).

No public sample shows whether ``data`` is CloudMonitor's whole object or only its content. The setting ``event_form`` chooses:
``content`` (default), ``cloudmonitor``, or ``mixed`` (either, by the seed).
"""

from __future__ import annotations

from typing import Any

from localcloud.core.clock import iso
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld


def state_changed(world: EcsWorld, instance_id: str, state: str) -> None:
    """Instance:StateChange; ``state`` is Created, Starting, Running, Stopping, Stopped or Deleted."""
    content = {"resourceId": instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": state}
    _publish(world, "Instance:StateChange", f"instance/{instance_id}", content)


def snapshot_completed(world: EcsWorld, snapshot: Doc) -> None:
    """Snapshot:CreateSnapshotCompleted, with the result ``accomplished`` or ``failed``."""
    sim = snapshot["sim"]
    content = {
        "result": snapshot["Status"],
        "snapshotId": snapshot["SnapshotId"],
        "snapshotName": snapshot["SnapshotName"],
        "snapshotType": "user",
        "diskId": snapshot["SourceDiskId"],
        "startTime": iso(sim["started_ms"]),
        "endTime": world.now_iso,
    }
    _publish(
        world, "Snapshot:CreateSnapshotCompleted", f"snapshot/{snapshot['SnapshotId']}", content, ok=snapshot["Status"] != "failed"
    )


def command_completed(world: EcsWorld, result: Doc, name: str) -> None:
    """CloudAssistant:TaskCompleted. A public sample shows its ``data``: all values are texts, without an outer object."""
    invoke = result["InvokeId"]
    content = {
        "invokeId": invoke,
        "commandId": result["CommandId"],
        "commandName": name,
        "instanceId": result["InstanceId"],
        "invocationStatus": result["InvocationStatus"],
        "exitCode": "" if result["ExitCode"] is None else str(result["ExitCode"]),
        "errorCode": result["ErrorCode"],
        "errorDesc": result["ErrorInfo"],
        "repeatMode": "Once",
        "repeats": "1",
        "startTime": result["StartTime"],
        "finishTime": result["FinishedTime"],
        "ownerId": world.cloud.account_id,
        "playerUid": world.cloud.account_id,
    }
    _publish(world, "CloudAssistant:TaskCompleted", f"instance/{result['InstanceId']}", content, sampled=True)


def snapshot_deleted(world: EcsWorld, snapshot_id: str) -> None:
    """Snapshot:SnapshotDeleted."""
    _publish(world, "Snapshot:SnapshotDeleted", f"snapshot/{snapshot_id}", {"snapshotId": snapshot_id})


def disk_operation(world: EcsWorld, disk_id: str, operation: str) -> None:
    """Disk:DiskOperationCompleted for AttachDisk or DetachDisk of a data disk."""
    content = {"diskId": disk_id, "operation": operation, "result": "accomplished"}
    _publish(world, "Disk:DiskOperationCompleted", f"disk/{disk_id}", content)


def _publish(world: EcsWorld, name: str, resource: str, content: dict[str, Any], *, ok: bool = True, sampled: bool = False) -> None:
    """Publish an event. An event with a public sample (``sampled``) always has the sample's form."""
    emit = world.cloud.hooks.emit_event
    if emit is None:
        return
    cloud = world.cloud
    id = cloud.request_id()
    region = _region(world, resource)
    arn = f"acs:ecs:{region}:{cloud.account_id}:{resource}"
    emit(
        {
            "specversion": "1.0",
            "id": id,
            "source": "acs.ecs",
            "type": f"ecs:{name}",
            "subject": arn,
            "time": iso(world.now, millis=True),
            "datacontenttype": "application/json;charset=utf-8",
            "data": content if sampled else _data(world, id, name, arn, content, ok),
            "aliyunaccountid": cloud.account_id,
            "aliyunregionid": region,
        }
    )


def _region(world: EcsWorld, resource: str) -> str:
    """The region of an instance, disk or snapshot. If the resource is gone, the account's own region. The one bus gets the events
    of all regions.
    """
    kind, _, id = resource.partition("/")
    doc = world.store.get(kind, id) or {}
    return str(doc.get("RegionId", world.cloud.region))


def _data(world: EcsWorld, id: str, name: str, arn: str, content: dict[str, Any], ok: bool) -> dict[str, Any]:
    form = world.setting("event_form", "content")
    if form == "content" or (form == "mixed" and world.cloud.random("event_form", id).random() < 0.5):
        return content
    return {
        "id": id,
        "product": "ECS",
        "resourceId": arn,
        "level": "INFO" if ok else "WARN",
        "name": name,
        "userId": world.cloud.account_id,
        "eventTime": iso(world.now).replace("-", "").replace(":", "").replace("Z", ".000+0000"),
        "regionId": arn.split(":")[2],
        "content": content,
    }
