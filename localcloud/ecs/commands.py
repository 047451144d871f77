"""RunCommand: creates an invocation with one result per instance.

A command starts a moment after the call. Its script really runs in the guest, outside the cloud's transaction. The result appears
once the script's virtual time has passed. If the cloud is killed meanwhile, it runs the script again.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import agent
from localcloud.ecs.guest_runs import GuestRuns
from localcloud.ecs.paging import Params
from localcloud.ecs.records import Records
from localcloud.ecs.store import Doc
from localcloud.ecs.tags import check_tags, ecs_tags
from localcloud.ecs.world import SECOND, EcsWorld, refuse_unless
from localcloud.wire.rpc import missing

TYPES = {"RunShellScript": "linux", "RunBatScript": "windows", "RunPowerShellScript": "windows"}
_MOST_INSTANCES, _MOST_BYTES, _MOST_PARAMETERS = 100, 24 * 1024, 20
_PLACEHOLDER = re.compile(r"\{\{\s*([\w:-]+)\s*\}\}")


class Commands:
    """RunCommand and StopInvocation."""

    def __init__(self, world: EcsWorld, runs: GuestRuns, records: Records) -> None:
        self.world, self.runs, self.records = world, runs, records

    def run(self, params: Params) -> dict[str, Any]:
        """RunCommand. A repeated call with the same ClientToken returns the same invocation."""
        return self.world.once("RunCommand", params, lambda: self._run(params))

    def _run(self, params: Params) -> dict[str, Any]:
        ids = params.get("InstanceId", [])
        if not ids:
            raise missing("InstanceId.1")
        refuse_unless(len(ids) <= _MOST_INSTANCES, "InstanceIds.ExceedLimit", f"At most {_MOST_INSTANCES} instances are allowed.")
        check_tags(params)
        kind, timeout_s, script = _checked(params)
        instances = [self.world.need("instance", id, "InvalidInstance.NotFound") for id in dict.fromkeys(ids)]
        for instance in instances:
            fits = instance["OSType"] == kind
            refuse_unless(fits, "InvalidInstance.NotMatch", "The specified instance type does not match the command.")
        command, invoke = self.world.cloud.new_id("c-hz0"), self.world.cloud.new_id("t-hz0")
        self._note(params, command, invoke, timeout_s)
        for instance in instances:
            self._begin(invoke, command, instance, _filled(self.world, script, params, instance, invoke, command), timeout_s)
        return {"CommandId": command, "InvokeId": invoke}

    def _note(self, params: Params, command: str, invoke: str, timeout_s: int) -> None:
        content = params["CommandContent"]
        if not _is_base64(params):
            content = base64.b64encode(content.encode()).decode()
        digest = hashlib.sha256(content.encode()).hexdigest()
        self.world.cloud.db.put_blob(digest, content.encode())
        doc = {
            "InvokeId": invoke,
            "CommandId": command,
            "CommandName": params.get("Name", f"cmd-{command}"),
            "CommandDescription": params.get("Description", ""),
            "CommandType": params["Type"],
            "CreationTime": self.world.now_iso,
            "Timeout": timeout_s,
            "RepeatMode": "Once",
            "Timed": False,
            "Frequency": "",
            "Parameters": str(params.get("Parameters", {})),
            "Username": params.get("Username", ""),
            "WorkingDir": params.get("WorkingDir", ""),
            "Tags": {"Tag": ecs_tags(params)},
            "sim": {"content": digest},
        }
        self.world.store.put("invocation", invoke, doc)

    def _begin(self, invoke: str, command: str, instance: Doc, script: str, timeout_s: int) -> None:
        """Store the initial result and schedule the run. If the instance or its agent does not respond, the result fails within a
        minute.
        """
        world, id = self.world, instance["InstanceId"]
        digest = hashlib.sha256(script.encode()).hexdigest()
        world.cloud.db.put_blob(digest, script.encode())
        world.store.put("result", f"{invoke}:{id}", _result(invoke, command, id, digest, timeout_s))
        self.records.add(f"{invoke}:{id}")
        instance["sim"] |= {"last_invoked": world.now_iso, "invocations": instance["sim"]["invocations"] + 1}
        world.store.put("instance", id, instance)
        reachable = agent.alive(world, instance)
        seconds = (0.5, 3) if reachable or instance["Status"] != "Running" else (50, 60)
        due_ms = world.now + world.between(*seconds, "command", invoke, id)
        self.runs.schedule(f"{invoke}:{id}", due_ms)
        if reachable:
            self.runs.expect(f"{invoke}:{id}", instance, script, due_ms)

    def stop(self, params: Params) -> dict[str, Any]:
        """StopInvocation: results that have not ended become Cancelled or Terminated."""
        invoke = params["InvokeId"]
        self.world.need("invocation", invoke, "InvalidInvokeId.NotFound")
        for result in self.world.store.find("result", {"invoke": invoke}):
            chosen = result["InstanceId"] in params.get("InstanceId", [result["InstanceId"]])
            if chosen and result["InvocationStatus"] in ("Pending", "Running"):
                began = result["sim"]["ran"]
                self.runs.cancel(f"{invoke}:{result['InstanceId']}")
                result |= {"InvocationStatus": "Terminated" if began else "Cancelled", "InvokeRecordStatus": "Stopped"}
                result |= {"StopTime": self.world.now_iso, "FinishedTime": self.world.now_iso}
                self.world.store.put("result", f"{invoke}:{result['InstanceId']}", result)
        return {}


def _checked(params: Params) -> tuple[str, int, str]:
    """The command's OS type, its time limit in seconds, and the decoded script."""
    kind = TYPES.get(params["Type"])
    if kind is None:
        raise ApiError("InvalidParameter.Type", f"Type must be one of {', '.join(TYPES)}.", 400)
    timeout_s = params.get("Timeout", 60)
    if not 10 <= timeout_s <= 86400:
        raise ApiError("InvalidParameter.Timeout", "Timeout must be between 10 and 86400.", 400)
    if params.get("RepeatMode", "Once") != "Once" or params.get("Timed"):
        raise ApiError("InvalidParameter.RepeatMode", "Only commands that run once are emulated.", 400)
    if len(params["CommandContent"]) > (_MOST_BYTES if _is_base64(params) else _MOST_BYTES * 3 // 4):
        raise ApiError("CmdContent.ExceedLimit", "The command content exceeds 24 KB when encoded in Base64.", 403)
    return kind, timeout_s, _decoded(params)


def _is_base64(params: Params) -> bool:
    return bool(params.get("ContentEncoding", "PlainText").lower() == "base64")


def _decoded(params: Params) -> str:
    content: str = params["CommandContent"]
    if not _is_base64(params):
        return content
    try:
        return base64.b64decode(content, validate=True).decode()
    except ValueError:
        raise ApiError("CmdContent.DecodeError", "The CommandContent can not be base64 decoded.", 400) from None


def _filled(world: EcsWorld, script: str, params: Params, instance: Doc, invoke: str, command: str) -> str:
    """The script with its {{parameters}} filled in, if EnableParameter is true. Parameter names are not case-sensitive."""
    if not params.get("EnableParameter"):
        return script
    given = params.get("Parameters", {})
    if not isinstance(given, dict) or len(given) > _MOST_PARAMETERS:
        raise ApiError("InvalidParameter.Parameters", f"Parameters must be an object of at most {_MOST_PARAMETERS} members.", 400)
    known = {str(name).lower(): str(value) for name, value in given.items()}
    cloud = world.cloud
    known |= {"acs::regionid": cloud.region, "acs::accountid": cloud.account_id, "acs::invokeid": invoke, "acs::commandid": command}
    known |= {"acs::instanceid": instance["InstanceId"], "acs::instancename": instance["InstanceName"]}

    def value(found: re.Match[str]) -> str:
        name = found.group(1).lower()
        if name not in known:
            raise ApiError("InvalidParameter.Parameters", f"The command's parameter {found.group(1)} has no value.", 400)
        return known[name]

    return _PLACEHOLDER.sub(value, script)


def _result(invoke: str, command: str, instance_id: str, digest: str, timeout_s: int) -> Doc:
    """The initial result for a script that is stored under a digest."""
    return {
        "InvokeId": invoke,
        "CommandId": command,
        "InstanceId": instance_id,
        "InvocationStatus": "Pending",
        "InvokeRecordStatus": "Running",
        "StartTime": "",
        "FinishedTime": "",
        "StopTime": "",
        "Output": "",
        "Dropped": 0,
        "ErrorCode": "",
        "ErrorInfo": "",
        "ExitCode": None,
        "Repeats": 0,
        "Username": "",
        "Tags": {"Tag": []},
        "sim": {"content": digest, "timeout_ms": timeout_s * SECOND, "ran": False},
    }
