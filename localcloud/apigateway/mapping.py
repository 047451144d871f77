"""Maps a request to the function's event, and the function's result to the answer. Pure.

Source: help.aliyun.com, "Use Function Compute as the backend service of an API operation". In the mode MAPPING the function gets
the declared parameters, and the headers that describe the body and the answer; nothing else passes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from localcloud.apigateway.errors import refusal
from localcloud.apigateway.model import Api
from localcloud.core.http import Request, Response

_ALWAYS = ("accept", "content-type", "user-agent")
"""Headers that always pass, declared or not. The real list is not published."""
_TRUTH = {"true": True, "false": False}


def event(request: Request, api: Api, raw_path: str, system: Mapping[str, str]) -> bytes:
    """The event that the function gets. ``system`` holds the values of the system parameters by name."""
    path = api.match(raw_path) or {}
    query: dict[str, str] = {}
    for name, value in request.query:
        query.setdefault(name, value)
    given: dict[str, Mapping[str, str]] = {"PATH": path, "QUERY": query, "HEAD": request.headers}
    mapped: dict[str, dict[str, str]] = {"PATH": {}, "QUERY": {}, "HEAD": {}}
    for each in api.parameters:
        found = given[each.location].get(each.name.lower() if each.location == "HEAD" else each.name)
        if found is None and each.required:
            raise refusal("I400MP", each.name)
        if found is not None:
            mapped[each.service_location][each.service_name] = found
    headers = {name: request.headers[name] for name in _ALWAYS if name in request.headers}
    named = {header: system[name] for name, header in api.system.items()}
    document = {
        "path": raw_path,
        "httpMethod": request.method,
        "headers": {**headers, **mapped["HEAD"], **named, "X-Ca-Request-Id": system["CaRequestId"]},
        "queryParameters": mapped["QUERY"],
        "pathParameters": mapped["PATH"],
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": "true" if request.body else "false",
    }
    return json.dumps(document, ensure_ascii=False).encode()


def response(body: bytes, request_id: str) -> Response:
    """The HTTP answer for a function's result. Raises ApiError (D502FC) if the result does not have the agreed shape."""
    try:
        fields: dict[str, Any] = json.loads(body)
        status, headers = int(fields["statusCode"]), dict(fields.get("headers") or {})
        text, encoded = fields.get("body") or "", _truth(fields.get("isBase64Encoded", False))
        if not isinstance(text, str) or not 200 <= status <= 599:
            raise TypeError("body is no text, or statusCode no status")
        content = base64.b64decode(text, validate=True) if encoded else text.encode()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise refusal("D502FC", str(error)[:200]) from error
    return Response(status, {**{str(name): str(value) for name, value in headers.items()}, "X-Ca-Request-Id": request_id}, content)


def _truth(value: object) -> bool:
    return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
