"""The entrypoint of every function: read the message, run the stage, log one line, acknowledge or raise."""

from __future__ import annotations

import importlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.adapters.redact import hide_secrets
from shared.adapters.sdk import Credentials
from shared.domain import events
from shared.domain.errors import Fate, Refused, ReplankError
from shared.domain.message import Message, Outcome
from shared.ports.ports import Ports
from shared.runtime import lazy, logs
from shared.runtime.composition import credentials_of, ports_of
from shared.runtime.messages import MAX_DELIVERY_BYTES, MAX_REQUEST_BYTES, document_of, messages_of, request_of
from shared.runtime.settings import Settings, read

ACKNOWLEDGED = frozenset({Fate.STALE, Fate.REFUSED, Fate.PERMANENT})
"""Errors that the same message would meet again, so it is acknowledged. The stage has already recorded what it could."""
_LEVELS = {Fate.STALE: logging.INFO, Fate.REFUSED: logging.WARNING, Fate.TRANSIENT: logging.WARNING}
_FACTS = ("migrationId", "batchId", "instanceId", "hop", "attempt", "version")

T = TypeVar("T")


@dataclass
class _Running:
    """State that one instance of a function keeps between calls."""

    settings: Settings
    credentials: Credentials
    ports: Ports
    rates: Any = None
    """The requests of each caller; only in the api function."""


_running: dict[str, _Running] = {}
"""The running functions by name; a process has one function, except in simulations, which run all."""


def initialize(function: str, context: object) -> None:
    """Read the settings and make the clients, once per instance; an error makes the platform start another one."""
    with lazy.start_lazily(os.environ):
        settings = read(os.environ)
        logs.configure(settings.log_level)
        credentials = credentials_of(os.environ, context)
        _running[function] = _Running(settings, credentials, ports_of(function, settings, credentials))
        if function == "api":
            from shared.runtime.rates import Rates

            _running[function].rates = Rates(settings.api_rate)
        importlib.import_module("shared.runtime.web" if function == "api" else f"shared.stages.{function}")


def handle(function: str, event: bytes, context: object) -> Any:
    """One invocation. Answer an HTTP request with a response, and a message with ``{"result": ...}`` or an exception.

    A message that is not understood raises Refused. No row can record it, so the dead letter queue keeps it for a person.
    """
    running = _current_ports(function, context)
    request_id = str(getattr(context, "request_id", ""))
    known = logs.invocation.set({"requestId": request_id, "function": f"replank-{function}"})
    try:
        if function == "api":
            if len(event) > MAX_REQUEST_BYTES:
                return _too_large(request_id)
            return _answer(_understand(lambda: request_of(document_of(event, limit=MAX_REQUEST_BYTES))), running, request_id)
        return _run_all(function, _understand(lambda: _messages(function, event, request_id)), running.ports)
    finally:
        logs.invocation.reset(known)


def _understand(read: Callable[[], T]) -> T:
    try:
        return read()
    except Refused as error:
        _log_error(error, {})
        raise


def _messages(function: str, event: bytes, request_id: str) -> list[Message]:
    messages = messages_of(document_of(event, limit=MAX_DELIVERY_BYTES), request_id, size=len(event))
    for message in messages:
        if not events.is_for(function, message.type, message.source):
            what = f"replank-{function} does not know what to do with {message.type} from {message.source}."
            # The platform writes the exception into the log as it is.
            raise Refused("Event.Unknown", hide_secrets(what), "Compare the rule with template.yml; deploy the functions again.")
    return messages


def _current_ports(function: str, context: object) -> _Running:
    """The function's ports: made on first use, and again when the credentials of its role have changed."""
    if function not in _running:
        initialize(function, context)
    running = _running[function]
    credentials = credentials_of(os.environ, context)
    if credentials != running.credentials:
        running.credentials = credentials
        running.ports = ports_of(function, running.settings, credentials)
    return running


def _run_all(function: str, messages: list[Message], ports: Ports) -> str:
    """Run the stage for each message; an error that needs a second delivery is raised after the other messages."""
    results: list[str] = []
    again: Exception | None = None
    for message in messages:
        try:
            results.append(_run_one(function, message, ports))
        except Exception as error:
            again = again or error
    if again is not None:
        raise again
    return json.dumps({"result": results[0] if len(results) == 1 else results})


def _run_one(function: str, message: Message, ports: Ports) -> str:
    started = time.perf_counter()
    facts: dict[str, Any] = {"event": message.type, "eventId": message.event_id}
    facts.update({name: message.data[name] for name in _FACTS if name in message.data})
    try:
        outcome: Outcome = importlib.import_module(f"shared.stages.{function}").run(message, ports)
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


def _answer(request: dict[str, Any], running: _Running, request_id: str) -> dict[str, Any]:
    """The API's answer to an HTTP request; an unexpected error becomes a 500 without details."""
    from shared.runtime import rates, web

    started = time.perf_counter()
    http = request["requestContext"]["http"]
    facts: dict[str, Any] = {"event": f"{http.get('method', '?')} {http.get('path') or request.get('rawPath')}"[:200]}
    facts["door"] = request["door"]
    try:
        if running.rates is not None:
            running.rates.take(rates.caller_of(request), running.ports.clock.now())
        response: dict[str, Any] = web.handle(request, running.ports, running.settings, request_id)
    except rates.TooMany as error:
        response = web.failure(error, request_id)
    except Exception as error:
        facts.update(result="bug", code=type(error).__name__, durationMs=_milliseconds_since(started))
        logs.log.error("unexpected error", exc_info=error, extra={"facts": facts})
        return _internal_error(request_id)
    facts.update(result=str(response.get("statusCode", "")), durationMs=_milliseconds_since(started))
    logs.log.info("answered", extra={"facts": facts})
    return response


def _too_large(request_id: str) -> dict[str, Any]:
    from shared.runtime import web

    error = web.too_large()
    _log_error(error, {})
    return web.failure(error, request_id)


def _internal_error(request_id: str) -> dict[str, Any]:
    remedy = "Report this with the request id; nothing more is known here."
    body = {"Code": "Internal.Bug", "Message": "An unexpected error.", "RequestId": request_id, "Recommend": remedy}
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": 500, "headers": headers, "isBase64Encoded": False, "body": json.dumps(body)}


def _log_error(error: ReplankError, facts: dict[str, Any], started: float | None = None) -> None:
    facts = {**facts, "result": error.fate.value, "code": error.code, "remedy": error.remedy}
    if started is not None:
        facts["durationMs"] = _milliseconds_since(started)
    bug = error if error.fate is Fate.BUG else None
    logs.log.log(_LEVELS.get(error.fate, logging.ERROR), error.message, exc_info=bug, extra={"facts": facts})


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
