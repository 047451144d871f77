"""The ROS functions that templates may use in this emulation: Ref, Fn::Sub, Fn::Join and Fn::GetAtt. All others are refused."""

from __future__ import annotations

import re
from typing import Any

from localcloud.deploy.document import Document, Place
from localcloud.deploy.gateway import MADE

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
EXECUTOR_ID = "2987654321098765"
"""The value of ``ALIYUN::AccountId``: the identity that creates the stack, in this emulation a RAM user. ``ALIYUN::TenantId`` is
the account itself.
"""
NAME_PROPERTY = {
    "ALIYUN::OTS::Instance": "InstanceName",
    "ALIYUN::OTS::InstanceV2": "InstanceName",
    "ALIYUN::OTS::Table": "TableName",
    "ALIYUN::EventBridge::Rule": "RuleName",
    "ALIYUN::RAM::Role": "RoleName",
    "ALIYUN::MNS::Queue": "QueueName",
}
"""By resource type: the property that names a resource. Ref returns its value."""
_ATTRIBUTES = {
    "ALIYUN::OTS::Instance": ("InstanceName",),
    "ALIYUN::OTS::InstanceV2": ("InstanceName",),
    "ALIYUN::OTS::Table": ("InstanceName", "TableName"),
    "ALIYUN::EventBridge::Rule": ("EventBusName", "RuleName"),
    "ALIYUN::RAM::Role": ("RoleName", "Arn"),
    "ALIYUN::MNS::Queue": ("QueueName",),
}


class Resolver:
    """Replaces the ROS functions in a template's values. It reports references to parameters or resources that do not exist."""

    def __init__(self, document: Document, region: str, account_id: str) -> None:
        template = document.value if isinstance(document.value, dict) else {}
        self._document = document
        self._resources: dict[str, Any] = _dict(template.get("Resources"))
        self._account_id = account_id
        self._values: dict[str, Any] = {
            "ALIYUN::Region": region,
            "ALIYUN::AccountId": EXECUTOR_ID,
            "ALIYUN::TenantId": account_id,
            "ALIYUN::StackName": "localcloud",
            **{name: _dict(each).get("Default", "") for name, each in _dict(template.get("Parameters")).items()},
        }
        self._open: set[str] = set()

    def resolve(self, value: Any, place: Place) -> Any:
        """``value`` with its ROS functions evaluated."""
        if isinstance(value, list):
            return [self.resolve(each, (*place, at)) for at, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument, place)
        return {name: self.resolve(each, (*place, name)) for name, each in value.items()}

    def _call(self, name: str, argument: Any, place: Place) -> Any:
        if name == "Ref" and isinstance(argument, str):
            return self._ref(argument, place)
        if name == "Fn::Sub" and isinstance(argument, str):
            return self._sub(argument, {}, place)
        if name == "Fn::Sub" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
            return self._sub(argument[0], _dict(self.resolve(argument[1], place)), place)
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
            return str(argument[0]).join(str(self.resolve(each, place)) for each in argument[1])
        if name == "Fn::GetAtt" and isinstance(argument, list) and len(argument) == 2:
            return self._attribute(str(argument[0]), str(argument[1]), place)
        self._document.complain(place, f"{name} is not emulated by localcloud, or its argument is malformed")
        return ""

    def _sub(self, text: str, local: dict[str, Any], place: Place) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1]:
                return f"${{{found[2]}}}"
            name = found[2]
            if name in local:
                return str(local[name])
            resource, dot, attribute = name.partition(".")
            return str(self._attribute(resource, attribute, place) if dot else self._ref(name, place))

        return _VARIABLE.sub(value, text)

    def _ref(self, name: str, place: Place) -> Any:
        if name in self._values:
            return self._values[name]
        return self._attribute(name, "", place)

    def _attribute(self, name: str, attribute: str, place: Place) -> Any:
        """An attribute of a resource. Without an attribute's name, it is the resource's name."""
        resource = self._resources.get(name)
        if not isinstance(resource, dict):
            self._document.complain(place, f"refers to {name}, which is neither a parameter nor a resource of this template")
            return ""
        kind = str(resource.get("Type"))
        if kind in MADE and (not attribute or attribute in MADE[kind]):
            return name
        wanted = attribute or NAME_PROPERTY.get(kind, "")
        if (attribute and attribute not in _ATTRIBUTES.get(kind, ())) or not wanted:
            self._document.complain(place, f"{kind} has no attribute {attribute or 'for Ref'}")
            return ""
        if wanted == "Arn":
            return f"acs:ram::{self._account_id}:role/{self._attribute(name, 'RoleName', place).lower()}"
        if name in self._open:
            self._document.complain(place, f"{name} refers to itself")
            return ""
        self._open.add(name)
        try:
            return self.resolve(_dict(resource.get("Properties")).get(wanted, ""), place)
        finally:
            self._open.discard(name)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
