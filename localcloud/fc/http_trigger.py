"""HTTP triggers: turn a request into the handler's event, and the handler's result into the answer. Pure.

Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/http-trigger-invoking-function (format v1).
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

from localcloud.core.clock import iso
from localcloud.core.http import Request, Response
from localcloud.fc.model import Result, failure

PREFIX = "/http/"
MAX_BODY = 32 * 1024 * 1024
"""Maximum bytes of a request or an answer, for trigger and API calls alike."""
_HIDDEN = ("authorization",)
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


REFUSED = {"x-fc-error-type": "FcCommonError"}
"""The header of an error that Function Compute returns without running the function (help.aliyun.com/document_detail/85445.html).
"""


def function_of(request: Request) -> str:
    """The function in the URL of a trigger (``/http/NAME/path``)."""
    return unquote(request.path[len(PREFIX) :].partition("/")[0])


def event(request: Request, *, request_id: str, account_id: str, now_ms: int) -> bytes:
    """The event in format v1. ``rawPath`` stays encoded; the path in the context is decoded."""
    raw_path = "/" + request.path[len(PREFIX) :].partition("/")[2]
    body, encoded = _body(request)
    host = request.headers.get("host", "")
    http = {
        "method": request.method,
        "path": unquote(raw_path),
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": request.headers.get("user-agent", ""),
    }
    fields = {
        "version": "v1",
        "rawPath": raw_path,
        "headers": {_title(name): value for name, value in request.headers.items() if name not in _HIDDEN},
        "queryParameters": _joined(request.query),
        "body": body,
        "isBase64Encoded": encoded,
        "requestContext": {
            "accountId": account_id,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": http,
            "requestId": request_id,
            "time": iso(now_ms, millis=True),
            "timeEpoch": str(now_ms),
        },
    }
    return json.dumps(fields, ensure_ascii=False).encode()


def response(result: Result, request_id: str) -> Response:
    """The answer to the client. A result with the agreed shape sets status, headers and body; any other JSON or text is the body of
    a 200.
    """
    headers = {"X-Fc-Request-Id": request_id}
    if len(result.body) > MAX_BODY:
        result = failure(f"payload size exceeds maximum allowed size ({MAX_BODY} bytes)")
    if result.error:
        return Response(502, {**headers, "x-fc-error-type": result.error, "content-type": "application/json"}, result.body)
    try:
        fields = json.loads(result.body)
    except ValueError:
        return Response(200, {**headers, "content-type": "text/plain; charset=utf-8"}, result.body)
    if not isinstance(fields, dict) or "statusCode" not in fields:
        return Response(200, {**headers, "content-type": "application/json"}, result.body)
    try:
        return _shaped(fields, headers)
    except (TypeError, ValueError) as error:
        message = json.dumps({"errorMessage": f"The function's response is malformed: {error}", "errorType": "BadResponse"})
        return Response(502, {**headers, "x-fc-error-type": "BadResponse", "content-type": "application/json"}, message.encode())


def _shaped(fields: dict[str, Any], headers: dict[str, str]) -> Response:
    status, given, body = int(fields["statusCode"]), fields.get("headers") or {}, fields.get("body", "")
    if not isinstance(given, dict) or not 100 <= status <= 599:
        raise ValueError("statusCode must be a status and headers an object")
    text = body if isinstance(body, str) else json.dumps(body)
    content = base64.b64decode(text, validate=True) if fields.get("isBase64Encoded") else text.encode()
    named = {str(name): value if isinstance(value, str) else ",".join(map(str, _list(value))) for name, value in given.items()}
    if not any(name.lower() == "content-type" for name in named):
        named["content-type"] = "application/json"
    return Response(status, {**headers, **named}, content)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _body(request: Request) -> tuple[str, bool]:
    """The body as text if it is valid text, else as base64."""
    kind = request.headers.get("content-type", "text/")
    if kind.startswith(_TEXT):
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _joined(query: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in query:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _title(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))
