"""Writes localcloud's parameter tables (``spec.json``) from the request models of the installed SDKs.

Run it after the SDK pins or the emulated operations have changed: ``make spec``. A table maps each operation to its parameters. A
parameter is ``str``, ``int``, ``float``, ``bool`` or ``json`` (an object sent as JSON text), with ``!`` if the SDK documents it as
required. ``[type]`` is a list, and an object is a structure.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import typing
from functools import lru_cache
from pathlib import Path
from typing import Any

LOCALCLOUD = Path(__file__).resolve().parent.parent / "localcloud"
MODULES = {"ecs": "alibabacloud_ecs20140526.models", "smc": "alibabacloud_smc20190601.models"}
ECS = """DescribeRegions DescribeInstances DescribeInstanceStatus StartInstance StopInstance RebootInstance ModifyInstanceAttribute
DeleteInstance DescribeInstanceAutoRenewAttribute DescribeDisks ResetDisk CreateSnapshot DescribeSnapshots DeleteSnapshot
CreateDisk AttachDisk DetachDisk DeleteDisk
CreateSnapshotGroup DescribeSnapshotGroups DeleteSnapshotGroup RunCommand DescribeInvocations DescribeInvocationResults
CreateCommand InvokeCommand DescribeCommands DeleteCommand StopInvocation DescribeCloudAssistantStatus TagResources UntagResources
ListTagResources DescribeAccountAttributes OpenSnapshotService DescribeImages DescribeInstanceTypes DescribeAutoSnapshotPolicyEx"""
SMC = """CreateAccessToken ListAccessTokens DisableAccessToken DeleteAccessToken DescribeSourceServers DeleteSourceServer
ModifySourceServerAttribute CreateReplicationJob StartReplicationJob StopReplicationJob DeleteReplicationJob
DescribeReplicationJobs ModifyReplicationJobAttribute CutOverReplicationJob"""
NEWER: dict[str, dict[str, dict[str, Any]]] = {
    "ecs": {
        "DeleteInstance": {"ForceStop": "bool"},
        "DescribeDisks": {"PerformanceLevel": "str"},
        "DescribeImages": {"Usable": "bool"},
        "DescribeInstanceTypes": {"AdditionalAttributes": ["str"]},
        "ModifyInstanceAttribute": {"EnableNetworkEncryption": "bool"},
        "OpenSnapshotService": {"OwnerId": "int", "RegionId": "str", "ResourceOwnerAccount": "str", "ResourceOwnerId": "int"},
        "InvokeCommand": {"OssOutputDelivery": "str"},
        "RunCommand": {"OssOutputDelivery": "str"},
    },
    "smc": {},
}
"""Parameters that only the newest SDKs send, not the pinned ones: alibabacloud-ecs20140526 7.11.8, alibabacloud-smc20190601
1.1.2.
"""
NAMES = {str: "str", int: "int", float: "float", bool: "bool"}


def parameters(model: type) -> dict[str, Any]:
    """The table of one request model, with wire names in alphabetical order. An operation without a model has no parameters."""
    if model is object:
        return {}
    source = _sources(model.__module__)[model.__name__]
    hints = typing.get_type_hints(inspect.getattr_static(model, "__init__"))
    plain = re.findall(r"if self\.(\w+) is not None:\n\s+result\['(\S+?)'\]", source)
    lists = re.findall(r"result\['(\S+?)'\] = \[\]\n\s+if self\.(\w+) is not None", source)
    wire = sorted([(name, attribute) for attribute, name in plain] + lists)
    return {name: _type(hints[attribute], _required(source, attribute)) for name, attribute in wire}


@lru_cache(maxsize=4)
def _sources(module: str) -> dict[str, str]:
    """The source of each class of a module, by name. (``inspect.getsource`` would read the whole module again for each class.)"""
    text = inspect.getsource(importlib.import_module(module))
    parts = re.split(r"^class (\w+)", text, flags=re.MULTILINE)
    return {name: f"class {name}{body}" for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _required(source: str, attribute: str) -> bool:
    """Whether the comment above the attribute says "required". The comment ends at the assignment."""
    found = re.search(rf"((?:\n\s+#[^\n]*)+)\n\s+self\.{attribute} = ", source)
    return bool(found and "This parameter is required." in found.group(1))


def _type(hint: Any, required: bool) -> Any:
    mark = "!" if required else ""
    if hint in NAMES:
        return NAMES[hint] + mark
    origin = typing.get_origin(hint)
    if origin is list:
        return [_type(typing.get_args(hint)[0], required)]
    if origin is dict:
        return "json" + mark
    return parameters(hint)


def tables() -> dict[Path, str]:
    """The correct table of each service."""
    found = {}
    for service, operations in (("ecs", ECS), ("smc", SMC)):
        models = importlib.import_module(MODULES[service])
        table = {
            name: dict(sorted((NEWER[service].get(name, {}) | parameters(getattr(models, f"{name}Request", object))).items()))
            for name in sorted(operations.split())
        }
        text = ",\n".join(f'"{name}": {json.dumps(row)}' for name, row in table.items())
        found[LOCALCLOUD / service / "spec.json"] = f"{{\n{text}\n}}\n"
    return found


def main() -> None:
    """Write the tables of both services."""
    for path, text in tables().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
