"""Both files together: what they describe, and whether they are consistent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.core.app import ACCOUNT_ID, REGION
from localcloud.core.errors import ApiError
from localcloud.deploy import gateway, services, template
from localcloud.deploy.document import Document, load
from localcloud.deploy.template import Template
from localcloud.deploy.variables import Variables
from localcloud.eventbridge.model import DEFAULT_BUS, check_filter, check_targets, function_name
from localcloud.fc.model import Function, Trigger


@dataclass
class Plan:
    """What to deploy. ``rules`` have the form that EventBridge's CreateRule takes."""

    template: Template
    functions: list[Function]
    rules: list[dict[str, Any]]


def make(
    template_path: Path,
    services_path: Path,
    *,
    more: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    code_mode: str = "source",
) -> Plan:
    """Read and check all files. Raises DeployError with every problem found. ``more`` are templates of further stacks."""
    ros, s = load(template_path), load(services_path)
    resources = template.read(ros, REGION, ACCOUNT_ID)
    variables = Variables(s, env or {}, {"AccountID": ACCOUNT_ID})
    functions = services.read(s, variables, code_mode)
    rules = [_rule(ros, resources, rule) for rule in resources.rules]
    ros.problems += s.problems
    ros.need_sound()
    _check_agreement(ros, s, resources, functions)
    for path in more:
        ros.problems += _add(path, resources, functions)
    ros.problems += s.problems
    ros.need_sound()
    triggered = [_trigger_rule(each, trigger) for each in functions for trigger in each.triggers if trigger.type == "eventbridge"]
    return Plan(resources, functions, rules + triggered)


def _add(path: Path, resources: Template, functions: list[Function]) -> list[str]:
    """Read a further template (roles and API Gateway only) into ``resources``. Returns the problems found in the template."""
    document = load(path)
    found = template.read(document, REGION, ACCOUNT_ID)
    if not document.problems:
        gateway.check(document, found.gateway, {each.name for each in functions}, found.roles)
    if found.tables or found.rules or found.queues or found.instances:
        document.complain(("Resources",), "a further template may hold roles and API Gateway only")
    resources.roles += found.roles
    resources.gateway += found.gateway
    return document.problems


def _rule(document: Document, resources: Template, rule: dict[str, Any]) -> dict[str, Any]:
    place = ("Resources", resources.places[id(rule)], "Properties")
    text = template.filter_text(rule)
    for part, check, value in (("FilterPattern", check_filter, text), ("Targets", check_targets, rule["Targets"])):
        try:
            check(value)
        except ApiError as error:
            document.complain((*place, part), error.message)
    return {**rule, "FilterPattern": text}


def _trigger_rule(function: Function, trigger: Trigger) -> dict[str, Any]:
    """The rule on the default bus that an EventBridge trigger stands for. The function gets the event unchanged."""
    target = {
        "Id": "function",
        "Type": "acs.fc.function",
        "Endpoint": f"acs:fc:{REGION}:{ACCOUNT_ID}:functions/{function.name}",
        "ParamList": [{"ResourceKey": "Body", "Form": "ORIGINAL", "Value": ""}],
    }
    return {
        "EventBusName": DEFAULT_BUS,
        "RuleName": f"fc-{function.name}-{trigger.name}".replace("_", "-"),
        "FilterPattern": trigger.config["eventRuleFilterPattern"],
        "Status": "ENABLE" if trigger.config.get("triggerEnable", True) else "DISABLE",
        "Targets": [target],
    }


def _check_agreement(ros: Document, s: Document, resources: Template, functions: list[Function]) -> None:
    """Check that targets name functions of s.yaml, and that functions name roles of template.yml and destinations that exist."""
    names, roles = {function.name for function in functions}, {role["RoleName"] for role in resources.roles}
    for rule in resources.rules:
        place = ("Resources", resources.places[id(rule)], "Properties", "Targets")
        for at, target in enumerate(rule["Targets"]):
            if target["Type"] == "acs.fc.function" and function_name(target["Endpoint"]) not in names:
                ros.complain((*place, at, "Endpoint"), f"{target['Endpoint']} names no function of {s.name}")
    keys = _resource_keys(s)
    for function in functions:
        place_s = ("resources", keys.get(function.name, function.name), "props")
        if function.role and function.role not in roles:
            s.complain((*place_s, "role"), f"{function.role} is no role of {ros.name}")
        for arn in (function.async_policy.on_failure, function.async_policy.on_success):
            if ":functions/" in arn and arn.rpartition("/")[2] not in names:
                s.complain((*place_s, "asyncInvokeConfig"), f"{arn} names no function of this file")


def _resource_keys(s: Document) -> dict[str, str]:
    """The key under ``resources`` of each function, by the function's name. Only literal names are found."""
    return {
        str(resource.get("props", {}).get("functionName")): key
        for key, resource in s.value["resources"].items()
        if isinstance(resource, dict) and isinstance(resource.get("props"), dict)
    }
