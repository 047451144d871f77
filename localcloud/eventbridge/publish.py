"""Accepts events: checks and stamps each event, and queues a delivery for each matching rule and target."""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.eventbridge import limits, pattern, transform
from localcloud.eventbridge.delivery import Deliveries
from localcloud.eventbridge.model import DEFAULT_BUS, Store
from localcloud.eventbridge.trace import Traces

_ATTRIBUTE = re.compile(r"[a-z0-9_]+")
BUS_ATTRIBUTE = "aliyuneventbusname"


class Publisher:
    """Publishes events on buses. The caller holds the cloud's lock and has an open transaction."""

    def __init__(self, cloud: Cloud, store: Store, deliveries: Deliveries, traces: Traces) -> None:
        self._cloud, self._store, self._deliveries, self._traces = cloud, store, deliveries, traces

    def put(self, events: list[Any]) -> list[dict[str, Any]]:
        """Publish each event on the bus that it names. Returns one result per event ({EventId, TraceId} or {ErrorCode,
        ErrorMessage}).
        """
        return [self._put_one(event) for event in events]

    def emit(self, event: dict[str, Any]) -> None:
        """Publish a cloud service's event on the default bus. The event keeps the region of its resource."""
        self.accept({**event, BUS_ATTRIBUTE: DEFAULT_BUS}, region=str(event.get("aliyunregionid", "")))

    def _put_one(self, event: Any) -> dict[str, Any]:
        event_id = str(event.get("id", "")) if isinstance(event, dict) else ""
        try:
            check_event(event)
            return {"EventId": event_id, "TraceId": self.accept(event)}
        except ApiError as error:
            return {"EventId": event_id, "ErrorCode": error.code, "ErrorMessage": error.message}

    def accept(self, event: dict[str, Any], *, region: str = "") -> str:
        """Stamp a checked event and queue its deliveries. Returns the trace id. Raises EventBusNotExist."""
        bus = self._store.need_bus(str(event.get(BUS_ATTRIBUTE, DEFAULT_BUS))).name
        stamped = self._stamped(event, bus, region or self._cloud.region)
        trace_id = self._cloud.request_id()
        self._traces.received(stamped)
        for rule in self._store.rules(bus):
            if rule.status == "ENABLE" and pattern.matches(rule.wanted, stamped):
                self._traces.matched(stamped, rule.name)
                for target in rule.targets:
                    self._deliveries.queue(stamped, rule.name, target["Id"])
        return trace_id

    def _stamped(self, event: dict[str, Any], bus: str, region: str) -> dict[str, Any]:
        now, account = self._cloud.clock.now_ms(), self._cloud.account_id
        return {
            "specversion": "1.0",
            "datacontenttype": "application/json;charset=utf-8",
            "time": iso(now, millis=True),
            **event,
            "aliyunaccountid": account,
            "aliyunoriginalaccountid": event.get("aliyunoriginalaccountid", account),
            "aliyunpublishtime": iso(now, millis=True),
            BUS_ATTRIBUTE: bus,
            "aliyunregionid": region,
            "aliyunpublishaddr": "127.0.0.1",
        }


def check_event(event: Any) -> None:
    """Raise ApiError unless ``event`` is a CloudEvent 1.0 that EventBridge accepts."""
    if not isinstance(event, dict):
        raise ApiError("InvalidCloudEvent", "An event must be a JSON object.")
    problem = _problem(event)
    if problem:
        raise ApiError("InvalidCloudEvent", problem)
    try:
        size = len(transform.dump(event).encode())
    except UnicodeEncodeError as error:
        raise ApiError("InvalidCloudEvent", "The event holds half a surrogate pair, which is no text.") from error
    if size > limits.MAX_EVENT_BYTES:
        raise ApiError("EventTooLarge", f"The event is larger than {limits.MAX_EVENT_BYTES} bytes.", 413)


_LENGTHS = {
    "id": (1, limits.MAX_ID),
    "source": (1, limits.MAX_SOURCE),
    "type": (1, limits.MAX_TYPE),
    "subject": (0, limits.MAX_SUBJECT),
}
_REQUIRED = ("id", "source", "type")
_STRINGS = (*_LENGTHS, "time", "datacontenttype", "dataschema", BUS_ATTRIBUTE)


def _problem(event: dict[str, Any]) -> str:
    """The error in an event's attributes; empty if all are valid."""
    for name in _STRINGS:
        low, high = _LENGTHS.get(name, (0, limits.MAX_SUBJECT))
        value = event.get(name, "" if name not in _REQUIRED else None)
        if not isinstance(value, str) or not low <= len(value) <= high:
            return f"The attribute {name} must be a string of {low} to {high} characters."
    if not re.fullmatch(limits.ID, event["id"]):
        return "The attribute id consists of letters, digits and hyphens, and does not begin with a hyphen."
    if event.get("specversion", "1.0") != "1.0":
        return "The attribute specversion must be 1.0."
    if any(not _ATTRIBUTE.fullmatch(name) for name in event):
        return "Attribute names consist of lower-case letters and digits."
    return "data and data_base64 exclude each other." if "data" in event and "data_base64" in event else ""


def parse_batch(body: bytes) -> list[Any]:
    """The events of a PutEvents body. Raises ApiError."""
    if len(body) > limits.MAX_BATCH_BYTES:
        raise ApiError("EntityTooLarge", f"The request is larger than {limits.MAX_BATCH_BYTES} bytes.", 413)
    try:
        events = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError("InvalidCloudEvent", "The body is no JSON.") from error
    if not isinstance(events, list) or not events:
        raise ApiError("InvalidCloudEvent", "The body must be a non-empty list of events.")
    check_count(events)
    return events


def check_count(events: list[Any]) -> None:
    """Raise ApiError if one request has more events than the maximum."""
    if len(events) > limits.MAX_BATCH:
        raise ApiError("EventCountExceed", f"The maximum number of events in a batch is {limits.MAX_BATCH}.")
