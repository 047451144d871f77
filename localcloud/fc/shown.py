"""A function as GetFunction and ListFunctions show it to clients of 2.0 and of 3.0. Pure, except for reading the code.

Source: response models of alibabacloud-fc20230330 4.1.3 and aliyun-fc2 2.5.2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from localcloud.core.clock import iso
from localcloud.fc.checksum import checksum_of_code, source_files
from localcloud.fc.model import Function
from localcloud.fc.store import Times


def of_2_0(function: Function, times: Times) -> dict[str, Any]:
    """The fields of 2016-08-15. In that version the service has the role and the log configuration."""
    return {
        **_common(function, times),
        "initializer": function.initializer,
        "initializationTimeout": function.initializer_timeout_s,
        "instanceType": "e1",
    }


def of_3_0(function: Function, times: Times, arn: str, account: str) -> dict[str, Any]:
    """The fields of 2023-03-30. Without a chosen value ``cpu`` is left out, because the service's default ratio is not
    published.
    """
    hook = {"handler": function.initializer, "timeout": function.initializer_timeout_s}
    return {
        **_common(function, times),
        "functionArn": arn,
        "role": f"acs:ram::{account}:role/{function.role}" if function.role else "",
        "internetAccess": function.internet,
        "instanceLifecycleConfig": {"initializer": hook if function.initializer else None, "preStop": None},
        "logConfig": {"project": "", "logstore": "", "enableRequestMetrics": False, "enableInstanceMetrics": False, **function.log},
        "state": "Active",
        "lastUpdateStatus": "Successful",
        **({"cpu": function.cpu} if function.cpu else {}),
    }


def _common(function: Function, times: Times) -> dict[str, Any]:
    """The fields whose names are the same in both versions. A function that was deleted and created again has another id."""
    return {
        "functionId": str(uuid5(NAMESPACE_URL, f"{function.name} {times.created_ms}")),
        "functionName": function.name,
        "description": function.description,
        "runtime": function.runtime,
        "handler": function.handler,
        "timeout": function.timeout_s,
        "memorySize": function.memory_mb,
        "diskSize": function.disk_mb,
        "instanceConcurrency": 1,
        "environmentVariables": function.environment,
        "codeSize": _size(Path(function.code[0])) if function.code else 0,
        "codeChecksum": checksum_of_code(Path(function.code[0])) if function.code else "0",
        "layers": None,
        "createdTime": iso(times.created_ms),
        "lastModifiedTime": iso(times.modified_ms),
    }


def _size(code: Path) -> int:
    """The bytes of the zip, or of the sources in the function's own folder."""
    return sum(each.stat().st_size for each in ([code] if code.is_file() else source_files(code)))
