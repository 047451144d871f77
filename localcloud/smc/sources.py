"""Source servers: instances that their SMC client has registered."""

from __future__ import annotations

import json
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.smc import complete, matrix
from localcloud.smc.tokens import Tokens
from localcloud.smc.world import Doc, Params, SmcWorld, check_name, listed, page

UNFINISHED = ("Ready", "Running", "Stopped", "Waiting", "InError", "Expired")


class Sources:
    """The three operations on source servers, and the import that a guest requests."""

    def __init__(self, world: SmcWorld, tokens: Tokens) -> None:
        self.world, self.tokens = world, tokens

    def register(self, instance_id: str, token_id: str, code: str) -> str:
        """Import an instance for its SMC client. Returns the source's id. A repeated import returns the same source."""
        token = self.tokens.check(token_id, code)
        facts = self.world.ecs.source(instance_id)
        known = self.of_instance(instance_id)
        if known is None:
            self.tokens.use(token)
        id = known["SourceId"] if known else self.world.cloud.new_id("s-bp1")
        self.world.sources.put(id, {**self._described(id, facts), **({"JobId": known["JobId"]} if known else {})})
        self.world.by_instance.put(instance_id, {"source": id})
        return id

    def of_instance(self, instance_id: str) -> Doc | None:
        """The source server of an instance, if it is registered."""
        known = self.world.by_instance.get(instance_id)
        return self.world.sources.get(known["source"]) if known else None

    def _described(self, id: str, facts: dict[str, Any]) -> Doc:
        system = next(disk for disk in facts["disks"] if disk["type"] == "system")
        data = [disk for disk in facts["disks"] if disk["type"] == "data"]
        info = {"hostname": facts["hostname"], "ipv4": facts["ip"], "cpu": facts["cpu"], "memory": facts["memory_mib"]}
        return {
            "SourceId": id,
            "Name": facts["hostname"],
            "Description": "",
            "State": "Available",
            "Platform": matrix.platform_of(facts["os"]),
            "Architecture": "arm64" if facts["os"]["arch"] == "aarch64" else "x86_64",
            "AgentVersion": "2.5.0",
            "KernelLevel": 2,
            "HeartbeatRate": 30,
            "ReplicationDriver": "SMT",
            "SystemInfo": json.dumps(info),
            "SystemDiskSize": system["size_gib"],
            "DataDisks": {"DataDisk": [{"Index": n, "Size": disk["size_gib"]} for n, disk in enumerate(data, start=1)]},
            "JobId": "",
            "ErrorCode": "",
            "StatusInfo": "{}",
            "CreationTime": self.world.now_iso,
            "Tags": {"Tag": []},
            "sim": {"instance_id": facts["instance_id"]},
        }

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeSourceServers."""
        ids = listed(params, "SourceId", 50)
        docs = [doc for id in ids if (doc := self.world.sources.get(id))] if ids else self._related(params)
        docs = [doc for doc in docs if all(params.get(name, doc[name]) == doc[name] for name in ("JobId", "Name"))]
        if "State" in params:
            docs = [doc for doc in docs if self.state(doc) == params["State"]]
        rows, fields = page(docs, params)
        return {**fields, "SourceServers": {"SourceServer": [self._shown(doc) for doc in rows]}}

    def _related(self, params: Params) -> list[Doc]:
        """The sources that RelatedJobType selects: with a job of this kind (only "Os" is emulated), or without any job."""
        kinds = params.get("RelatedJobType") or ["Not_Related", "Os"]
        free = self.world.sources.where("JobId", "") if "Not_Related" in kinds else []
        if "Os" not in kinds:
            return free
        return [doc for _, doc in self.world.sources.items() if doc["JobId"] or "Not_Related" in kinds]

    def _shown(self, source: Doc) -> Doc:
        """A source as it is now. Its instance may have been deleted, or may be busy with a job."""
        job = self.world.jobs.get(source["JobId"]) if source["JobId"] else None
        state = "InUse" if job and job["Status"] == "Running" else "Available"
        gone = not self.world.ecs.exists(source["sim"]["instance_id"])
        return {**complete.source(source), "State": "Unavailable" if gone else state}

    def modify(self, params: Params) -> dict[str, Any]:
        """ModifySourceServerAttribute."""
        source = self.need(params["SourceId"])
        check_name(params.get("Name"))
        source |= {name: params[name] for name in ("Name", "Description") if name in params}
        self.world.sources.put(source["SourceId"], source)
        return {}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteSourceServer: refused while a job runs. With any other job it needs Force."""
        source = self.need(params["SourceId"])
        jobs = self.world.jobs.where("SourceId", source["SourceId"])
        if any(job["Status"] == "Running" for job in jobs):
            raise ApiError("SourceServer.WithRunningReplicationJob", "The source server has a running migration job.", 400)
        if any(job["Status"] in UNFINISHED for job in jobs) and not params.get("Force"):
            raise ApiError("ReplicationJob.Related", "The source server has a migration job; set Force to delete it.", 400)
        self.world.sources.delete(source["SourceId"])
        return {}

    def need(self, id: str) -> Doc:
        """The source of an id. Raises a 404 if it does not exist."""
        source = self.world.sources.get(id)
        if source is None:
            raise ApiError("SourceId.NotFound", f"The specified source server {id} does not exist.", 404)
        return source

    def state(self, source: Doc) -> str:
        """The state as the API shows it: Available, InUse or Unavailable."""
        state: str = self._shown(source)["State"]
        return state
