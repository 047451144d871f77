"""One invocation of a function: reads the message, runs the stage, writes one log line, and then acknowledges the message or
raises an error.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from shared.adapters.redact import hide_secrets
from shared.adapters.sdk import Credentials
from shared.domain import events
from shared.domain.errors import MessageFate, Refused, ReplankError
from shared.domain.message import Message, Outcome
from shared.domain.record import dataclass
from shared.ports.ports import Ports
from shared.runtime import logs
from shared.runtime.composition import function_credentials, make_ports
from shared.runtime.messages import (
    MAX_DELIVERY_BYTES,
    MAX_REQUEST_BYTES,
    http_request_in_document,
    messages_in_document,
    parse_event_json,
)
from shared.runtime.settings import Settings, read_settings

ACKNOWLEDGED = frozenset({MessageFate.STALE, MessageFate.REFUSED, MessageFate.PERMANENT})
"""The fates of errors that would recur at every delivery of a message. If a message causes such an error, the message is
acknowledged and therefore not delivered again.
"""
_LEVELS = {MessageFate.STALE: logging.INFO, MessageFate.REFUSED: logging.WARNING, MessageFate.TRANSIENT: logging.WARNING}
_FACTS = ("migrationId", "batchId", "instanceId", "hop", "attempt", "version")

T = TypeVar("T")


@dataclass
class _FunctionState:
    """The state that one instance of a function keeps between invocations."""

    settings: Settings
    credentials: Credentials
    ports: Ports
    rates: Any = None
    """The rate limiter for the callers' requests; None in every function except api."""


_running: dict[str, _FunctionState] = {}
"""Maps the name of each initialized function to the function's state. In a deployment, each process runs one function. In a
simulation, one process runs all functions.
"""


def initialize(function: str, context: object) -> None:
    """Read the settings and make the SDK clients, once per function instance.

    If ``initialize`` raises an error, the platform starts another instance.
    """
    settings = read_settings(os.environ)
    logs.configure_logging(settings.log_level)
    credentials = function_credentials(os.environ, context)
    _running[function] = _FunctionState(settings, credentials, make_ports(function, settings, credentials))
    if function == "api":
        from shared.runtime.rates import CallerRateLimiter

        _running[function].rates = CallerRateLimiter(settings.api_rate)
    importlib.import_module("shared.runtime.web" if function == "api" else f"shared.stages.{function}")


def is_initialized(function: str) -> bool:
    """Whether ``initialize`` has run in this process."""
    return function in _running


def handle_event(function: str, event: bytes, context: object) -> Any:
    """Process one invocation. Returns a response for an HTTP request, and ``{"result": ...}`` for a message.

    Raises Refused for an unreadable message. No row can record an unreadable message, so the dead letter queue keeps the message
    until a person looks at it.
    """
    running = _refresh_function_state(function, context)
    request_id = str(getattr(context, "request_id", ""))
    known = logs.invocation.set({"requestId": request_id, "function": f"replank-{function}"})
    try:
        if function == "api":
            if len(event) > MAX_REQUEST_BYTES:
                return _too_large_response(event, request_id)
            return _answer_request(
                _read_and_log_refusal(lambda: http_request_in_document(parse_event_json(event, limit=MAX_REQUEST_BYTES))),
                running,
                request_id,
            )
        return _run_stage_for_messages(
            function, _read_and_log_refusal(lambda: _messages_for_function(function, event, request_id)), running.ports
        )
    finally:
        logs.invocation.reset(known)


def _read_and_log_refusal(read: Callable[[], T]) -> T:
    try:
        return read()
    except Refused as error:
        _log_error(error, {})
        raise


def _messages_for_function(function: str, event: bytes, request_id: str) -> list[Message]:
    messages = messages_in_document(parse_event_json(event, limit=MAX_DELIVERY_BYTES), request_id, size=len(event))
    for message in messages:
        if not events.accepts_message(function, message.type, message.source):
            what = f"replank-{function} does not handle {message.type} from {message.source}."
            # The platform writes the exception's text into the log without hiding secrets.
            raise Refused(
                "Event.Unknown", hide_secrets(what), "Compare the event rule with template.yml, then deploy the functions again."
            )
    return messages


def _refresh_function_state(function: str, context: object) -> _FunctionState:
    """Return the function's state. Make the ports on first use, and again if the credentials of the role have changed."""
    if function not in _running:
        initialize(function, context)
    running = _running[function]
    credentials = function_credentials(os.environ, context)
    if credentials != running.credentials:
        running.credentials = credentials
        running.ports = make_ports(function, running.settings, credentials)
    return running


def _run_stage_for_messages(function: str, messages: list[Message], ports: Ports) -> str:
    """Run the stage for every message, even if one of them fails.

    After the last message, raise the first error that needs a second delivery.
    """
    results: list[str] = []
    again: Exception | None = None
    for message in messages:
        try:
            results.append(_run_stage_for_message(function, message, ports))
        except Exception as error:
            again = again or error
    if again is not None:
        raise again
    return json.dumps({"result": results[0] if len(results) == 1 else results})


def _run_stage_for_message(function: str, message: Message, ports: Ports) -> str:
    started = time.perf_counter()
    facts: dict[str, Any] = {"event": message.type, "eventId": message.event_id}
    facts.update({name: message.data[name] for name in _FACTS if name in message.data})
    try:
        outcome: Outcome = importlib.import_module(f"shared.stages.{function}").handle_message(message, ports)
    except ReplankError as error:
        _log_error(error, facts, started)
        if error.fate in ACKNOWLEDGED:
            return error.fate.value
        raise
    except Exception as error:
        facts.update(result="bug", code=type(error).__name__, durationMs=_milliseconds_since(started))
        logs.log.error("unexpected error", exc_info=error, extra={"facts": facts})
        raise
    facts.update(outcome.facts, result=outcome.result, durationMs=_milliseconds_since(started))
    logs.log.info("done", extra={"facts": facts})
    return outcome.result


def _answer_request(request: dict[str, Any], running: _FunctionState, request_id: str) -> dict[str, Any]:
    """The API's response to an HTTP request. An unexpected error becomes a response with status 500 and no details."""
    from shared.runtime import http_rules, rates, web

    started = time.perf_counter()
    http = request["requestContext"]["http"]
    facts: dict[str, Any] = {"event": f"{http.get('method', '?')} {http.get('path') or request.get('rawPath')}"[:200]}
    facts["door"] = request["door"]
    try:
        if running.rates is not None:
            running.rates.count_request(request, running.ports)
        response: dict[str, Any] = web.handle_request(request, running.ports, running.settings, request_id)
    except rates.TooManyRequests as error:
        response = web.error_response(error, request_id, http_rules.headers_by_name(request.get("headers")))
    except Exception as error:
        facts.update(result="bug", code=type(error).__name__, durationMs=_milliseconds_since(started))
        logs.log.error("unexpected error", exc_info=error, extra={"facts": facts})
        return _internal_error_response(request_id, http_rules.headers_by_name(request.get("headers")))
    facts.update(result=str(response.get("statusCode", "")), durationMs=_milliseconds_since(started))
    logs.log.info("answered", extra={"facts": facts})
    return response


def _too_large_response(event: bytes, request_id: str) -> dict[str, Any]:
    from shared.runtime import web

    error = web.body_too_large_error()
    _log_error(error, {})
    return web.error_response(error, request_id, _language_header_of_oversized_request(event))


def _language_header_of_oversized_request(event: bytes) -> dict[str, str]:
    """The header Accept-Language in the bytes of a request that is too large to be parsed; empty without the header.

    Only a name in the JSON of the event has plain quotes on both sides. Inside the request's body, quotes are escaped.
    """
    import re  # requests this large are rare

    found = re.search(rb'"accept-language"\s*:\s*"([^"\\]{0,200})"', event, re.IGNORECASE)
    return {"accept-language": found[1].decode("ascii", "replace")} if found else {}


def _internal_error_response(request_id: str, headers_asked: dict[str, str]) -> dict[str, Any]:
    """The response to an unexpected error, in the reader's language. If the translation fails too, the response is in English."""
    remedy = "Report the error with the request id. The function's log has the details."
    body = {"Code": "Internal.Bug", "Message": "An unexpected error.", "RequestId": request_id, "Recommend": remedy}
    try:
        from shared.runtime import translation

        body = translation.translated_answer(body, translation.preferred_language(headers_asked.get("accept-language", "")))
    except Exception as error:
        logs.log.error("the error cannot be translated", exc_info=error)
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": 500, "headers": headers, "isBase64Encoded": False, "body": json.dumps(body)}


def _log_error(error: ReplankError, facts: dict[str, Any], started: float | None = None) -> None:
    facts = {**facts, "result": error.fate.value, "code": error.code, "remedy": error.remedy}
    if started is not None:
        facts["durationMs"] = _milliseconds_since(started)
    bug = error if error.fate is MessageFate.BUG else None
    logs.log.log(_LEVELS.get(error.fate, logging.ERROR), error.message, exc_info=bug, extra={"facts": facts})


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
