"""EventBridge's second wire protocol: version 2020-04-01, RPC with ACS3, as Tea's generic client and eventbridge20200401 use it.

The operations are those of ``control`` and ``publish``; only names and envelopes differ. Source of the shapes: eventbridge20200401
8.7.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.eventbridge.control import Control
from localcloud.eventbridge.limits import MAX_BATCH_BYTES
from localcloud.eventbridge.model import DEFAULT_BUS
from localcloud.eventbridge.publish import BUS_ATTRIBUTE, Publisher, check_count
from localcloud.wire.rpc import Spec
from localcloud.wire.rpc_service import Operation, RpcService

VERSION = "2020-04-01"
_BUS, _RULE = {"EventBusName": "str!"}, {"EventBusName": "str!", "RuleName": "str!"}
_PAGE = {"Limit": "int", "NextToken": "str"}
_RULE_BODY = {"Description": "str", "Status": "str"}
SPEC: dict[str, Spec] = {
    "CreateEventBus": {**_BUS, "Description": "str"},
    "DeleteEventBus": _BUS,
    "GetEventBus": _BUS,
    "ListEventBuses": {"NamePrefix": "str", **_PAGE},
    "CreateRule": {**_RULE, **_RULE_BODY, "FilterPattern": "str!", "EventTargets": "json"},
    "UpdateRule": {**_RULE, **_RULE_BODY, "FilterPattern": "str"},
    "GetRule": _RULE,
    "ListRules": {**_BUS, "RuleNamePrefix": "str", **_PAGE},
    "EnableRule": _RULE,
    "DisableRule": _RULE,
    "DeleteRule": _RULE,
    "PutTargets": {**_RULE, "Targets": "json!"},
    "DeleteTargets": {**_RULE, "TargetIds": "json!"},
    "ListTargets": {**_RULE, **_PAGE},
    "TestEventPattern": {"Event": "str!", "EventPattern": "str!"},
    "PutEvents": {"EventBusName": "str", "EventList": "json!"},
}
_EVENT_FIELDS = {
    "Id": "id",
    "Source": "source",
    "SpecVersion": "specversion",
    "Type": "type",
    "Subject": "subject",
    "Time": "time",
    "DataContentType": "datacontenttype",
    "DataSchema": "dataschema",
    "Data": "data",
}
Params = dict[str, Any]


class EventBridgeRpc(RpcService):
    """The same buses and rules, for requests with ``x-acs-version: 2020-04-01``."""

    def __init__(self, cloud: Cloud, control: Control, publisher: Publisher) -> None:
        super().__init__(cloud, "eventbridge", VERSION, SPEC)
        self._publisher = publisher
        made: dict[str, Callable[[Params], Params]] = {
            "CreateEventBus": control.create_event_bus,
            "DeleteEventBus": control.delete_event_bus,
            "GetEventBus": control.get_event_bus,
            "ListEventBuses": control.list_event_buses,
            "CreateRule": lambda params: control.create_rule(_with_targets(params)),
            "UpdateRule": lambda params: control.update_rule(_with_targets(params)),
            "GetRule": lambda params: _shown(control.get_rule(params)),
            "ListRules": lambda params: _shown_rules(control.list_rules(params)),
            "EnableRule": control.enable_rule,
            "DisableRule": control.disable_rule,
            "DeleteRule": control.delete_rule,
            "PutTargets": control.create_targets,
            "DeleteTargets": control.delete_targets,
            "ListTargets": control.list_targets,
            "TestEventPattern": control.test_event_pattern,
            "PutEvents": self._put_events,
        }
        self.operations = {name: Operation(_wrapped(perform), _resources) for name, perform in made.items()}

    def _put_events(self, params: Params) -> Params:
        bus, entries = params.get("EventBusName", DEFAULT_BUS), params["EventList"]
        if not isinstance(entries, list) or not entries:
            raise ApiError("InvalidArgument", "EventList must be a non-empty list.")
        check_count(entries)
        if len(json.dumps(entries, ensure_ascii=False).encode()) > MAX_BATCH_BYTES:
            raise ApiError("EntityTooLarge", f"The events are larger than {MAX_BATCH_BYTES} bytes.", 413)
        results = self._publisher.put([_event(entry, bus) for entry in entries])
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "EntryList": results}


def _wrapped(perform: Callable[[Params], Params]) -> Callable[[Params], Params]:
    return lambda params: {"Code": "Success", "Message": "Operation success", "Success": True, "Data": perform(params)}


def _resources(params: Params) -> tuple[str, ...]:
    return (f"eventbus/{params.get('EventBusName', DEFAULT_BUS)}",)


def _with_targets(params: Params) -> Params:
    """The fields as ``control`` expects them: the list of targets under its other name."""
    fields = {name: value for name, value in params.items() if name != "EventTargets"}
    return {**fields, "Targets": params["EventTargets"]} if "EventTargets" in params else fields


def _shown(rule: Params) -> Params:
    return {**{name: value for name, value in rule.items() if name not in ("Ctime", "Mtime")}, "CreatedTimestamp": rule["Ctime"]}


def _shown_rules(answer: Params) -> Params:
    return {**answer, "Rules": [_shown(rule) for rule in answer["Rules"]]}


def _event(entry: Any, bus: str) -> Any:
    """An entry of EventList as a CloudEvent. The publisher checks and refuses malformed entries."""
    if not isinstance(entry, dict) or not set(entry) <= set(_EVENT_FIELDS):
        return None
    event = {_EVENT_FIELDS[name]: value for name, value in entry.items()}
    if isinstance(event.get("data"), str) and str(event.get("datacontenttype", "application/json")).startswith(
        ("application/json", "text/json")
    ):
        try:
            event["data"] = json.loads(event["data"])
        except (ValueError, RecursionError):
            pass
    return {**event, BUS_ATTRIBUTE: bus}
