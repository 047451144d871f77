"""The queries for published events: by id, by period, and the trace of one event."""

from __future__ import annotations

from typing import Any

from localcloud.core.app import Cloud
from localcloud.eventbridge import transform
from localcloud.eventbridge.control import Params, paged
from localcloud.eventbridge.model import Store
from localcloud.eventbridge.trace import Step, Traced, Traces


class Queries:
    """One method per query operation."""

    def __init__(self, cloud: Cloud, store: Store, traces: Traces) -> None:
        self._cloud, self._store, self._traces = cloud, store, traces

    def query_event_traces(self, params: Params) -> Params:
        bus = self._store.need_bus(params["EventBusName"]).name
        found = self._traces.of_id(self._cloud.account_id, bus, params["EventId"])
        return {"EventTraceList": [self._trace(traced, step) for traced in found for step in traced.steps]}

    def query_event_by_event_id(self, params: Params) -> Params:
        bus, source = self._store.need_bus(params["EventBusName"]).name, params.get("EventSource")
        found = [
            traced
            for traced in self._traces.of_id(self._cloud.account_id, bus, params["EventId"])
            if source in (None, traced.event["source"])
        ]
        return {"TracedEvents": [_traced(each) for each in found], "NextToken": "", "Total": len(found)}

    def query_events_by_event_ids(self, params: Params) -> Params:
        bus, source = self._store.need_bus(params["EventBusName"]).name, params.get("EventSourceName")
        found = {
            traced.event["id"]: transform.dump(traced.event)
            for event_id in params["EventIds"]
            for traced in self._traces.of_id(self._cloud.account_id, bus, str(event_id))
            if source in (None, traced.event["source"])
        }
        return {"EventBusName": bus, "EventMap": found}

    def query_events_by_period(self, params: Params) -> Params:
        bus = self._store.need_bus(params["EventBusName"]).name
        found = [_traced(traced) for traced in self._traces.of_bus(self._cloud.account_id, bus) if _wanted(traced, params)]
        page, following = paged(found, params)
        return {"TracedEvents": page, "NextToken": following, "Total": len(found)}

    def _trace(self, traced: Traced, step: Step) -> dict[str, Any]:
        pushed = step.action == "Push"
        return {
            "ResourceOwnerId": self._cloud.account_id,
            "Action": step.action,
            "EventId": traced.event["id"],
            "EventBusName": traced.event["aliyuneventbusname"],
            "EventSource": traced.event["source"],
            "ActionTime": step.at_ms,
            "ReceivedTime": traced.received_ms,
            "RuleName": step.rule,
            "RuleMatchingTime": str(step.at_ms) if step.rule else "",
            "NotifyLatency": str(step.at_ms - traced.received_ms) if pushed else "",
            "NotifyTime": step.at_ms if pushed else 0,
            "Endpoint": step.endpoint,
            "NotifyStatus": step.status,
        }


def _wanted(traced: Traced, params: Params) -> bool:
    event = traced.event
    named = ((params.get("EventSource"), event["source"]), (params.get("EventType"), event["type"]))
    rule = params.get("MatchedRule")
    return (
        params["StartTime"] <= traced.received_ms <= params["EndTime"]
        and all(asked in (None, "", value) for asked, value in named)
        and (not rule or any(step.rule == rule for step in traced.steps))
    )


def _traced(traced: Traced) -> dict[str, Any]:
    event = traced.event
    return {
        "EventReceivedTime": traced.received_ms,
        "EventSource": event["source"],
        "EventId": event["id"],
        "EventBusName": event["aliyuneventbusname"],
        "EventType": event["type"],
    }
