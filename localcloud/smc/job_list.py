"""DescribeReplicationJobs."""

from __future__ import annotations

from typing import Any

from localcloud.smc.world import Doc, Params, World, listed, page, without_sim


def describe(world: World, params: Params) -> dict[str, Any]:
    """Jobs that pass all filters."""
    ids, sources, instances = (listed(params, name, 50) for name in ("JobId", "SourceId", "InstanceId"))
    docs = [world.jobs.get(id) for id in ids] if ids else [doc for _, doc in world.jobs.items()]
    names = ("JobType", "Status", "BusinessStatus", "Name")
    tags = [(tag.get("Key"), tag.get("Value")) for tag in params.get("Tag", [])]

    def keep(job: Doc) -> bool:
        same = all(params.get(name, job[name]) == job[name] for name in names)
        on = (not sources or job["SourceId"] in sources) and (not instances or job.get("InstanceId") in instances)
        own = {tag["Key"]: tag["Value"] for tag in job["Tags"]["Tag"]}
        return same and on and all(key in own and value in (None, own[key]) for key, value in tags)

    rows, fields = page([without_sim(doc) for doc in docs if doc and keep(doc)], params)
    return {**fields, "ReplicationJobs": {"ReplicationJob": rows}}
