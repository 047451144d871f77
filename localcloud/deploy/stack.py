"""A single ROS template that is applied in a chosen account, such as a member's role and the rules on its buses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.core import members
from localcloud.core.app import REGION, Cloud
from localcloud.core.errors import ApiError
from localcloud.deploy import apply, template
from localcloud.deploy.document import parse
from localcloud.eventbridge.api import EventBridge
from localcloud.eventbridge.model import check_filter, check_targets


@dataclass
class Stack:
    """The contents of a template: roles, rules, and its outputs."""

    roles: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    outputs: dict[str, Any]


def read(name: str, text: str, account: str, parameters: Mapping[str, str] | None = None) -> Stack:
    """Check a template for an account. Raises DeployError with every problem. ``parameters`` replace the defaults."""
    document = parse(name, text)
    found = template.read(document, REGION, account, parameters or {})
    if found.tables or found.queues or found.instances or found.gateway:
        document.complain(("Resources",), "a template for an account may hold roles and rules only")
    for rule in found.rules:
        place = ("Resources", found.places[id(rule)], "Properties")
        for part, check, value in (
            ("FilterPattern", check_filter, template.filter_text(rule)),
            ("Targets", check_targets, rule["Targets"]),
        ):
            try:
                check(value)
            except ApiError as error:
                document.complain((*place, part), error.message)
    document.need_sound()
    return Stack(found.roles, [{**rule, "FilterPattern": template.filter_text(rule)} for rule in found.rules], found.outputs)


def create(stack: Stack, cloud: Cloud, eventbridge: EventBridge, account: str) -> None:
    """Create or replace what the template describes. Raises ValueError if the account does not exist."""
    members.need_account(cloud, account)
    with cloud.lock, cloud.db.transaction(), cloud.accounts.acting(account):
        for role in stack.roles:
            apply.set_role(cloud, role)
        for rule in stack.rules:
            apply.set_rule(eventbridge, rule)
