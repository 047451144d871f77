"""The jobs behind a command: the run in the guest, outside the transaction, and later the job that shows the result."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.core.scheduler import Job
from localcloud.ecs import agent, events
from localcloud.ecs.guest import machine
from localcloud.ecs.guest.ahead import Ahead, Begun, Start
from localcloud.ecs.guest.blob import pack
from localcloud.ecs.guest.folders import Folder, Folders, Layout
from localcloud.ecs.store import Doc
from localcloud.ecs.world import SECOND, EcsWorld

RUN, DONE = "ecs.command_run", "ecs.command_done"
_KEEP_OUTPUT = 24 * 1024
HOST_VERBS = frozenset({"unit-start", "unit-active", "unit-failed", "reboot"})
Host = Callable[[str, str, list[str]], str]
_ERRORS = {
    "InstanceNotRunning": "The specified instance was not running during task execution.",
    "InstanceReleased": "The specified instance was released during task execution.",
    "ClientNotRunning": "The aliyun service is not running on the instance.",
    "ExecutionTimeout": "The command execution has been timeout.",
    "ExitCodeNonzero": "The command execution exit code is not zero.",
    "ExecutionInterrupted": "The command execution got interrupted.",
}


class GuestRuns:
    """Runs commands in guests; a result's key is ``<invoke id>:<instance id>``."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world
        self.folders = Folders()
        self.ahead = Ahead(self.folders, world.cloud.db.blob)
        self.host: Host | None = None
        """Answers a guest's questions about its host. The module that can answer sets this attribute."""
        world.cloud.scheduler.on(RUN, lambda payload: None)
        world.cloud.scheduler.on(DONE, self._done)
        world.cloud.outside[RUN] = self._run
        self._resume()

    def schedule(self, key: str, due_ms: int) -> None:
        """Schedule the run of a result's command at ``when_ms``."""
        self.world.cloud.scheduler.at(due_ms, RUN, {"key": key}, key=key)

    def expect(self, key: str, instance: Doc, script: str, due_ms: int) -> None:
        """Start a scheduled run ahead of time, on the assumption that nothing changes until then."""
        self.ahead.expect(key, self.start(instance, self.layout(instance["InstanceId"]), script, due_ms))

    def cancel(self, key: str) -> None:
        """Cancel the run, and the job that would show its result."""
        self.ahead.drop(key)
        self.world.cloud.scheduler.cancel(RUN, key)
        self.world.cloud.scheduler.cancel(DONE, key)

    def _resume(self) -> None:
        """Restart the runs that the end of the last process interrupted."""
        with self.world.cloud.db.transaction():
            for status in ("Pending", "Running"):
                for result in self.world.store.find("result", {"status": status}):
                    key = f"{result['InvokeId']}:{result['InstanceId']}"
                    if not result["sim"]["ran"]:
                        self.world.cloud.scheduler.cancel(RUN, key)
                        self.schedule(key, self.world.now + SECOND)

    def _run(self, job: Job) -> None:
        key = job.payload["key"]
        cloud = self.world.cloud
        with cloud.lock, cloud.db.transaction():
            started = self._started(key)
            if started is None:
                self.ahead.drop(key)
                return
            result, instance, layout = started
            start = self.start(instance, layout, self._script(result), self.world.now)
            begun = self.ahead.take(key, start)
            folder = begun.folder if begun else self.folders.take(layout, cloud.db.blob)
            if begun is None:
                folder.volatile(*start.boot)
        run = self._ran(begun, folder, start, result)
        with cloud.lock, cloud.db.transaction():
            self._ended(key, run, folder, layout)

    def _ran(self, begun: Begun | None, folder: Folder, start: Start, result: Doc) -> machine.Run:
        """The run that was started ahead of time, or a new one."""
        timeout_s, instance_id = result["sim"]["timeout_ms"] // SECOND, result["InstanceId"]
        try:
            if begun is not None:
                return begun.shell.attend(timeout_s=timeout_s, ask=lambda line: self._ask(instance_id, line))
            guest = machine.Machine(folder, self.folders.commands, start.windows, start.now_s)
            return machine.run(guest, start.script, timeout_s=timeout_s, ask=lambda line: self._ask(instance_id, line))
        except OSError as error:
            return machine.Run(exit_code=126, output=f"cannot run the script: {error}\n".encode())

    def start(self, instance: Doc, layout: Layout, script: str, at_ms: int) -> Start:
        """Everything that the result of a run at this time depends on."""
        booted, boots = instance["sim"]["booted_ms"], instance["sim"]["boots"]
        number = self.world.cloud.random("boot", instance["InstanceId"], boots).randbytes(16).hex()
        boot = (number, (at_ms - booted) // SECOND, booted // SECOND)
        return Start(layout, boot, instance["OSType"] == "windows", at_ms // SECOND, script)

    def _script(self, result: Doc) -> str:
        """The script to run. In an older state file, which does not store scripts under their digest, the result holds the
        script.
        """
        text = result["sim"].get("script")
        return self.world.cloud.db.blob(result["sim"]["content"]).decode() if text is None else str(text)

    def _started(self, key: str) -> tuple[Doc, Doc, Layout] | None:
        """The result, its instance and disks, if the guest can run a command now. Otherwise record the failure."""
        result = self.world.store.get("result", key)
        if result is None or result["InvocationStatus"] not in ("Pending", "Running"):
            return None
        instance = self.world.store.get("instance", result["InstanceId"])
        code = self._obstacle(instance)
        if instance is None or code:
            self._fail(key, result, code, "Aborted")
            return None
        result |= {"InvocationStatus": "Running", "StartTime": self.world.now_iso}
        self.world.store.put("result", key, result)
        return result, instance, self.layout(result["InstanceId"])

    def _obstacle(self, instance: Doc | None) -> str:
        if instance is None:
            return "InstanceReleased"
        if instance["Status"] != "Running":
            return "InstanceNotRunning"
        return "" if agent.alive(self.world, instance) else "ClientNotRunning"

    def layout(self, instance_id: str) -> Layout:
        disks = [disk for disk in self.world.disks(instance_id) if disk["sim"]["mount"]]
        return tuple((disk["sim"]["mount"].strip("/"), disk["sim"]["blob"]) for disk in disks)

    def _ask(self, instance_id: str, line: str) -> str:
        """Answer a guest's question to its host: the SMC client's import, or a question that systemd would answer."""
        verb, *words = line.split()
        if self.host is not None and verb in HOST_VERBS:
            with self.world.cloud.lock, self.world.cloud.db.transaction():
                return self.host(instance_id, verb, words)
        importer = self.world.cloud.hooks.smc_import
        if verb != "smc-import" or len(words) != 2 or importer is None:
            return "error not understood"
        with self.world.cloud.lock, self.world.cloud.db.transaction():
            try:
                return f"ok {importer(instance_id, *words)}"
            except ApiError as error:
                return f"error {error}"

    def _ended(self, key: str, run: machine.Run, folder: Folder, layout: Layout) -> None:
        result = self.world.store.get("result", key)
        if result is None:
            return
        self._keep_changes(result["InstanceId"], run)
        self.folders.give_back(folder, self._layout_after(layout, run))
        if result["InvocationStatus"] != "Running":
            return
        took = self.world.between(0.3, 2, "took", key) + round(run.slept_s * SECOND)
        took = result["sim"]["timeout_ms"] if run.timed_out else min(took, result["sim"]["timeout_ms"])
        outcome = _outcome(run)
        result["sim"] |= {"ran": True, "outcome": outcome}
        self.world.store.put("result", key, result)
        self.world.cloud.scheduler.at(self.world.now + took, DONE, {"key": key}, key=key)

    def _layout_after(self, layout: Layout, run: machine.Run) -> Layout:
        return tuple((mount, pack(run.changed[mount])[0] if mount in run.changed else digest) for mount, digest in layout)

    def _keep_changes(self, instance_id: str, run: machine.Run) -> None:
        for disk in self.world.disks(instance_id) if run.changed else ():
            mount = disk["sim"]["mount"].strip("/")
            if disk["sim"]["mount"] and mount in run.changed:
                disk["sim"]["blob"], body = pack(run.changed[mount])
                self.world.cloud.db.put_blob(disk["sim"]["blob"], body)
                self.world.store.put("disk", disk["DiskId"], disk)

    def _done(self, payload: dict[str, Any]) -> None:
        """Show the outcome, unless the instance was stopped meanwhile."""
        key = payload["key"]
        result = self.world.store.get("result", key)
        if result is None or result["InvocationStatus"] != "Running":
            return
        instance = self.world.store.get("instance", result["InstanceId"])
        if instance is None or instance["Status"] != "Running":
            self._fail(key, result, "InstanceReleased" if instance is None else "ExecutionInterrupted", "Error")
            return
        self._finish(key, result, result["sim"]["outcome"])

    def _fail(self, key: str, result: Doc, code: str, status: str) -> None:
        self._finish(key, result, {"InvocationStatus": status, "ErrorCode": code, "ErrorInfo": _ERRORS[code]})

    def _finish(self, key: str, result: Doc, outcome: dict[str, Any]) -> None:
        result |= outcome
        good = result["InvocationStatus"] == "Success"
        result |= {"InvokeRecordStatus": "Finished" if good else "Failed", "FinishedTime": self.world.now_iso}
        result["Repeats"] = 1
        result["sim"] = {"ran": True, "timeout_ms": 0}
        self.world.store.put("result", key, result)
        invocation = self.world.store.get("invocation", result["InvokeId"]) or {}
        events.command_completed(self.world, result, str(invocation.get("CommandName", "")))


def _outcome(run: machine.Run) -> dict[str, Any]:
    """The fields of a finished run. A long output is cut at its beginning."""
    dropped = max(0, len(run.output) - _KEEP_OUTPUT)
    shown = {"Output": base64.b64encode(run.output[dropped:]).decode(), "Dropped": dropped}
    if run.timed_out:
        return {**shown, "InvocationStatus": "Timeout", "ErrorCode": "ExecutionTimeout", "ErrorInfo": _ERRORS["ExecutionTimeout"]}
    failure = {"InvocationStatus": "Failed", "ErrorCode": "ExitCodeNonzero", "ErrorInfo": _ERRORS["ExitCodeNonzero"]}
    return {**shown, "ExitCode": run.exit_code, **({"InvocationStatus": "Success"} if run.exit_code == 0 else failure)}
