"""Answers HTTP requests to the API. Requests arrive as events of Function Compute's HTTP trigger (trigger format ``v1``).

Errors have the form of Alibaba Cloud's own APIs: Code, Message, RequestId, Recommend. The HTTP trigger checks the signature of
every request. A header or a token names the operator of every act. The module ``http_rules`` contains the rules of HTTP that the
API follows.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from shared.domain.caller import Caller
from shared.domain.errors import Refused, ReplankError
from shared.domain.record import dataclass
from shared.domain.roles import AccessRules
from shared.domain.text import escaped_json
from shared.ports.ports import Ports
from shared.runtime import callers, http_rules, requests, schema
from shared.runtime.rates import TooManyRequests
from shared.runtime.router import ApiCall, MethodNotAllowed, Reply, Route, matching_route
from shared.runtime.routes import ROUTES
from shared.stages.api import hold
from shared.stages.api.views import as_json

Json = dict[str, Any]
MAX_BODY_BYTES = 1024 * 1024
"""Maximum bytes of a body. A batch of a thousand instances, each with its own destination, needs only a tenth of this maximum."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
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
    """A request to the API. ``path`` is the path without the API's version. ``old`` is true if the request named no version."""

    method: str
    path: str
    old: bool
    headers: Mapping[str, str]
    event: Mapping[str, Any]


def handle_request(request: Mapping[str, Any], ports: Ports, settings: WebSettings, request_id: str) -> Json:
    """Answer one HTTP request.

    A ReplankError becomes an error answer. Any other exception is raised, and the entrypoint then answers 500.
    """
    asked = _read_request(request)
    answer = _respond_to_request(asked, ports, settings, request_id)
    if asked.old:
        answer["headers"] |= http_rules.deprecation_headers(asked.path)
    held = hold.hold_header_text(ports)
    if held:  # JSON keeps the header in ASCII, whatever characters the reason has
        answer["headers"][HELD_HEADER] = json.dumps(held)
    return {**answer, "body": ""} if asked.method == "HEAD" else answer


def _read_request(request: Mapping[str, Any]) -> WebRequest:
    about = request.get("requestContext", {}).get("http", {})
    path, old = http_rules.path_without_version(request.get("rawPath") or about.get("path", "/"))
    return WebRequest(about.get("method", "GET").upper(), path, old, http_rules.headers_by_name(request.get("headers")), request)


HELD_HEADER = "X-Replank-Hold"
"""The header that every answer has while the account is on hold. The header's value is the reason, as a JSON text."""


def _respond_to_request(asked: WebRequest, ports: Ports, settings: WebSettings, request_id: str) -> Json:
    try:
        reply = _run_operation(asked, ports, settings, request_id)
    except ReplankError as error:
        return error_response(error, request_id, asked.headers)
    body = reply.view if isinstance(reply.view, str) else _json_body(as_json(reply.view), asked)
    if asked.method == "POST":
        return _make_response(reply.status, body, reply.content_type, request_id, reply.headers)
    tag = http_rules.entity_tag(reply.view, body)
    fresh = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Language", **reply.headers}
    if http_rules.is_tag_known_to_caller(tag, asked.headers.get("if-none-match", "")):
        return _make_response(304, "", reply.content_type, request_id, fresh)
    return _make_response(reply.status, body, reply.content_type, request_id, fresh)


def _json_body(answer: Any, asked: WebRequest) -> str:
    """The answer as JSON, in the reader's language. The OpenAPI document is the same in every language."""
    if asked.path != http_rules.DOCUMENT:
        answer = _answer_in_readers_language(answer, asked.headers)
    return escaped_json(json.dumps(answer, ensure_ascii=False))


def _answer_in_readers_language(answer: Any, headers: Mapping[str, str]) -> Any:
    if "accept-language" not in headers:
        return answer
    from shared.runtime import translation  # programs seldom name a language

    return translation.translated_answer(answer, translation.preferred_language(headers["accept-language"]))


def error_response(error: ReplankError, request_id: str, headers_asked: Mapping[str, str] = NO_HEADERS) -> Json:
    """The response that reports an error, in the language that the request's headers prefer. The header names must be in lower
    case.
    """
    status = callers.http_status_of_error(error)
    body = {"Code": error.code, "Message": error.message, "RequestId": request_id, "Recommend": error.remedy}
    body = _answer_in_readers_language(body, headers_asked)
    headers = {"Retry-After": "5"} if status == 503 else {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.wait_s)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return _make_response(status, escaped_json(json.dumps(body, ensure_ascii=False)), "application/json", request_id, headers)


def body_too_large_error() -> Refused:
    """The error for a request body of more than MAX_BODY_BYTES."""
    message = f"The body is larger than {MAX_BODY_BYTES} bytes."
    return Refused("Request.TooLarge", message, "Submit several batches of fewer instances.", status=413)


def _make_response(status: int, body: str, content_type: str, request_id: str, headers: Mapping[str, str]) -> Json:
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
        # The answer may repeat half a surrogate pair from the request. UTF-8 cannot encode it, but a JSON escape can.
        "body": body.encode("utf-8", "backslashreplace").decode(),
    }


def _run_operation(asked: WebRequest, ports: Ports, settings: WebSettings, request_id: str) -> Reply:
    reads = "GET" if asked.method == "HEAD" else asked.method
    if (reads, asked.path) == ("GET", http_rules.DOCUMENT):
        return _openapi_reply(asked, settings)
    route, parameters = matching_route(ROUTES, reads, asked.path)

    def call_operation(caller: Caller) -> Reply:
        for name, value in parameters.items():
            schema.check_value(value, requests.ID, name)
        return route.call(
            ApiCall(
                ports=ports,
                prices=settings,
                path=parameters,
                query=_query_parameters(route, asked.event.get("queryParameters") or {}),
                body=_parse_and_check_body(route, asked),
                caller=caller,
                access=settings.access_rules or AccessRules(),
                account=settings.account_id,
                sign_in=(settings.oidc_issuer, next(iter(settings.oidc_audiences), "")),
                seen=_if_match_version(asked.headers) if route.on_version else 0,
                accept=asked.headers.get("accept", ""),
            )
        )

    if route.act:
        came = callers.ActRequest(
            route.name,
            parameters,
            asked.headers,
            _body_text_or_empty(asked),
            request_id,
            str(asked.event.get("door", callers.TRIGGER)),
        )
        return callers.carry_out_act(came, call_operation, ports, settings)
    return call_operation(
        callers.caller_of_request(asked.headers, settings.operator_header, ports) if route.personal else callers.NOBODY
    )


def _openapi_reply(asked: WebRequest, settings: WebSettings) -> Reply:
    """The reply with the OpenAPI document. The server URL in the document is relative to the document's own address."""
    from shared.runtime.openapi import openapi_document

    raw_path = str(asked.event.get("rawPath") or "")
    return Reply(
        openapi_document(ROUTES, settings.operator_header, server=".." if raw_path.startswith(http_rules.VERSION) else ".")
    )


def _if_match_version(headers: Mapping[str, str]) -> int:
    """The version in the header If-Match. An act without a version is refused, because the act could change a state that the
    person has not seen.
    """
    given = headers.get("if-match", "").strip()
    if not given:
        raise Refused(
            "Precondition.Required",
            "The header If-Match with the version that you saw is missing.",
            'Read it first (GET) and send its ETag, or the version in double quotes: If-Match: "7".',
            status=428,
        )
    schema.check_value(given, requests.IF_MATCH, "If-Match")
    return int(given.strip('"').partition("-")[0])


def _query_parameters(route: Route, given: Mapping[str, Any]) -> Json:
    unknown = sorted(set(given) - set(route.query))
    if unknown:
        known = ", ".join(route.query) or "none"
        raise schema.invalid_field_error(unknown[0][:60], f"is not a known parameter (known: {known})")
    found: Json = {name: each["default"] for name, each in route.query.items() if "default" in each}
    for name, text in given.items():
        wanted, value = route.query[name], http_rules.checked_parameter_value(name, text)
        found[name] = _parse_whole_number(name, value) if wanted["type"] == "integer" else value
        schema.check_value(found[name], wanted, name)
    return found


def _parse_whole_number(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise schema.invalid_field_error(name, "must be a whole number")
    return int(text)


def _body_text_or_empty(asked: WebRequest) -> str:
    """The request body as text for the audit; empty if the body is too large or is not text."""
    try:
        return _body_text(asked)
    except Refused:
        return ""


def _body_text(asked: WebRequest) -> str:
    raw = str(asked.event.get("body") or "")
    if len(raw) > MAX_BODY_BYTES:
        raise body_too_large_error()
    return _decode_base64(raw) if asked.event.get("isBase64Encoded") else raw


def _parse_and_check_body(route: Route, asked: WebRequest) -> Json:
    text = _body_text(asked)
    if text:
        http_rules.check_media_type(asked.headers)
    if route.body is None:
        if text.strip() not in ("", "{}"):
            raise schema.invalid_field_error("body", "must be empty here")
        return {}
    body = _parse_json(text)
    schema.check_value(body, dict(route.body), "body")
    return dict(body)


def _decode_base64(raw: str) -> str:
    try:
        return base64.b64decode(raw, validate=True).decode()
    except ValueError:
        raise schema.invalid_field_error("body", "must be JSON in UTF-8") from None


def _parse_json(text: str) -> Any:
    try:
        return json.loads(
            text,
            parse_constant=_refuse_nan_or_infinity,
            parse_float=_parse_number,
            object_pairs_hook=http_rules.object_from_unique_pairs,
        )
    except (ValueError, RecursionError):
        raise schema.invalid_field_error("body", "must be JSON in UTF-8") from None


def _parse_number(text: str) -> int | float:
    """The number in the text. A number such as 5.0 becomes an integer, because JSON Schema accepts 5.0 as an integer."""
    found = float(text)
    return int(found) if found.is_integer() else found


def _refuse_nan_or_infinity(name: str) -> None:
    """Raise ValueError, because JSON allows neither NaN nor Infinity."""
    raise ValueError(name)
