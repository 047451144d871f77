"""Reads template.yml: the resources that must exist before the functions, as plain values.

The shapes follow the ROS resource types of ros-cdk 1.15.0. Properties that this cloud would ignore are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.deploy import gateway
from localcloud.deploy.check import Fields, Shape, anything, either, listed, mapped, number, one_of, text, truth
from localcloud.deploy.document import Document
from localcloud.deploy.intrinsics import Resolver
from localcloud.deploy.ram import NAME, ROLE, STRINGS
from localcloud.eventbridge import limits

_COLUMN = text(r"[A-Za-z_][A-Za-z0-9_]{0,254}", "a column name")
_TAGS = listed(Fields({"Key": text(), "Value": text()}, ("Key",)), 0, 20)


def _type(*names: str) -> Shape:
    """A column type, in either spelling that ROS accepts (``STRING``, ``String``)."""
    return one_of(*names, *(name.title() for name in names))


_INSTANCE = Fields(
    {
        "InstanceName": text(r"[A-Za-z][A-Za-z0-9-]{1,14}[A-Za-z0-9]", "3 to 16 letters, digits or hyphens"),
        "ClusterType": one_of("HYBRID", "SSD", "CAPACITY"),
        "Network": text(),
        "Description": text(),
        "Tags": _TAGS,
    },
    ("InstanceName",),
)
_TABLE = Fields(
    {
        "InstanceName": NAME,
        "TableName": text(r"[A-Za-z_][A-Za-z0-9_]{0,254}", "a table name"),
        "PrimaryKey": listed(
            Fields({"Name": _COLUMN, "Type": _type("STRING", "INTEGER", "BINARY")}, ("Name", "Type"), ("Option",)), 1, 4
        ),
        "Columns": listed(
            Fields({"Name": _COLUMN, "Type": _type("STRING", "INTEGER", "BINARY", "DOUBLE", "BOOLEAN")}, ("Name", "Type")), 0, 32
        ),
        "SecondaryIndices": listed(
            Fields(
                {
                    "IndexName": _COLUMN,
                    "PrimaryKeys": listed(_COLUMN, 1, 4),
                    "Columns": listed(_COLUMN),
                    "IndexType": one_of("Global"),
                },
                ("IndexName", "PrimaryKeys"),
            ),
            0,
            5,
        ),
        "TimeToLive": either(one_of(-1), number(86_400, 2**31 - 1), lambda value: value == -1),
        "MaxVersions": number(1, 2**31 - 1),
        "ReservedThroughput": Fields({"Read": number(0, 100_000), "Write": number(0, 100_000)}),
    },
    ("InstanceName", "TableName", "PrimaryKey"),
    ("DeviationCellVersionInSec",),
)
_RULE = Fields(
    {
        "EventBusName": text(limits.NAME, "a bus name"),
        "RuleName": text(limits.NAME, "a rule name"),
        "Description": text(),
        "Status": one_of("ENABLE", "DISABLE"),
        "FilterPattern": mapped(anything),
        "Targets": listed(
            Fields(
                {
                    "Id": text(r".+", "an id"),
                    "Type": one_of("acs.fc.function", "acs.eventbridge"),
                    "Endpoint": text(r"acs:.+", "a resource name"),
                    "PushRetryStrategy": one_of("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"),
                    "ErrorsTolerance": one_of("ALL", "NONE"),
                    "DeadLetterQueue": Fields({"Arn": text(r"acs:.+", "a resource name")}, ("Arn",)),
                    "ParamList": listed(
                        Fields(
                            {
                                "ResourceKey": text(),
                                "Form": one_of("ORIGINAL", "CONSTANT", "JSONPATH", "TEMPLATE"),
                                "Value": text(),
                                "Template": text(),
                            },
                            ("ResourceKey", "Form", "Value"),
                        )
                    ),
                },
                ("Id", "Type", "Endpoint", "ParamList"),
                ("ConcurrentConfig",),
            ),
            1,
            5,
        ),
    },
    ("EventBusName", "RuleName", "FilterPattern", "Targets"),
)
_QUEUE = Fields(
    {
        "QueueName": text(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "a queue name"),
        "MessageRetentionPeriod": number(60, 604_800),
        "MaximumMessageSize": number(1024, 65_536),
        "VisibilityTimeout": number(1, 43_200),
        "PollingWaitSeconds": number(0, 30),
        "DelaySeconds": number(0, 604_800),
        "LoggingEnabled": truth,
        "Tags": _TAGS,
    },
    ("QueueName",),
)
PROPERTIES = {
    "ALIYUN::MNS::Queue": _QUEUE,
    "ALIYUN::OTS::Instance": _INSTANCE,
    "ALIYUN::OTS::InstanceV2": _INSTANCE,
    "ALIYUN::OTS::Table": _TABLE,
    "ALIYUN::EventBridge::Rule": _RULE,
    "ALIYUN::RAM::Role": ROLE,
    **gateway.PROPERTIES,
}
_PARAMETER_KEYS = ("Type", "Default", "Description", "Label", "AllowedValues", "AllowedPattern", "NoEcho", "MinLength", "MaxLength")
_PARAMETER = Fields(
    dict.fromkeys((*_PARAMETER_KEYS, "MinValue", "MaxValue", "ConstraintDescription"), anything), ("Type", "Default")
)
_RESOURCE = Fields(
    {
        "Type": one_of(*PROPERTIES),
        "Properties": mapped(anything),
        "DependsOn": STRINGS,
        "DeletionPolicy": one_of("Delete", "Retain"),
        "Metadata": anything,
    },
    ("Type", "Properties"),
    ("Condition", "Count"),
)
_TEMPLATE = Fields(
    {
        "ROSTemplateFormatVersion": one_of("2015-09-01"),
        "Description": anything,
        "Metadata": anything,
        "Parameters": mapped(_PARAMETER),
        "Resources": mapped(_RESOURCE, r"[A-Za-z][A-Za-z0-9_-]*"),
        "Outputs": mapped(Fields({"Value": anything, "Description": anything, "Label": anything}, ("Value",), ("Condition",))),
    },
    ("ROSTemplateFormatVersion", "Resources"),
    ("Conditions", "Mappings", "Transform", "Rules", "Locals"),
)


@dataclass
class Template:
    """The resources of a template by type: resolved properties, in the order of the file."""

    instances: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    roles: list[dict[str, Any]] = field(default_factory=list)
    queues: list[dict[str, Any]] = field(default_factory=list)
    gateway: list[gateway.Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    """The logical id of each properties object, by the object's ``id()``."""


def read(document: Document, region: str, account_id: str, parameters: Mapping[str, str] | None = None) -> Template:
    """Check a template and evaluate its ROS functions. Problems are recorded in ``document``. ``parameters`` replace the
    defaults.
    """
    _set_parameters(document, parameters or {})
    _TEMPLATE(document, (), document.value)
    template = Template()
    resources = document.value.get("Resources") if isinstance(document.value, dict) else None
    if not isinstance(resources, dict):
        return template
    resolver = Resolver(document, region, account_id)
    for name, resource in resources.items():
        if isinstance(resource, dict) and resource.get("Type") in PROPERTIES:
            _read_resource(document, resolver, template, name, resource)
    outputs = document.value.get("Outputs")
    for name, output in (outputs if isinstance(outputs, dict) else {}).items():
        if isinstance(output, dict):
            template.outputs[name] = resolver.resolve(output.get("Value"), ("Outputs", name, "Value"))
    _check_references(document, template, resources)
    return template


def _set_parameters(document: Document, given: Mapping[str, str]) -> None:
    known = document.value.get("Parameters") if isinstance(document.value, dict) else None
    for name, value in given.items():
        if isinstance(known, dict) and isinstance(known.get(name), dict):
            known[name]["Default"] = value
        else:
            document.complain(("Parameters",), f"{name} is no parameter of this template")


def _read_resource(document: Document, resolver: Resolver, template: Template, name: str, resource: dict[str, Any]) -> None:
    place = ("Resources", name, "Properties")
    properties = resolver.resolve(resource.get("Properties"), place)
    before = len(document.problems)
    PROPERTIES[resource["Type"]](document, place, properties)
    if len(document.problems) > before or not isinstance(properties, dict):
        return
    if resource["Type"] in gateway.PROPERTIES:
        template.gateway.append((resource["Type"], name, properties))
        return
    _list_of(template, resource["Type"]).append(properties)
    template.places[id(properties)] = name


def _list_of(template: Template, kind: str) -> list[dict[str, Any]]:
    lists = {"Table": template.tables, "Rule": template.rules, "Role": template.roles, "Queue": template.queues}
    return lists.get(kind.rpartition("::")[2], template.instances)


def _check_references(document: Document, template: Template, resources: dict[str, Any]) -> None:
    instances = {instance["InstanceName"] for instance in template.instances}
    for table in template.tables:
        place = ("Resources", template.places[id(table)], "Properties")
        if table["InstanceName"] not in instances:
            document.complain((*place, "InstanceName"), f"no instance {table['InstanceName']} in this template")
        _check_columns(document, place, table)
    for name, resource in resources.items():
        depends = resource.get("DependsOn", []) if isinstance(resource, dict) else []
        for each in depends if isinstance(depends, list) else [depends]:
            if each not in resources:
                document.complain(("Resources", name, "DependsOn"), f"refers to {each}, which is no resource of this template")
    for kind, items, key in (
        ("table", template.tables, "TableName"),
        ("rule", template.rules, "RuleName"),
        ("role", template.roles, "RoleName"),
    ):
        _check_unique(document, template, kind, items, key)


def _check_unique(document: Document, template: Template, kind: str, items: list[dict[str, Any]], key: str) -> None:
    seen: set[str] = set()
    for item in items:
        name = f"{item.get('InstanceName', item.get('EventBusName', ''))}/{item[key]}"
        if name in seen:
            document.complain(("Resources", template.places[id(item)], "Properties", key), f"a second {kind} of this name")
        seen.add(name)


def _check_columns(document: Document, place: tuple[str, ...], table: dict[str, Any]) -> None:
    keys = [each["Name"] for each in table["PrimaryKey"]]
    defined = {*keys, *(each["Name"] for each in table.get("Columns", []))}
    if len(defined) != len(keys) + len(table.get("Columns", [])):
        document.complain((*place, "Columns"), "a column stands here twice")
    for at, index in enumerate(table.get("SecondaryIndices", [])):
        for each in (*index["PrimaryKeys"], *index.get("Columns", [])):
            if each not in defined:
                document.complain(
                    (*place, "SecondaryIndices", at), f"uses the column {each}, which PrimaryKey and Columns do not define"
                )


def filter_text(rule: dict[str, Any]) -> str:
    """A rule's event pattern as the JSON text that EventBridge takes."""
    return json.dumps(rule["FilterPattern"], separators=(",", ":"), ensure_ascii=False)
