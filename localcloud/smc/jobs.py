"""The API's operations on replication jobs: create, start, stop, change, list, delete.

Only operating system migrations (JobType 1) are emulated. The parameter for the destination is not published. In this emulation it
is ``TargetOsType``, as a key of ReplicationParameters or as a parameter of its own.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.smc import matrix
from localcloud.smc.migration import MigrationRun
from localcloud.smc.sources import UNFINISHED, Sources
from localcloud.smc.world import DAY, Doc, Params, SmcWorld, check_name, when

PER_ACCOUNT = 1000
START, EXPIRE, FORGET = "smc.job_start", "smc.job_expire", "smc.job_forget"
_STARTABLE = ("Ready", "Stopped", "InError")


class Jobs:
    """The operations that change jobs."""

    def __init__(self, world: SmcWorld, sources: Sources, migration: MigrationRun) -> None:
        self.world, self.sources, self.migration = world, sources, migration
        world.cloud.scheduler.on(START, self._scheduled_start)
        world.cloud.scheduler.on(EXPIRE, self._expire)
        world.cloud.scheduler.on(FORGET, lambda payload: self._forget(payload["job"]))

    def create(self, params: Params) -> dict[str, Any]:
        """CreateReplicationJob. A repeated call with the same ClientToken returns the same job."""
        token = params.get("ClientToken")
        if token is None:
            return self._create(params)
        if len(token) > 64 or not token.isascii():
            raise ApiError("ClientToken.Invalid", "The ClientToken must be ASCII and at most 64 characters.", 400)
        digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        known = self.world.requests.get(token)
        if known is not None and known["digest"] != digest:
            raise ApiError("IdempotentParameterMismatch", "The ClientToken was used with other parameters.", 400)
        answer: dict[str, Any] = known["answer"] if known else self._create(params)
        self.world.requests.put(token, {"digest": digest, "answer": answer})
        return answer

    def _create(self, params: Params) -> dict[str, Any]:
        source = self._free_source(params)
        target = self._target(source, params)
        id = self.world.cloud.new_id("j-bp1")
        name = params.get("Name", id)
        check_name(params.get("Name"))
        self._check_name_free(name)
        valid_ms = self._valid_time(params["ValidTime"]) if "ValidTime" in params else self.world.now + 30 * DAY
        start_ms = self._start_time(params)
        self.world.jobs.put(id, self._new(id, name, source, target, valid_ms, params))
        self.world.sources.put(source["SourceId"], {**source, "JobId": id})
        self.world.cloud.scheduler.at(valid_ms, EXPIRE, {"job": id}, key=id, periodic=True)
        if start_ms is not None:
            self.world.cloud.scheduler.at(start_ms, START, {"job": id}, key=id)
        return {"JobId": id}

    def _free_source(self, params: Params) -> Doc:
        """The source, if a job may be created for it now. Raises ApiError otherwise."""
        ecs = self.world.ecs
        if ecs.setting("smc_role_missing", False):
            raise ApiError("EntityNotExist.Role", "The role AliyunServiceRoleForSMC does not exist.", 403)
        if params.get("JobType") != 1:
            raise ApiError("InvalidParameter", "Only JobType 1 (operating system migration) is emulated.", 400)
        source = self.sources.need(params["SourceId"])
        job = self.world.jobs.get(source["JobId"]) if source["JobId"] else None
        if self.sources.state(source) != "Available" or (job and job["Status"] in UNFINISHED):
            raise ApiError("SourceServerState.Invalid", "The source server is not Available, or has an unfinished job.", 400)
        if self.world.jobs.count() >= PER_ACCOUNT:
            raise ApiError("QuotaExceeded.ReplicationJob", f"An account has {PER_ACCOUNT} migration jobs at most.", 400)
        return source

    def _target(self, source: Doc, params: Params) -> str:
        """The requested destination. It must be one that the source's system can migrate to."""
        os = self.world.ecs.source(source["sim"]["instance_id"])["os"]
        target, allowed = _named_target(params), matrix.targets(os)
        if target not in allowed:
            supported = ", ".join(allowed)
            message = (
                f"SourceOsType {matrix.name_of(os)} and TargetOsType {target} are not matched. The supported TargetOsType list is: "
            )
            raise ApiError("InvalidOsMigrationType.NotMatched", f"{message}[{supported}]", 400)
        return target

    def _check_name_free(self, name: str) -> None:
        if self.world.jobs.where("Name", name):
            raise ApiError("ReplicationJobName.Duplicate", f"The name {name} is used by another migration job.", 400)

    def _valid_time(self, text: str) -> int:
        valid_ms = when(text, "ValidTime")
        if not self.world.now + 7 * DAY <= valid_ms <= self.world.now + 90 * DAY:
            raise ApiError("ValidTime.Invalid", "ValidTime must be 7 to 90 days from now.", 400)
        return valid_ms

    def _start_time(self, params: Params) -> int | None:
        if "ScheduledStartTime" not in params:
            return None
        start_ms = when(params["ScheduledStartTime"], "ScheduledStartTime")
        if not self.world.now <= start_ms <= self.world.now + 30 * DAY:
            raise ApiError("ScheduledStartTime.Invalid", "ScheduledStartTime must be within the next 30 days.", 400)
        return start_ms

    def _new(self, id: str, name: str, source: Doc, target: str, valid_ms: int, params: Params) -> Doc:
        copied = ("Description", "InstanceId", "TargetType", "ReplicationParameters", "ScheduledStartTime", "SystemDiskSize")
        return {
            "JobId": id,
            "Name": name,
            "JobType": 1,
            "SourceId": source["SourceId"],
            "RegionId": params.get("RegionId", self.world.cloud.region),
            "Status": "Ready",
            "BusinessStatus": "",
            "Progress": 0.0,
            "ErrorCode": "",
            "StatusInfo": "",
            "RunOnce": params.get("RunOnce", True),
            "TransitionInstanceId": "",
            "CreationTime": self.world.now_iso,
            "ValidTime": iso(valid_ms),
            "StartTime": "",
            "EndTime": "",
            "Tags": {"Tag": [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in params.get("Tag", [])]},
            "ReplicationJobRuns": {"ReplicationJobRun": []},
            **{field: params[field] for field in copied if field in params},
            "sim": {"instance_id": source["sim"]["instance_id"], "target": target, "attempt": 0, "transit": "", "snapshots": []},
        }

    def start(self, params: Params) -> dict[str, Any]:
        """StartReplicationJob: allowed in Ready, Stopped or InError. From InError it is a retry."""
        job = self.need(params["JobId"])
        _require(job["Status"] in _STARTABLE, "ReplicationJob.InvalidStatus", f"The migration job is {job['Status']}.")
        source = self.sources.need(job["SourceId"])
        _require(self.sources.state(source) == "Available", "SourceServerState.Invalid", "The source server is not Available.")
        limit = self.world.ecs.setting("smc_concurrent_jobs", 0)
        running = len(self.world.jobs.where("Status", "Running")) if limit else 0
        _require(not limit or running < limit, "QuotaExceeded.ReplicationJob", f"At most {limit} jobs run at once.")
        self.world.cloud.scheduler.cancel(START, job["JobId"])
        self.migration.begin(job)
        return {}

    def _scheduled_start(self, payload: dict[str, Any]) -> None:
        job = self.world.jobs.get(payload["job"])
        if job is not None and job["Status"] == "Ready":
            self.migration.begin(job, kind="Schedule")

    def stop(self, params: Params) -> dict[str, Any]:
        """StopReplicationJob: allowed only while Syncing."""
        job = self.need(params["JobId"])
        _require(job["Status"] == "Running", "ReplicationJob.InvalidStatus", f"The migration job is {job['Status']}.")
        syncing = job["BusinessStatus"] == "Syncing"
        _require(
            syncing, "ReplicationJob.InvalidBusinessStatus", f"The migration job is {job['BusinessStatus']}, and must be Syncing."
        )
        self.migration.stop(job)
        return {}

    def cut_over(self, params: Params) -> dict[str, Any]:
        """CutOverReplicationJob: only for incremental jobs in Waiting. An operating system migration never is in that state."""
        job = self.need(params["JobId"])
        _require(job["Status"] == "Waiting", "ReplicationJob.InvalidStatus", f"The migration job is {job['Status']}.")
        return {}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteReplicationJob: refused while the job runs. The backup snapshots stay."""
        job = self.need(params["JobId"])
        _require(job["Status"] != "Running", "ReplicationJob.InvalidStatus", "The migration job is Running.")
        self._forget(job["JobId"])
        return {}

    def modify(self, params: Params) -> dict[str, Any]:
        """ModifyReplicationJobAttribute: allowed before the start only, except for Name, Description and ValidTime."""
        job = self.need(params["JobId"])
        early = sorted(set(params) - {"JobId", "Name", "Description", "ValidTime", "OwnerId", "ResourceOwnerAccount"})
        _require(not early or job["Status"] == "Ready", "ReplicationJob.InvalidStatus", f"{', '.join(early)}: the job has started.")
        if params.get("Name", job["Name"]) != job["Name"]:
            check_name(params["Name"])
            self._check_name_free(params["Name"])
        if "ValidTime" in params:
            _require(job["Status"] in UNFINISHED[:5], "ReplicationJob.InvalidStatus", f"The migration job is {job['Status']}.")
            self.world.cloud.scheduler.cancel(EXPIRE, job["JobId"])
            self.world.cloud.scheduler.at(
                self._valid_time(params["ValidTime"]), EXPIRE, {"job": job["JobId"]}, key=job["JobId"], periodic=True
            )
        self.world.jobs.put(job["JobId"], {**job, **{name: value for name, value in params.items() if name != "JobId"}})
        return {}

    def need(self, id: str) -> Doc:
        """The job of an id. Raises a 404 if it does not exist."""
        job = self.world.jobs.get(id)
        if job is None:
            raise ApiError("JobId.NotFound", f"The specified migration job {id} does not exist.", 404)
        return job

    def _expire(self, payload: dict[str, Any]) -> None:
        """Expire a job whose ValidTime has passed: at once, or when it ends if it is running. A week later the job is deleted."""
        job = self.world.jobs.get(payload["job"])
        if job is None or job["Status"] == "Finished":
            return
        scheduler, id = self.world.cloud.scheduler, job["JobId"]
        if job["Status"] == "Running":
            scheduler.at(self.world.now + DAY // 24, EXPIRE, {"job": id}, key=id, periodic=True)
            return
        self.world.jobs.put(id, {**job, "Status": "Expired"})
        scheduler.at(self.world.now + 7 * DAY, FORGET, {"job": id}, key=id, periodic=True)

    def _forget(self, id: str) -> None:
        for kind in (START, EXPIRE, FORGET):
            self.world.cloud.scheduler.cancel(kind, id)
        job = self.world.jobs.get(id)
        source = self.world.sources.get(job["SourceId"]) if job else None
        if source is not None and source["JobId"] == id:
            self.world.sources.put(source["SourceId"], {**source, "JobId": ""})
        self.world.jobs.delete(id)


def _named_target(params: Params) -> str:
    """The destination's name, from either of the two parameters."""
    if "TargetOsType" in params:
        return str(params["TargetOsType"])
    try:
        given = json.loads(params.get("ReplicationParameters", "{}"))
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ApiError("InvalidParameter", "ReplicationParameters is not a JSON object.", 400)
    return str(given.get("TargetOsType", ""))


def _require(condition: bool, code: str, message: str) -> None:
    if not condition:
        raise ApiError(code, message, 400)
