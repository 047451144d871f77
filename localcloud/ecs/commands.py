"""RunCommand and InvokeCommand: each creates an invocation with one result per instance.

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
_MOST_INSTANCES, _MOST_BYTES = 100, 24 * 1024
MOST_KEPT = 18 * 1024
"""Maximum bytes of a kept command in base64; for InvokeCommand, together with its parameters."""
MOST_PARAMETERS, MOST_INVOKED, MOST_NAME = 20, 10, 64
"""Maximum number of parameters that a command may have, and that InvokeCommand takes; maximum length of a name."""
_PLACEHOLDER = re.compile(r"\{\{\s*([\w:-]+)\s*\}\}")


def kept_command(world: EcsWorld, params: Params) -> Doc:
    """The kept command of a call. A command of another region is not found."""
    doc = world.need("command", params["CommandId"], "InvalidCmdId.NotFound")
    there = is_in_region(world, doc, params["RegionId"])
    refuse_unless(there, "InvalidCmdId.NotFound", "The specified command ID does not exist.", 404)
    return doc


def is_in_region(world: EcsWorld, doc: Doc, region_id: str) -> bool:
    """Whether a kept command is in the region. States of older versions store no region."""
    return bool(doc["sim"].get("region", world.cloud.region) == region_id)


class Commands:
    """RunCommand, InvokeCommand and StopInvocation."""

    def __init__(self, world: EcsWorld, runs: GuestRuns, records: Records) -> None:
        self.world, self.runs, self.records = world, runs, records

    def run(self, params: Params) -> dict[str, Any]:
        """RunCommand. A repeated call with the same ClientToken returns the same invocation."""
        return self.world.once("RunCommand", params, lambda: self._run(params))

    def _run(self, params: Params) -> dict[str, Any]:
        instances = self._instances(params)
        kind, timeout_s, script = checked_command(params, _MOST_BYTES, base64_by_default=False)
        given = _given_parameters(params) if params.get("EnableParameter") else None
        command = self.world.cloud.new_id("c-hz0")
        about = {
            "CommandId": command,
            "Name": params.get("Name", f"cmd-{command}"),
            "Description": params.get("Description", ""),
            "Type": params["Type"],
            "WorkingDir": params.get("WorkingDir", ""),
            "Timeout": timeout_s,
        }
        return {"CommandId": command, "InvokeId": self._start(params, instances, kind, about, script, given)}

    def invoke(self, params: Params) -> dict[str, Any]:
        """InvokeCommand: runs a kept command. A repeated call with the same ClientToken returns the same invocation."""
        return self.world.once("InvokeCommand", params, lambda: self._invoke(params))

    def _invoke(self, params: Params) -> dict[str, Any]:
        instances = self._instances(params)
        check_run_once(params)
        kept = kept_command(self.world, params)
        timeout_s = checked_timeout(params, kept["Timeout"])
        script = self.world.cloud.db.blob(kept["sim"]["content"]).decode()
        given = None
        if kept["EnableParameter"]:
            given = parameters_of_invocation(params, script)
        elif params.get("Parameters"):
            raise ApiError(
                "Parameter.Disabled", "Parameters cannot be passed in when the command customization function is disabled.", 404
            )
        invoke = self._start(params, instances, TYPES[kept["Type"]], {**kept, "Timeout": timeout_s}, script, given)
        self.world.store.put("command", kept["CommandId"], {**kept, "InvokeTimes": kept["InvokeTimes"] + 1})
        return {"InvokeId": invoke}

    def _instances(self, params: Params) -> list[Doc]:
        ids = params.get("InstanceId", [])
        if not ids:
            raise missing("InstanceId.1")
        refuse_unless(len(ids) <= _MOST_INSTANCES, "InstanceIds.ExceedLimit", f"At most {_MOST_INSTANCES} instances are allowed.")
        check_tags(params)
        return [self.world.need("instance", id, "InvalidInstance.NotFound") for id in dict.fromkeys(ids)]

    def _start(self, params: Params, instances: list[Doc], kind: str, about: Doc, script: str, given: dict[str, str] | None) -> str:
        """Start the script on each instance. The result is the invocation's id. ``given`` is None if parameters are disabled."""
        for instance in instances:
            fits = instance["OSType"] == kind
            refuse_unless(fits, "InvalidInstance.NotMatch", "The specified instance type does not match the command.")
        command, invoke = about["CommandId"], self.world.cloud.new_id("t-hz0")
        self._note(params, about, invoke, script)
        for instance in instances:
            filled = script if given is None else _filled(self.world, script, given, instance, invoke, command)
            self._begin(invoke, command, instance, filled, about["Timeout"])
        return invoke

    def _note(self, params: Params, about: Doc, invoke: str, script: str) -> None:
        content = base64.b64encode(script.encode())
        digest = hashlib.sha256(content).hexdigest()
        self.world.cloud.db.put_blob(digest, content)
        doc = {
            "InvokeId": invoke,
            "CommandId": about["CommandId"],
            "CommandName": about["Name"],
            "CommandDescription": about["Description"],
            "CommandType": about["Type"],
            "CreationTime": self.world.now_iso,
            "Timeout": about["Timeout"],
            "RepeatMode": "Once",
            "Timed": False,
            "Frequency": "",
            "Parameters": str(params.get("Parameters", {})),
            "Username": params.get("Username", ""),
            "WorkingDir": about["WorkingDir"],
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


def checked_command(params: Params, most_bytes: int, *, base64_by_default: bool) -> tuple[str, int, str]:
    """The command's OS type, its time limit in seconds, and the decoded script of at most ``most_bytes`` in base64."""
    kind = TYPES.get(params["Type"])
    if kind is None:
        raise ApiError("InvalidParameter.Type", f"Type must be one of {', '.join(TYPES)}.", 400)
    timeout_s = checked_timeout(params, 60)
    check_run_once(params)
    encoded = params.get("ContentEncoding", "Base64" if base64_by_default else "PlainText").lower() == "base64"
    if len(params["CommandContent"]) > (most_bytes if encoded else most_bytes * 3 // 4):
        raise ApiError(
            "CmdContent.ExceedLimit", f"The command content exceeds {most_bytes // 1024} KB when encoded in Base64.", 403
        )
    return kind, timeout_s, _decoded(params["CommandContent"]) if encoded else params["CommandContent"]


def checked_timeout(params: Params, default_s: int) -> int:
    """The time limit of the request, or the default, in seconds."""
    timeout_s: int = params.get("Timeout", default_s)
    if not 10 <= timeout_s <= 86400:
        raise ApiError("InvalidParameter.Timeout", "Timeout must be between 10 and 86400.", 400)
    return timeout_s


def check_run_once(params: Params) -> None:
    """Refuse schedules, which are not emulated."""
    if params.get("RepeatMode", "Once") != "Once" or params.get("Timed"):
        raise ApiError("InvalidParameter.RepeatMode", "Only commands that run once are emulated.", 400)


def parameter_names(script: str) -> list[str]:
    """The names of the script's custom parameters. Names in another case are the same name."""
    first: dict[str, str] = {}
    for name in _PLACEHOLDER.findall(script):
        if not name.lower().startswith("acs::"):
            first.setdefault(name.lower(), name)
    return list(first.values())


def parameters_of_invocation(params: Params, script: str) -> dict[str, str]:
    """The parameters of InvokeCommand for a kept script. A parameter that is not given is an empty text."""
    given = _given_parameters(params)
    refuse_unless(len(given) <= MOST_INVOKED, "ParameterCount.ExceedLimit", "The maximum number of parameters is exceeded.")
    long = any(len(name) > MOST_NAME for name in given)
    refuse_unless(not long, "ParameterKey.ExceedLimit", "The maximum length of a parameter name is exceeded.")
    refuse_unless(
        len({name.lower() for name in given}) == len(given), "ParameterKey.Duplicate", "Parameter names cannot be duplicated."
    )
    known = {name.lower() for name in parameter_names(script)}
    matched = {name.lower() for name in given} <= known
    refuse_unless(
        matched,
        "Parameter.NotMatched",
        "The passed-in parameters do not match the parameters defined when you created the command.",
    )
    size = len(base64.b64encode((script + "".join(given.values())).encode()))
    refuse_unless(size <= MOST_KEPT, "CmdContent.ExceedLimit", "The maximum length of a command is exceeded.")
    return {**dict.fromkeys(known, ""), **{name.lower(): value for name, value in given.items()}}


def _given_parameters(params: Params) -> dict[str, str]:
    given = params.get("Parameters", {})
    if not isinstance(given, dict) or len(given) > MOST_PARAMETERS:
        raise ApiError("InvalidParameter.Parameters", f"Parameters must be an object of at most {MOST_PARAMETERS} members.", 400)
    return {str(name): str(value) for name, value in given.items()}


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content, validate=True).decode()
    except ValueError:
        raise ApiError("CmdContent.DecodeError", "The CommandContent can not be base64 decoded.", 400) from None


def _filled(world: EcsWorld, script: str, given: dict[str, str], instance: Doc, invoke: str, command: str) -> str:
    """The script with its {{parameters}} filled in, exactly as text: nothing is quoted. Parameter names are not case-sensitive.

    A value that itself contains {{}} stays as it is, because the script is read once. That is assumed.
    """
    known = {name.lower(): value for name, value in given.items()}
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
