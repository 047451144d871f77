"""DescribeReplicationJobs."""

from __future__ import annotations

from typing import Any

from localcloud.smc import complete
from localcloud.smc.world import Doc, Params, SmcWorld, listed, page


def describe(world: SmcWorld, params: Params) -> dict[str, Any]:
    """The jobs that match all filters."""
    ids, sources, instances = (listed(params, name, 50) for name in ("JobId", "SourceId", "InstanceId"))
    docs = [doc for id in ids if (doc := world.jobs.get(id))] if ids else _found(world, sources, params)
    names = ("JobType", "Status", "BusinessStatus", "Name")
    tags = [(tag.get("Key"), tag.get("Value")) for tag in params.get("Tag", [])]

    def keep(job: Doc) -> bool:
        same = all(params.get(name, job[name]) == job[name] for name in names)
        on = (not sources or job["SourceId"] in sources) and (not instances or job.get("InstanceId") in instances)
        own = {tag["Key"]: tag["Value"] for tag in job["Tags"]["Tag"]}
        return same and on and all(key in own and value in (None, own[key]) for key, value in tags)

    rows, fields = page([doc for doc in docs if keep(doc)], params)
    shown = [complete.job(doc, world.sources.get(doc["SourceId"])) for doc in rows]
    return {**fields, "ReplicationJobs": {"ReplicationJob": shown}}


def _found(world: SmcWorld, sources: list[str] | None, params: Params) -> list[Doc]:
    """The jobs that must be filtered, as few as an index allows."""
    if "Name" in params:
        return world.jobs.where("Name", params["Name"])
    if sources:
        found = {job["JobId"]: job for id in sources for job in world.jobs.where("SourceId", id)}
        return [found[id] for id in sorted(found)]
    return [doc for _, doc in world.jobs.items()]
