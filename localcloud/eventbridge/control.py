"""The control operations on buses, rules and targets. Each takes parameters and returns the answer's fields."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.eventbridge import limits, pattern
from localcloud.eventbridge.model import (
    DEFAULT_BUS,
    Bus,
    Rule,
    Store,
    check_filter,
    check_name,
    check_targets,
)

MAX_PAGE = 100
Params = dict[str, Any]


class Control:
    """One method per operation. Each runs within the caller's transaction."""

    def __init__(self, cloud: Cloud, store: Store) -> None:
        self._cloud, self._store = cloud, store

    def create_event_bus(self, params: Params) -> Params:
        name = check_name(params["EventBusName"], "EventBusName")
        return {"EventBusARN": self.bus_arn(self._store.add_bus(name, params.get("Description") or "").name)}

    def delete_event_bus(self, params: Params) -> Params:
        if params["EventBusName"] == DEFAULT_BUS:
            raise ApiError("InvalidArgument", "The default bus cannot be deleted.")
        self._store.drop_bus(params["EventBusName"])
        return {}

    def get_event_bus(self, params: Params) -> Params:
        return self._bus_fields(self._store.need_bus(params["EventBusName"]))

    def list_event_buses(self, params: Params) -> Params:
        buses = [self._bus_fields(bus) for bus in self._store.buses(params.get("NamePrefix") or "")]
        page, following = paged(buses, params)
        return {"EventBuses": page, "NextToken": following, "Total": len(buses)}

    def create_rule(self, params: Params) -> Params:
        bus, name = self._store.need_bus(params["EventBusName"]).name, check_name(params["RuleName"], "RuleName")
        if self._store.rule(bus, name) is not None:
            raise ApiError("EventRuleExisted", f"The event rule [{name}] existed!", 409)
        if len(self._store.rules(bus)) >= limits.MAX_RULES:
            raise ApiError("EventRuleCountExceed", f"The count of event rules exceeds {limits.MAX_RULES}.", 409)
        self._store.put_rule(self.checked_rule(params))
        return {"RuleARN": self.rule_arn(bus, name)}

    def checked_rule(self, params: Params) -> Rule:
        """A rule made from the fields of CreateRule. Raises ApiError."""
        status = params.get("Status") or "ENABLE"
        if status not in ("ENABLE", "DISABLE"):
            raise ApiError("InvalidArgument", "Status must be ENABLE or DISABLE.")
        wanted, targets = check_filter(params["FilterPattern"]), check_targets(params.get("Targets") or [])
        name = check_name(params["RuleName"], "RuleName")
        return Rule(params["EventBusName"], name, wanted, targets, status, params.get("Description") or "")

    def update_rule(self, params: Params) -> Params:
        rule = self._need(params)
        fields = {"EventBusName": rule.bus, "RuleName": rule.name, "Status": rule.status, "Description": rule.description}
        given = {key: value for key, value in params.items() if value is not None}
        changed = self.checked_rule({**fields, "FilterPattern": rule.filter, "Targets": rule.targets, **given})
        self._store.put_rule(replace(changed, created_ms=rule.created_ms))
        return {}

    def get_rule(self, params: Params) -> Params:
        return self._rule_fields(self._need(params))

    def list_rules(self, params: Params) -> Params:
        bus, prefix = self._store.need_bus(params["EventBusName"]).name, params.get("RuleNamePrefix") or ""
        rules = [self._rule_fields(rule) for rule in self._store.rules(bus) if rule.name.startswith(prefix)]
        page, following = paged(rules, params)
        return {"Rules": page, "NextToken": following, "Total": len(rules)}

    def enable_rule(self, params: Params) -> Params:
        self._store.put_rule(replace(self._need(params), status="ENABLE"))
        return {}

    def disable_rule(self, params: Params) -> Params:
        self._store.put_rule(replace(self._need(params), status="DISABLE"))
        return {}

    def delete_rule(self, params: Params) -> Params:
        self._store.drop_rule(self._need(params))
        return {}

    def create_targets(self, params: Params) -> Params:
        """Add targets. A target with an existing Id is replaced."""
        rule, added = self._need(params), check_targets(params["Targets"])
        kept = [each for each in rule.targets if each["Id"] not in {target["Id"] for target in added}]
        self._store.put_rule(replace(rule, targets=check_targets(kept + added)))
        return {"ErrorEntriesCount": 0, "ErrorEntries": []}

    def delete_targets(self, params: Params) -> Params:
        rule, gone = self._need(params), params["TargetIds"]
        if not isinstance(gone, list):
            raise ApiError("InvalidArgument", "TargetIds must be a list.")
        self._store.put_rule(replace(rule, targets=[each for each in rule.targets if each["Id"] not in gone]))
        known = {each["Id"] for each in rule.targets}
        errors = [
            {"EntryId": each, "ErrorCode": "TargetNotExist", "ErrorMessage": f"The target [{each}] not existed!"}
            for each in gone
            if each not in known
        ]
        return {"ErrorEntriesCount": len(errors), "ErrorEntries": errors}

    def list_targets(self, params: Params) -> Params:
        page, following = paged(self._need(params).targets, params)
        return {"Targets": page, **({"NextToken": following} if following else {})}

    def test_event_pattern(self, params: Params) -> Params:
        wanted = json.loads(check_filter(params["EventPattern"]))
        try:
            event = json.loads(params["Event"])
        except (ValueError, TypeError, RecursionError) as error:
            raise ApiError("InvalidArgument", "Event is no JSON.") from error
        return {"Result": isinstance(event, dict) and pattern.matches(wanted, event)}

    def _need(self, params: Params) -> Rule:
        return self._store.need_rule(params["EventBusName"], params["RuleName"])

    def bus_arn(self, name: str) -> str:
        return f"acs:eventbridge:{self._cloud.region}:{self._cloud.account_id}:eventbus/{name}"

    def rule_arn(self, bus: str, name: str) -> str:
        return f"{self.bus_arn(bus)}/rule/{name}"

    def _bus_fields(self, bus: Bus) -> Params:
        fields = {"EventBusName": bus.name, "EventBusARN": self.bus_arn(bus.name), "Description": bus.description}
        return {**fields, "CreateTimestamp": bus.created_ms, "Tags": []}

    def _rule_fields(self, rule: Rule) -> Params:
        return {
            "RuleARN": self.rule_arn(rule.bus, rule.name),
            "EventBusName": rule.bus,
            "RuleName": rule.name,
            "Description": rule.description,
            "Status": rule.status,
            "FilterPattern": rule.filter,
            "Targets": rule.targets,
            "Ctime": rule.created_ms,
            "Mtime": rule.modified_ms,
            "Tags": [],
        }


def paged(items: list[Params], params: Params) -> tuple[list[Params], str]:
    """The page that Limit and NextToken ask for, and the token of the next page (empty after the last)."""
    try:
        start, limit = int(params.get("NextToken") or 0), int(params.get("Limit") or MAX_PAGE)
    except (TypeError, ValueError) as error:
        raise ApiError("InvalidArgument", "NextToken or Limit is malformed.") from error
    if start < 0 or not 1 <= limit <= MAX_PAGE:
        raise ApiError("InvalidArgument", f"Limit must be 1 to {MAX_PAGE}.")
    page = items[start : start + limit]
    return page, str(start + limit) if start + limit < len(items) else ""
