"""Replaces an operating system in place, step by step (facts, section 5).

Preparing: checks, then snapshots of all disks with names SMC_Backup_Snapshot_. Syncing: packages are downloaded (Windows: a transit
disk is attached). Processing: two restarts, with the installation between them. Cleaning: the transit disk is removed and the job
is Finished. Only then does the machine restart once more, and its agent is silent for 5-15 more minutes. The order of
BusinessStatus and all durations are assumptions.

A drill does the same and then resets every disk to SMC's copies. A failed or stopped job does that too if the fleet's facts say so
(``puts_back``, ``drills``). All writes since the copies are then lost.
"""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.smc.world import MINUTE, SECOND, Doc, SmcWorld

STEP, SETTLE = "smc.job_step", "smc.job_settle"
_SILENT_MS = 24 * 60 * MINUTE
_PATIENCE_MS = 10 * MINUTE
"""How long a job waits for a machine that is starting. After a failed attempt the machine restarts."""
_PREFIX = "SMC_Backup_Snapshot_"


class MigrationRun:
    """Moves jobs from Running to Finished or InError."""

    def __init__(self, world: SmcWorld) -> None:
        self.world = world
        self._steps = {
            "check": self._check,
            "backup": self._backup,
            "sync": self._sync,
            "process": self._process,
            "replace": self._replace,
            "clean": self._clean,
            "finish": self._finish,
        }
        world.cloud.scheduler.on(STEP, self._step)
        world.cloud.scheduler.on(SETTLE, self._settle)

    def begin(self, job: Doc, kind: str = "Manual") -> None:
        """Start or retry a job."""
        patient = self.world.now + _PATIENCE_MS
        job["sim"] |= {"attempt": job["sim"]["attempt"] + 1, "snapshots": [], "patient_until_ms": patient}
        job |= {"Status": "Running", "ErrorCode": "", "StatusInfo": "", "StartTime": self.world.now_iso, "EndTime": ""}
        job["ReplicationJobRuns"]["ReplicationJobRun"].append(
            {"StartTime": self.world.now_iso, "EndTime": "", "Type": kind, "ImageId": ""}
        )
        self._show(job, "Preparing", 0)
        self._then(job, "check", 20, 60)

    def stop(self, job: Doc) -> None:
        """Stop a job while it is Syncing. The system has not been replaced at that point."""
        self.world.cloud.scheduler.cancel(STEP, job["JobId"])
        self._drop_transit(job)
        self.world.ecs.set_busy(job["sim"]["instance_id"], "")
        if self._facts(job).get("puts_back") and self._put_back(job):
            self._restart(job, self.world.between(60, 180, "back", job["JobId"], job["sim"]["attempt"]))
        job |= {"Status": "Stopped", "EndTime": self.world.now_iso}
        self._show(job, "", job["Progress"])

    def _step(self, payload: dict[str, Any]) -> None:
        job = self.world.jobs.get(payload["job"])
        if job is None or job["Status"] != "Running":
            return
        if not self.world.ecs.exists(job["sim"]["instance_id"]):
            self._fail(job, "InvalidInstance.NotFound", "The instance was released.")
            return
        self._steps[payload["step"]](job)

    def _check(self, job: Doc) -> None:
        id, ecs = job["sim"]["instance_id"], self.world.ecs
        if ecs.booting(id) and self.world.now < job["sim"]["patient_until_ms"]:
            return self._then(job, "check", 20, 40)
        cause = ecs.ready(id)
        if cause or self._struck(job, "Preparing"):
            return self._fail(job, "M199", cause or self._cause(job))
        try:
            job["sim"]["snapshots"] = ecs.snapshot_disks(id, _PREFIX)
        except ApiError as error:
            return self._fail(job, error.code, error.message)
        ecs.set_busy(id, "replacing")
        self._show(job, "Preparing", 5)
        self._then(job, "backup", 20, 30)

    def _backup(self, job: Doc) -> None:
        states = self.world.ecs.snapshot_states(job["sim"]["snapshots"])
        if "failed" in states:
            return self._fail(job, "CreateSnapshotFailed", "A backup snapshot failed.")
        if "progressing" in states:
            self._show(job, "Preparing", min(25, job["Progress"] + 1))
            return self._then(job, "backup", 20, 30)
        if self._windows(job):
            job["sim"]["transit"] = self.world.ecs.attach_transit(job["sim"]["instance_id"])
        self._show(job, "Syncing", 30)
        self._then(job, "sync", 120, 300)

    def _sync(self, job: Doc) -> None:
        if self._struck(job, "Syncing"):
            return self._fail(job, "M199", self._cause(job))
        self._show(job, "Processing", 50)
        self._restart(job, _SILENT_MS)
        self._then(job, "process", 150, 360)

    def _process(self, job: Doc) -> None:
        if self._struck(job, "Processing"):
            return self._fail(job, "M199", self._cause(job), restart=True)
        self._show(job, "Processing", 70)
        self.world.ecs.replace_system(job["sim"]["instance_id"], job["sim"]["target"])
        self._then(job, "replace", 60, 180)

    def _replace(self, job: Doc) -> None:
        self._show(job, "Processing", 85)
        self._restart(job, _SILENT_MS)
        self._then(job, "clean", 150, 300)

    def _clean(self, job: Doc) -> None:
        self._drop_transit(job)
        self._show(job, "Cleaning", 95)
        self._then(job, "finish", 30, 90)

    def _finish(self, job: Doc) -> None:
        """Finish the job, and then restart once more. The agent is back five to fifteen minutes later."""
        if self.world.ecs.takes_drill(job["sim"]["instance_id"]):
            self._put_back(job)
        job |= {"Status": "Finished", "EndTime": self.world.now_iso}
        job["ReplicationJobRuns"]["ReplicationJobRun"][-1]["EndTime"] = self.world.now_iso
        self._show(job, "", 100)
        self._restart(job, self.world.between(300, 900, "initialisation", job["JobId"]))
        self.world.cloud.scheduler.at(self.world.now + MINUTE, SETTLE, {"instance": job["sim"]["instance_id"]}, key=job["JobId"])

    def _settle(self, payload: dict[str, Any]) -> None:
        """End the replacement once the agent responds, or the instance no longer exists."""
        id = payload["instance"]
        if self.world.ecs.exists(id) and self.world.ecs.silent(id):
            self.world.cloud.scheduler.at(self.world.now + 30 * SECOND, SETTLE, payload)
        else:
            self.world.ecs.set_busy(id, "")

    def _restart(self, job: Doc, agent_after_ms: int) -> None:
        self.world.ecs.restart(job["sim"]["instance_id"], agent_after_ms)

    def _facts(self, job: Doc) -> dict[str, Any]:
        """The planned faults of jobs on this instance, from the fleet's facts."""
        asked: dict[str, Any] = self.world.ecs.source(job["sim"]["instance_id"])["smc"]
        return asked

    def _put_back(self, job: Doc) -> bool:
        back: bool = self.world.ecs.put_back(job["sim"]["instance_id"], job["sim"]["snapshots"])
        return back

    def _struck(self, job: Doc, stage: str) -> bool:
        """Whether the fleet's facts make this attempt fail in this stage."""
        asked = self.world.ecs.source(job["sim"]["instance_id"])["smc"]
        fails: bool = job["sim"]["attempt"] <= asked.get("fail_attempts", 0) and asked.get("at", "Processing") == stage
        return fails

    def _cause(self, job: Doc) -> str:
        asked = self.world.ecs.source(job["sim"]["instance_id"])["smc"]
        cause: str = asked.get("cause", "The source system's environment check failed.")
        return cause

    def _windows(self, job: Doc) -> bool:
        windows: bool = self.world.ecs.source(job["sim"]["instance_id"])["os"]["id"] == "windows"
        return windows

    def _drop_transit(self, job: Doc) -> None:
        if job["sim"]["transit"]:
            self.world.ecs.drop_transit(job["sim"]["transit"])
            job["sim"]["transit"] = ""

    def _fail(self, job: Doc, code: str, cause: str, *, restart: bool = False) -> None:
        """Set the job to InError with a cause. The machine, if it was not released, continues with its old system."""
        id = job["sim"]["instance_id"]
        self._drop_transit(job)
        exists = self.world.ecs.exists(id)
        back = exists and bool(self._facts(job).get("puts_back")) and self._put_back(job)
        if back or (exists and restart):
            self._restart(job, self.world.between(60, 180, "back", job["JobId"], job["sim"]["attempt"]))
        self.world.ecs.set_busy(id, "", failed=True)
        job |= {"Status": "InError", "ErrorCode": code, "StatusInfo": cause, "EndTime": self.world.now_iso}
        self._show(job, job["BusinessStatus"], job["Progress"])

    def _show(self, job: Doc, business: str, progress: float) -> None:
        job |= {"BusinessStatus": business, "Progress": float(progress)}
        self.world.jobs.put(job["JobId"], job)

    def _then(self, job: Doc, step: str, low_s: float, high_s: float) -> None:
        words = (step, job["JobId"], job["sim"]["attempt"], self.world.now)
        due = self.world.now + self.world.between(low_s, high_s, *words)
        self.world.cloud.scheduler.at(due, STEP, {"job": job["JobId"], "step": step}, key=job["JobId"])
