"""The operations under ``/openapi/``: their fields, the required fields, and the RAM resource of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.core.errors import ApiError


@dataclass(frozen=True)
class Operation:
    """An operation. ``fields`` are the names and types of the parameters. ``required`` fields must be present and not empty."""

    name: str
    fields: dict[str, type | tuple[type, ...]]
    required: tuple[str, ...] = ()


_BUS = {"EventBusName": str}
_RULE = {"EventBusName": str, "RuleName": str}
_PAGE: dict[str, type | tuple[type, ...]] = {"Limit": (int, str), "NextToken": str}
_RULE_BODY: dict[str, type | tuple[type, ...]] = {"Description": str, "Status": str, "FilterPattern": str}

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("createEventBus", {**_BUS, "Description": str}, ("EventBusName",)),
        Operation("deleteEventBus", {**_BUS}, ("EventBusName",)),
        Operation("getEventBus", {**_BUS}, ("EventBusName",)),
        Operation("listEventBuses", {"NamePrefix": str, **_PAGE}),
        Operation("createRule", {**_RULE, **_RULE_BODY, "Targets": list}, ("EventBusName", "RuleName", "FilterPattern")),
        Operation("updateRule", {**_RULE, **_RULE_BODY}, ("EventBusName", "RuleName")),
        Operation("getRule", {**_RULE}, ("EventBusName", "RuleName")),
        Operation("deleteRule", {**_RULE}, ("EventBusName", "RuleName")),
        Operation("enableRule", {**_RULE}, ("EventBusName", "RuleName")),
        Operation("disableRule", {**_RULE}, ("EventBusName", "RuleName")),
        Operation("listRules", {**_BUS, "RuleNamePrefix": str, **_PAGE}, ("EventBusName",)),
        Operation("createTargets", {**_RULE, "Targets": list}, ("EventBusName", "RuleName", "Targets")),
        Operation("deleteTargets", {**_RULE, "TargetIds": list}, ("EventBusName", "RuleName", "TargetIds")),
        Operation("listTargets", {**_RULE, "Limit": (int, str)}, ("EventBusName", "RuleName")),
        Operation("testEventPattern", {"Event": str, "EventPattern": str}, ("Event", "EventPattern")),
        Operation("queryEventTraces", {**_BUS, "EventId": str}, ("EventBusName", "EventId")),
        Operation("queryEventByEventId", {**_BUS, "EventId": str, "EventSource": str}, ("EventBusName", "EventId")),
        Operation("queryEventsByEventIds", {**_BUS, "EventIds": list, "EventSourceName": str}, ("EventBusName", "EventIds")),
        Operation(
            "queryEventsByPeriod",
            {**_BUS, "EventSource": str, "EventType": str, "MatchedRule": str, "StartTime": int, "EndTime": int, **_PAGE},
            ("EventBusName", "StartTime", "EndTime"),
        ),
    )
}


def check(operation: Operation, params: Any) -> dict[str, Any]:
    """The parameters, checked for known names and right types. Raises ApiError."""
    if not isinstance(params, dict):
        raise ApiError("InvalidArgument", "The body must be a JSON object.")
    given = {name: value for name, value in params.items() if value is not None}
    for name, value in given.items():
        wanted = operation.fields.get(name)
        if wanted is None:
            raise ApiError("InvalidArgument", f"{operation.name} has no parameter {name}.")
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ApiError("InvalidArgument", f"The parameter {name} has the wrong type.")
    for name in operation.required:
        if given.get(name) in (None, "", []):
            raise ApiError("MissingParameter", f"The parameter {name} is missing.")
    return given
