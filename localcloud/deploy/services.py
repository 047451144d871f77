"""Reads s.yaml (edition 3.0.0, component fc3): the functions and their triggers.

The shape is stricter than the component's published schema, which accepts unknown keys and any trigger configuration.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.deploy.check import Fields, Shape, anything, either, listed, mapped, number, one_of, text, truth
from localcloud.deploy.document import Document, Place
from localcloud.deploy.variables import Variables
from localcloud.eventbridge.model import check_filter
from localcloud.fc import cron
from localcloud.fc.interpreter import interpreter
from localcloud.fc.model import AsyncPolicy, Function, Trigger
from localcloud.fc.packages import digest_of

_HANDLER = text(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", "module.function")
_ARN = text(r"acs:.+", "a resource name")
_RUNTIMES = ("python3.12", "python3.10", "python3.9")
_MAX_ENVIRONMENT = 4096
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
_TIMER = Fields({"cronExpression": text(r".+", "an expression"), "enable": truth, "payload": text()}, ("cronExpression",))
_HTTP = Fields(
    {
        "authType": one_of("anonymous", "function"),
        "methods": listed(one_of(*_METHODS), 1, 7),
        "disableURLInternet": truth,
        "authConfig": text(),
    },
    ("authType", "methods"),
)
_EVENTS = Fields(
    {
        "triggerEnable": truth,
        "asyncInvocationType": one_of(True),
        "eventRuleFilterPattern": text(r"(?s).+", "an event pattern in JSON"),
        "eventSourceConfig": Fields({"eventSourceType": one_of("Default")}, ("eventSourceType",), ("eventSourceParameters",)),
    },
    ("eventRuleFilterPattern", "eventSourceConfig"),
    ("eventTargetConfig", "runOptions"),
)
TRIGGERS: dict[str, Shape] = {"timer": _TIMER, "http": _HTTP, "eventbridge": _EVENTS}
_DESTINATION = Fields({"destination": _ARN}, ("destination",))
_LOGS = Fields(
    {
        "project": text(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a project's name"),
        "logstore": text(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", "a log store's name"),
        "enableRequestMetrics": truth,
        "enableInstanceMetrics": truth,
        "logBeginRule": one_of("None", "DefaultRegex"),
    },
    ("project", "logstore"),
)
_HOOK = Fields({"handler": _HANDLER, "timeout": number(1, 300)}, ("handler",))
_PROPS = Fields(
    {
        "region": text(r"[a-z0-9-]+", "a region"),
        "functionName": text(r"[A-Za-z_][\w-]{0,127}", "a function name"),
        "description": text(),
        "runtime": one_of(*_RUNTIMES),
        "handler": _HANDLER,
        "code": text(r".+", "a path"),
        "cpu": number(0.05, 16, whole=False),
        "memorySize": number(128, 32_768),
        "diskSize": one_of(512, 10_240),
        "timeout": number(1, 86_400),
        "instanceConcurrency": one_of(1),
        "role": either(
            text(r"acs:ram::\d*:role/[\w.-]+", "a role's name or resource name"), text(r"[\w.-]+"), lambda v: ":" in str(v)
        ),
        "environmentVariables": mapped(text(), r"[A-Za-z]\w*"),
        "instanceLifecycleConfig": Fields({"initializer": _HOOK}, (), ("preStop",)),
        "asyncInvokeConfig": Fields(
            {
                "asyncTask": truth,
                "maxAsyncRetryAttempts": number(0, 8),
                "maxAsyncEventAgeInSeconds": number(1, 2_592_000),
                "destinationConfig": Fields({"onSuccess": _DESTINATION, "onFailure": _DESTINATION}),
            },
            (),
            ("qualifier",),
        ),
        "internetAccess": truth,
        "logConfig": either(one_of("auto"), _LOGS, lambda value: isinstance(value, str)),
        "vpcConfig": anything,
        "tags": anything,
        "triggers": listed(
            Fields(
                {
                    "triggerName": text(r"[A-Za-z_][\w-]{0,127}", "a trigger name"),
                    "triggerType": one_of(*TRIGGERS),
                    "qualifier": one_of("LATEST"),
                    "description": text(),
                    "triggerConfig": mapped(anything),
                },
                ("triggerName", "triggerType", "triggerConfig"),
                ("invocationRole", "sourceArn"),
            ),
            0,
            50,
        ),
    },
    ("region", "functionName", "runtime", "handler", "code"),
    (
        "layers",
        "nasConfig",
        "customDomain",
        "concurrencyConfig",
        "provisionConfig",
        "gpuConfig",
        "customRuntimeConfig",
        "ossMountConfig",
    ),
)
_FILE = Fields(
    {
        "edition": one_of("3.0.0"),
        "name": text(r"[\w-]+", "a name"),
        # Serverless Devs looks up the raw text of the alias, before it resolves any variables.
        "access": text(r"[\w-]+", "the name of an alias, without variables"),
        "vars": mapped(anything),
        "actions": mapped(anything),
        "resources": mapped(
            Fields({"component": one_of("fc3"), "props": anything}, ("component", "props"), ("actions", "extend")), r"[\w-]+"
        ),
    },
    ("edition", "name", "resources"),
    ("extend", "template"),
)


def read(document: Document, variables: Variables, code_mode: str) -> list[Function]:
    """Check s.yaml and return its functions. Problems are recorded in ``document``."""
    _FILE(document, (), document.value)
    resources = document.value.get("resources") if isinstance(document.value, dict) else None
    functions: list[Function] = []
    for name, resource in (resources if isinstance(resources, dict) else {}).items():
        place = ("resources", name, "props")
        props = variables.fill(resource.get("props") if isinstance(resource, dict) else None, place)
        before = len(document.problems)
        _PROPS(document, place, props)
        if len(document.problems) > before:
            continue
        _check_sizes(document, place, props)
        if any(props["functionName"] == function.name for function in functions):
            document.complain((*place, "functionName"), "a second function of this name")
        triggers = tuple(_trigger(document, (*place, "triggers", at), each) for at, each in enumerate(props.get("triggers", [])))
        code = _code(document, place, props["code"], code_mode)
        package = _package(document, place, props["runtime"], code[0]) if code_mode == "zip" else ""
        functions.append(replace(_function(props, triggers, code), package=package))
    return functions


def _function(props: dict[str, Any], triggers: tuple[Trigger, ...], code: tuple[str, ...]) -> Function:
    initializer = props.get("instanceLifecycleConfig", {}).get("initializer", {})
    queue = props.get("asyncInvokeConfig", {})
    destinations = queue.get("destinationConfig", {})
    return Function(
        name=props["functionName"],
        handler=props["handler"],
        code=code,
        initializer=initializer.get("handler", ""),
        runtime=props["runtime"],
        memory_mb=props.get("memorySize", 512),
        timeout_s=props.get("timeout", 3),
        initializer_timeout_s=initializer.get("timeout", 3),
        role=str(props.get("role", "")).rpartition("/")[2],
        environment=props.get("environmentVariables", {}),
        triggers=triggers,
        async_policy=AsyncPolicy(
            max_retries=queue.get("maxAsyncRetryAttempts", 3),
            max_age_s=queue.get("maxAsyncEventAgeInSeconds", 18_000),
            on_failure=destinations.get("onFailure", {}).get("destination", ""),
            on_success=destinations.get("onSuccess", {}).get("destination", ""),
        ),
        description=props.get("description", ""),
        cpu=props.get("cpu", 0.0),
        disk_mb=props.get("diskSize", 512),
        internet=props.get("internetAccess", True),
        log=props["logConfig"] if isinstance(props.get("logConfig"), dict) else {},
    )


def _check_sizes(document: Document, place: Place, props: dict[str, Any]) -> None:
    """Check the steps and the ratio of CPU and memory (alibabacloud.com/help/en/functioncompute/fc/quotas-and-limits)."""
    memory, cpu = props.get("memorySize", 512), props.get("cpu")
    if memory % 64:
        document.complain((*place, "memorySize"), "must be a multiple of 64 (MB)")
    if cpu is not None and round(cpu * 100) % 5:
        document.complain((*place, "cpu"), "must be a multiple of 0.05 (vCPU)")
    if cpu is not None and not cpu <= memory / 1024 <= 4 * cpu:
        document.complain((*place, "cpu"), "one vCPU goes with 1 to 4 GB of memory")
    if sum(len(f"{name}{value}".encode()) for name, value in props.get("environmentVariables", {}).items()) > _MAX_ENVIRONMENT:
        document.complain((*place, "environmentVariables"), f"names and values have more than {_MAX_ENVIRONMENT} bytes")


def _trigger(document: Document, place: Place, fields: dict[str, Any]) -> Trigger:
    config = fields["triggerConfig"]
    TRIGGERS[fields["triggerType"]](document, (*place, "triggerConfig"), config)
    if fields["triggerType"] == "timer":
        try:
            cron.parse(str(config.get("cronExpression", "")))
        except cron.CronError as error:
            document.complain((*place, "triggerConfig", "cronExpression"), str(error))
    if fields["triggerType"] == "eventbridge":
        try:
            check_filter(config.get("eventRuleFilterPattern", "{}"))
        except ApiError as error:
            document.complain((*place, "triggerConfig", "eventRuleFilterPattern"), error.message)
    return Trigger(fields["triggerName"], fields["triggerType"], config, fields.get("qualifier", "LATEST"))


def _code(document: Document, place: Place, path: str, mode: str) -> tuple[str, ...]:
    """The folders for ``sys.path``: the built zip (mode ``zip``), else functions/NAME and the root of the checkout."""
    root = Path(document.name).resolve().parent
    built = (root / path).resolve()
    if mode == "zip":
        return (str(built),)
    name = re.sub(r"\.zip$", "", Path(path).name)
    source = root / "functions" / name
    if source.is_dir():
        return (str(source), str(root))
    if built.exists():
        return (str(built),)
    document.complain((*place, "code"), f"neither {source} nor {built} exists")
    return ()


_interpreter = lru_cache(interpreter)


def _package(document: Document, place: Place, runtime: str, path: str) -> str:
    """The digest of a built zip that can run on this machine. Empty if a problem was recorded."""
    if not Path(path).exists():
        document.complain((*place, "code"), f"{path} does not exist; build it first, or use the source code mode")
        return ""
    if not zipfile.is_zipfile(path):
        document.complain((*place, "code"), f"{path} is no zip")
        return ""
    if _interpreter(runtime.removeprefix("python")) is None:
        document.complain((*place, "runtime"), f"no {runtime} is on this machine; install it, or use the source code mode")
    return digest_of(Path(path))
