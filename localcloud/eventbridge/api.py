"""EventBridge as a service of the cloud: the wire protocol ``/openapi/*`` of alibabacloud-eventbridge 1.3.8."""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.service import Call
from localcloud.eventbridge.control import Control
from localcloud.eventbridge.delivery import Deliveries
from localcloud.eventbridge.model import DEFAULT_BUS, Store
from localcloud.eventbridge.operations import OPERATIONS, check
from localcloud.eventbridge.publish import BUS_ATTRIBUTE, Publisher, parse_batch
from localcloud.eventbridge.query import Queries
from localcloud.eventbridge.trace import Traces
from localcloud.wire import eventbridge_sign

_PREFIX = "/openapi/"
_CODES = {"NoPermission": ("AccessDenied", 403), "Throttling.User": ("TooManyRequests", 429)}
"""Errors of the request chain, translated to EventBridge's codes (help.aliyun.com/zh/eventbridge/error-codes)."""


class EventBridge:
    """The account's buses, rules and events. It registers the hooks ``emit_event`` and ``put_event``."""

    name = "eventbridge"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.store = Store(cloud)
        self.traces = Traces(cloud.clock)
        self.deliveries = Deliveries(cloud, self.store, self.traces)
        self.publisher = Publisher(cloud, self.store, self.deliveries, self.traces)
        self.control = Control(cloud, self.store)
        self.queries = Queries(cloud, self.store, self.traces)
        cloud.hooks.emit_event = self.publisher.emit
        cloud.hooks.put_event = self.publisher.accept

    def claims(self, request: Request) -> bool:
        return request.target.startswith(_PREFIX)

    def authenticate(self, request: Request) -> Key:
        return eventbridge_sign.verify(request, self._cloud.identities)

    def parse(self, request: Request) -> Call:
        name = request.path.removeprefix(_PREFIX)
        if request.method != "POST":
            raise ApiError("MethodNotAllowed", "Every operation is a POST.", 405)
        if name == "putEvents":
            return self._parse_events(request)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise ApiError("InvalidAction.NotFound", f"The operation {name} is not emulated.", 404)
        params = check(operation, _json(request.body))
        bus = str(params.get("EventBusName", "*"))
        summary = " ".join(str(params[field]) for field in ("EventBusName", "RuleName") if field in params)
        return Call(name, f"eventbridge:{name[0].upper()}{name[1:]}", (self.control.bus_arn(bus),), params, summary)

    def _parse_events(self, request: Request) -> Call:
        events = parse_batch(request.body)
        named = [event for event in events if isinstance(event, dict)]
        buses = sorted({str(event.get(BUS_ATTRIBUTE, DEFAULT_BUS)) for event in named}) or [DEFAULT_BUS]
        summary = " ".join(str(event.get("type", "?")) for event in named[:8])
        return Call("putEvents", "eventbridge:PutEvents", tuple(map(self.control.bus_arn, buses)), events, summary)

    def perform(self, call: Call, caller: Key) -> Response:
        if call.operation == "putEvents":
            entries = self.publisher.put(call.params)
            fields: dict[str, Any] = {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "EntryList": entries}
        else:
            owner = self.queries if call.operation.startswith("query") else self.control
            fields = getattr(owner, _snake(call.operation))(call.params)
        head = {"RequestId": self._cloud.request_id(), "ResourceOwnerAccountId": self._cloud.account_id}
        return _answer(200, {**head, **fields})

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        self.store.forget_cache()
        code, status = _CODES.get(error.code, (error.code, error.status))
        return _answer(status, {"requestId": request_id, "code": code, "message": error.message})


def _answer(status: int, body: dict[str, Any]) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(status, {"content-type": "application/json; charset=utf-8"}, text.encode())


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError("InvalidArgument", "The body is no JSON.") from error


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
