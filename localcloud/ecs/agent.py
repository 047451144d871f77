"""The Cloud Assistant agent of an instance: the time of its last report, and whether it accepts commands.

``sim.agent`` is {"since": ms from which the agent reports, or null; "last": its last report before it fell silent}. The agent sends
a heartbeat every minute. CloudAssistantStatus is true if the last heartbeat is at most two minutes old (facts: META).
"""

from __future__ import annotations

from typing import Any

from localcloud.core.clock import iso
from localcloud.ecs.paging import Params, page_of
from localcloud.ecs.store import Doc
from localcloud.ecs.world import MINUTE, EcsWorld


def alive(world: EcsWorld, instance: Doc) -> bool:
    """Whether the agent accepts commands now."""
    since = instance["sim"]["agent"]["since"]
    return instance["Status"] == "Running" and since is not None and since <= world.now


def last_heartbeat_ms(world: EcsWorld, instance: Doc) -> int | None:
    """When the agent last reported; None if it never did."""
    agent = instance["sim"]["agent"]
    if agent["since"] is None or agent["since"] > world.now:
        last: int | None = agent["last"]
        return last
    beat: int = world.now - (world.now - agent["since"]) % MINUTE
    return beat


def silence(world: EcsWorld, instance: Doc) -> None:
    """Make the agent stop reporting. The caller stores the instance."""
    instance["sim"]["agent"] = {"since": None, "last": last_heartbeat_ms(world, instance)}


def return_at(world: EcsWorld, instance: Doc, when_ms: int) -> None:
    """Make the agent report again from ``when_ms`` on. An agent that is lost for good stays silent."""
    silence(world, instance)
    if not instance["sim"]["agent_lost"]:
        instance["sim"]["agent"]["since"] = when_ms


def describe_status(world: EcsWorld, params: Params) -> dict[str, Any]:
    """DescribeCloudAssistantStatus."""
    ids = params.get("InstanceId")
    everywhere = {"region": params["RegionId"]}
    found = (
        world.store.find("instance", everywhere) if ids is None else [doc for id in ids if (doc := world.store.get("instance", id))]
    )
    wanted = params.get("OSType", "").lower()
    docs, fields = page_of([doc for doc in found if wanted in ("", doc["OSType"])], params)
    return {**fields, "InstanceCloudAssistantStatusSet": {"InstanceCloudAssistantStatus": [_status(world, doc) for doc in docs]}}


def _status(world: EcsWorld, instance: Doc) -> dict[str, Any]:
    last = last_heartbeat_ms(world, instance)
    recent = instance["Status"] == "Running" and last is not None and world.now - last <= 2 * MINUTE
    linux = instance["OSType"] == "linux"
    return {
        "InstanceId": instance["InstanceId"],
        "OSType": "Linux" if linux else "Windows",
        "CloudAssistantStatus": "true" if recent else "false",
        "CloudAssistantVersion": "" if last is None else ("2.2.4.998" if linux else "2.1.4.998"),
        "LastHeartbeatTime": "" if last is None else iso(last),
        "LastInvokedTime": instance["sim"]["last_invoked"],
        "InvocationCount": instance["sim"]["invocations"],
        "ActiveTaskCount": world.store.count("result", {"instance": instance["InstanceId"], "status": "Running"}),
        "SupportSessionManager": True,
    }
