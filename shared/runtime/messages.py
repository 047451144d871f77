"""Converts the bytes from Function Compute into messages: CloudEvents, timers and HTTP requests. Unreadable bytes are refused."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.domain.errors import Refused
from shared.domain.message import Message

MAX_EVENT_BYTES = 64 * 1024
"""Maximum bytes of one event with its attributes.

The dead letter queue accepts no larger events. Real events are about a tenth as large as this maximum.
"""
MAX_DELIVERY_BYTES = 1024 * 1024
"""Maximum bytes of one delivery that contains several events."""
MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Maximum bytes of the event for one HTTP request, including the request's body in base64. The API sets a smaller limit for the
request's body.
"""
MAX_NAME = 256
"""Maximum characters of an id or name in an event's data. Tablestore's keys have at most 1024 bytes."""
_NAMES = (
    "migrationId",
    "batchId",
    "instanceId",
    "regionId",
    "resourceId",
    "snapshotId",
    "snapshotName",
    "stage",
    "commandName",
    "invokeId",
)
MAX_EVENTS = 100
"""Maximum events in one delivery of an event stream."""


def parse_event_json(event: bytes | str, *, limit: int) -> Any:
    """Parse the JSON of an event. Raises Refused (Event.Invalid) if the event is not JSON or has more than ``limit`` bytes."""
    raw = event.encode() if isinstance(event, str) else bytes(event)
    if len(raw) > limit:
        raise _invalid_event_error(f"it has {len(raw)} bytes, more than {limit}")
    try:
        found = json.loads(raw)
        if b"\\ud" in raw.lower():
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair can be neither stored nor published
        return found
    except (ValueError, RecursionError):
        raise _invalid_event_error("it is not JSON in UTF-8") from None


def http_request_in_document(document: Any) -> dict[str, Any]:
    """The HTTP request in a parsed event. The request's field ``door`` says whether the event has the HTTP trigger's form or API
    Gateway's form. Raises Refused (Event.Invalid) if the event has neither form.
    """
    if isinstance(document, dict) and "httpMethod" in document and "requestContext" not in document:
        from shared.runtime import gateway  # only the api function needs it

        return gateway.http_request_in_gateway_event(document)
    context = document.get("requestContext") if isinstance(document, dict) else None
    about = context.get("http") if isinstance(context, dict) else None
    if not isinstance(about, dict) or not all(isinstance(about.get(name, ""), str) for name in ("method", "path")):
        raise _invalid_event_error("it is not a request of an HTTP trigger")
    if not all(isinstance(document.get(name) or kind(), kind) for name, kind in _REQUEST.items()):
        raise _invalid_event_error(f"it is not a request of an HTTP trigger: one of {', '.join(_REQUEST)} has the wrong type")
    return {**document, "door": "trigger"}


_REQUEST: dict[str, type] = {"rawPath": str, "body": str, "headers": dict, "queryParameters": dict}


def messages_in_document(document: Any, request_id: str, *, size: int = 0) -> list[Message]:
    """The messages in a parsed event, whose JSON text has ``size`` bytes. Raises Refused (Event.Invalid) if any of the messages is
    unreadable.
    """
    if size > MAX_EVENT_BYTES and not isinstance(document, list):
        raise _invalid_event_error(f"it has {size} bytes, more than {MAX_EVENT_BYTES}")
    if isinstance(document, list):
        if not 0 < len(document) <= MAX_EVENTS:
            raise _invalid_event_error(f"it is a list of {len(document)} events")
        return [_message_from_document(each, request_id) for each in document]
    return [_message_from_document(document, request_id)]


def _message_from_document(document: Any, request_id: str) -> Message:
    if not isinstance(document, dict):
        raise _invalid_event_error("it is not an object")
    if "triggerName" in document and "triggerTime" in document and "type" not in document:
        return _timer_message(document, request_id)
    if document.get("specversion", "1.0") != "1.0":
        raise _invalid_event_error("its specversion is not 1.0")
    type_, event_id, source = (_required_text(document, name) for name in ("type", "id", "source"))
    at = parse_time_or_none(document["time"]) if isinstance(document.get("time"), str) else None
    region_id = str(document.get("aliyunregionid") or "")
    # An event forwarded from another account's bus has that account's id as the original account (EventBridge, events across
    # accounts).
    account_id = str(document.get("aliyunoriginalaccountid") or document.get("aliyunaccountid") or "")[:64]
    data = _event_data(document)
    return Message(type_, event_id, source, data, at, region_id=region_id, account_id=account_id, request_id=request_id)


def _timer_message(document: dict[str, Any], request_id: str) -> Message:
    name, at = _required_text(document, "triggerName"), _required_text(document, "triggerTime")
    data = {"payload": document.get("payload", ""), "trigger": name}
    return Message("timer", f"{name}-{at}", "timer", data, parse_time_or_none(at), request_id=request_id)


def _required_text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 512:
        raise _invalid_event_error(f"its {name} is missing or is not text of 1 to 512 characters")
    return value


def _event_data(document: dict[str, Any]) -> dict[str, Any]:
    data = document.get("data")
    if data is None and "data_base64" in document:
        data = _parse_base64_json(document["data_base64"])
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _invalid_event_error("its data is not an object")
    _check_ids_and_names(data)
    if isinstance(data.get("content"), dict):
        _check_ids_and_names(data["content"])
    return data


def _check_ids_and_names(data: dict[str, Any]) -> None:
    """Check that each id and each name in the data is a short text. Stages use the ids and names as keys of rows."""
    for name in _NAMES:
        value = data.get(name, "")
        if value is not None and (not isinstance(value, str) or len(value) > MAX_NAME):
            raise _invalid_event_error(f"{name} is not text of at most {MAX_NAME} characters")


def _parse_base64_json(value: Any) -> Any:
    try:
        return json.loads(base64.b64decode(value, validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _invalid_event_error("its data_base64 is not JSON in base64") from None


def _invalid_event_error(problem: str) -> Refused:
    return Refused("Event.Invalid", f"This event is not understood: {problem}.", "Correct the sender. The schemas are in events/.")
