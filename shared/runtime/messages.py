"""From the bytes Function Compute hands over to messages: CloudEvents, timers and HTTP requests, or a refusal."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from shared.adapters.clock import moment_or_none
from shared.domain.errors import Refused
from shared.domain.message import Message

MAX_EVENT_BYTES = 1024 * 1024
"""EventBridge delivers at most 256 KB, an asynchronous call carries 128 KB: more is nobody's event."""
MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Of an HTTP request, its body in base64 included; the API itself allows less."""
MAX_EVENTS = 100
"""Events in one delivery of an event stream."""


def document_of(event: bytes | str, *, limit: int) -> Any:
    """The JSON in the event; raises Refused (Event.Invalid)."""
    raw = event.encode() if isinstance(event, str) else bytes(event)
    if len(raw) > limit:
        raise _invalid(f"it has {len(raw)} bytes, more than {limit}")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _invalid("it is no JSON") from None


def is_http(document: Any) -> bool:
    """Whether the document is an HTTP trigger's request."""
    return isinstance(document, dict) and isinstance(document.get("requestContext"), dict) and "rawPath" in document


def messages_of(document: Any, request_id: str) -> list[Message]:
    """The messages in an event; raises Refused (Event.Invalid) unless every one of them can be understood."""
    if isinstance(document, list):
        if not 0 < len(document) <= MAX_EVENTS:
            raise _invalid(f"it is a list of {len(document)} events")
        return [_message(each, request_id) for each in document]
    return [_message(document, request_id)]


def _message(document: Any, request_id: str) -> Message:
    if not isinstance(document, dict):
        raise _invalid("it is no object")
    if "triggerName" in document and "triggerTime" in document and "type" not in document:
        return _timer(document, request_id)
    type_, event_id, source = (_text(document, name) for name in ("type", "id", "source"))
    at = moment_or_none(document["time"]) if isinstance(document.get("time"), str) else None
    region_id = str(document.get("aliyunregionid") or "")
    return Message(type_, event_id, source, _data(document), at, region_id=region_id, request_id=request_id)


def _timer(document: dict[str, Any], request_id: str) -> Message:
    name, at = str(document["triggerName"]), str(document["triggerTime"])
    data = {"payload": document.get("payload", ""), "trigger": name}
    return Message("timer", f"{name}-{at}", "timer", data, moment_or_none(at), request_id=request_id)


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 512:
        raise _invalid(f"its {name} is missing or no text of 1 to 512 characters")
    return value


def _data(document: dict[str, Any]) -> dict[str, Any]:
    data = document.get("data")
    if data is None and "data_base64" in document:
        data = _decoded(document["data_base64"])
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _invalid("its data is no object")
    return data


def _decoded(value: Any) -> Any:
    try:
        return json.loads(base64.b64decode(value, validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _invalid("its data_base64 is no JSON in base64") from None


def _invalid(problem: str) -> Refused:
    return Refused("Event.Invalid", f"This event is not understood: {problem}.", "Correct the sender; events/ holds the schemas.")
