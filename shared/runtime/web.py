"""HTTP: answers the event of Function Compute's HTTP trigger (trigger format ``v1``).

Errors have the ecosystem's shape (Code, Message, RequestId, Recommend). Only the trigger authenticates the caller. A header
names the operator of every act, and the name is recorded. The module :mod:`manners` has what HTTP requires of every answer.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.caller import Caller
from shared.domain.errors import Refused, ReplankError
from shared.domain.roles import Access
from shared.domain.text import escaped
from shared.ports.ports import Ports
from shared.runtime import callers, manners, requests, schema
from shared.runtime.rates import TooMany
from shared.runtime.router import Call, MethodNotAllowed, Reply, Route, find
from shared.runtime.routes import ROUTES
from shared.stages.api import hold
from shared.stages.api.views import as_json

Json = dict[str, Any]
MAX_BODY_BYTES = 1024 * 1024
"""Maximum bytes of a body; a batch of a thousand instances with a destination each has a tenth of this."""
_WHOLE = re.compile(r"-?[0-9]{1,9}")


class WebSettings(callers.CallerSettings, Protocol):
    """The settings that the API uses."""

    @property
    def snapshot_price(self) -> float: ...

    @property
    def currency(self) -> str: ...

    @property
    def oidc_issuer(self) -> str: ...

    @property
    def oidc_audiences(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class WebRequest:
    """A request. ``path`` is without the version prefix; ``old`` is true if none was given."""

    method: str
    path: str
    old: bool
    headers: Mapping[str, str]
    event: Mapping[str, Any]


def handle(request: Mapping[str, Any], ports: Ports, settings: WebSettings, request_id: str) -> Json:
    """Answer one HTTP request. An unexpected exception is passed on; the caller logs it and answers with :func:`failure`."""
    asked = _read(request)
    answer = _dispatch(asked, ports, settings, request_id)
    if asked.old:
        answer["headers"] |= manners.deprecation(asked.path)
    held = hold.hold_banner(ports)
    if held:  # JSON keeps the header in ASCII, whatever the reason holds
        answer["headers"][HELD_HEADER] = json.dumps(held)
    return {**answer, "body": ""} if asked.method == "HEAD" else answer


def _read(request: Mapping[str, Any]) -> WebRequest:
    about = request.get("requestContext", {}).get("http", {})
    path, old = manners.strip_version(request.get("rawPath") or about.get("path", "/"))
    return WebRequest(about.get("method", "GET").upper(), path, old, manners.headers_of(request.get("headers")), request)


HELD_HEADER = "X-Replank-Hold"
"""The header of every answer while everything is held: the reason, as a JSON text."""


def _dispatch(asked: WebRequest, ports: Ports, settings: WebSettings, request_id: str) -> Json:
    try:
        reply = _answer(asked, ports, settings, request_id)
    except ReplankError as error:
        return failure(error, request_id)
    body = reply.view if isinstance(reply.view, str) else escaped(json.dumps(as_json(reply.view), ensure_ascii=False))
    if asked.method == "POST":
        return _response(reply.status, body, reply.content_type, request_id, reply.headers)
    tag = manners.entity_tag(reply.view, body)
    fresh = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept", **reply.headers}
    if manners.is_known(tag, asked.headers.get("if-none-match", "")):
        return _response(304, "", reply.content_type, request_id, fresh)
    return _response(reply.status, body, reply.content_type, request_id, fresh)


def failure(error: ReplankError, request_id: str) -> Json:
    """The answer for an error."""
    status = callers.status_of(error)
    body = {"Code": error.code, "Message": error.message, "RequestId": request_id, "Recommend": error.remedy}
    headers = {"Retry-After": "5"} if status == 503 else {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.wait_s)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return _response(status, escaped(json.dumps(body, ensure_ascii=False)), "application/json", request_id, headers)


def too_large() -> Refused:
    """The error for a body that is too large."""
    message = f"The body is larger than {MAX_BODY_BYTES} bytes."
    return Refused("Request.TooLarge", message, "Submit several batches of fewer instances.", status=413)


def _response(status: int, body: str, content_type: str, request_id: str, headers: Mapping[str, str]) -> Json:
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": content_type,
            "X-Request-Id": request_id,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            **headers,
        },
        "isBase64Encoded": False,
        # A request may name half a surrogate pair (JSON can), and the answer may repeat it: UTF-8 cannot, JSON's escape can.
        "body": body.encode("utf-8", "backslashreplace").decode(),
    }


def _answer(asked: WebRequest, ports: Ports, settings: WebSettings, request_id: str) -> Reply:
    reads = "GET" if asked.method == "HEAD" else asked.method
    if (reads, asked.path) == ("GET", manners.DOCUMENT):
        return _document(asked, settings)
    route, parameters = find(ROUTES, reads, asked.path)

    def answered(caller: Caller) -> Reply:
        for name, value in parameters.items():
            schema.check(value, requests.ID, name)
        return route.call(
            Call(
                ports=ports,
                prices=settings,
                path=parameters,
                query=_query(route, asked.event.get("queryParameters") or {}),
                body=_body(route, asked),
                caller=caller,
                access=settings.access or Access(),
                account=settings.account_id,
                sign_in=(settings.oidc_issuer, next(iter(settings.oidc_audiences), "")),
                seen=_version_seen(asked.headers) if route.on_version else 0,
                accept=asked.headers.get("accept", ""),
            )
        )

    if route.act:
        came = callers.IncomingAct(
            route.name, parameters, asked.headers, _text(asked), request_id, str(asked.event.get("door", callers.TRIGGER))
        )
        return callers.act(came, answered, ports, settings)
    return answered(callers.named(asked.headers, settings.operator_header, ports) if route.personal else callers.NOBODY)


def _document(asked: WebRequest, settings: WebSettings) -> Reply:
    """The OpenAPI document, whose server is relative to the document's own address."""
    from shared.runtime.openapi import document

    raw_path = str(asked.event.get("rawPath") or "")
    return Reply(document(ROUTES, settings.operator_header, server=".." if raw_path.startswith(manners.VERSION) else "."))


def _version_seen(headers: Mapping[str, str]) -> int:
    """The version in If-Match. An act without a version could apply to another state than the person saw."""
    given = headers.get("if-match", "").strip()
    if not given:
        raise Refused(
            "Precondition.Required",
            "The header If-Match with the version that you saw is missing.",
            'Read it first (GET) and send its ETag, or the version in double quotes: If-Match: "7".',
            status=428,
        )
    schema.check(given, requests.IF_MATCH, "If-Match")
    return int(given.strip('"').partition("-")[0])


def _query(route: Route, given: Mapping[str, Any]) -> Json:
    unknown = sorted(set(given) - set(route.query))
    if unknown:
        known = ", ".join(route.query) or "none"
        raise schema.invalid(unknown[0][:60], f"is not a known parameter (known: {known})")
    found: Json = {name: each["default"] for name, each in route.query.items() if "default" in each}
    for name, text in given.items():
        wanted, value = route.query[name], manners.single(name, text)
        found[name] = _whole_number(name, value) if wanted["type"] == "integer" else value
        schema.check(found[name], wanted, name)
    return found


def _whole_number(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise schema.invalid(name, "must be a whole number")
    return int(text)


def _text(asked: WebRequest) -> str:
    """The body as it came, for the audit; empty if the body is too large or not text."""
    try:
        return _body_for_audit(asked)
    except Refused:
        return ""


def _body_for_audit(asked: WebRequest) -> str:
    raw = str(asked.event.get("body") or "")
    if len(raw) > MAX_BODY_BYTES:
        raise too_large()
    return _decode_base64(raw) if asked.event.get("isBase64Encoded") else raw


def _body(route: Route, asked: WebRequest) -> Json:
    text = _body_for_audit(asked)
    if text:
        manners.check_media_type(asked.headers)
    if route.body is None:
        if text.strip() not in ("", "{}"):
            raise schema.invalid("body", "must be empty here")
        return {}
    body = _parse(text)
    schema.check(body, dict(route.body), "body")
    return dict(body)


def _decode_base64(raw: str) -> str:
    try:
        return base64.b64decode(raw, validate=True).decode()
    except ValueError:
        raise schema.invalid("body", "must be JSON in UTF-8") from None


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_number, object_pairs_hook=manners.refuse_repeated_names)
    except (ValueError, RecursionError):
        raise schema.invalid("body", "must be JSON in UTF-8") from None


def _number(text: str) -> int | float:
    """A whole number in any spelling, because JSON Schema accepts 5.0 as an integer."""
    found = float(text)
    return int(found) if found.is_integer() else found


def _no_constant(name: str) -> None:
    raise ValueError(name)
