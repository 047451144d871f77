"""Converts an event of the classic API Gateway into a request in the HTTP trigger's form.

The answer needs no conversion, because the gateway and the HTTP trigger expect the same four fields. A gateway event has the
fields ``path``, ``httpMethod``, ``headers``, ``queryParameters``, ``pathParameters``, ``body`` and ``isBase64Encoded``. The value
of ``isBase64Encoded`` is the text true or false. Source: help.aliyun.com, "Use Function Compute as the backend service of an API
operation".

Anybody who may invoke the function can send an event in the gateway's form. The form of an event does not prove that the event
came through the gateway. The request's field ``door`` records only the form of the event.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from shared.domain.errors import Refused

DOOR = "gateway"
_PLACE = re.compile(r"\[(\w+)\]|\{(\w+)\}")
_KINDS: dict[str, type] = {"body": str, "headers": dict, "queryParameters": dict, "pathParameters": dict}
_TRUTH = {"true": True, "false": False, "": False}


def http_request_in_gateway_event(event: dict[str, Any]) -> dict[str, Any]:
    """The request in a gateway event, converted into the HTTP trigger's form. Raises Refused (Event.Invalid) if a field has the
    wrong type.
    """
    method, path = event["httpMethod"], event.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        raise _invalid_event_error("its httpMethod or path is not text")
    for name, kind in _KINDS.items():
        if not isinstance(event.get(name) or kind(), kind):
            raise _invalid_event_error(f"its {name} has the wrong type")
    path = _path_with_parameters(path, event.get("pathParameters") or {})
    return {
        "rawPath": path,
        "headers": event.get("headers") or {},
        "queryParameters": event.get("queryParameters") or {},
        "body": event.get("body") or "",
        "isBase64Encoded": _parse_base64_flag(event.get("isBase64Encoded", False)),
        "requestContext": {"http": {"method": method, "path": path}},
        "door": DOOR,
    }


def _path_with_parameters(path: str, parameters: dict[str, Any]) -> str:
    """The path with its parameters filled in. The gateway may pass the path as a pattern such as ``/migrations/[migrationId]``."""
    if not all(isinstance(value, str) for value in parameters.values()):
        raise _invalid_event_error("one of its pathParameters is not text")
    return _PLACE.sub(lambda found: quote(parameters.get(found[1] or found[2], found[0]), safe=""), path)


def _parse_base64_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _TRUTH:
        raise _invalid_event_error("its isBase64Encoded is neither true nor false")
    return _TRUTH[value.lower()]


def _invalid_event_error(problem: str) -> Refused:
    what = f"This event is not understood: it has the form of an API Gateway event, but {problem}."
    return Refused("Event.Invalid", what, "Correct the sender. docs/gateway.md describes what the gateway sends.")
