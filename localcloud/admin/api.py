"""Answers ``/_localcloud/*`` in JSON, if the request carries the token (see localcloud.core.door).

These requests do not count as calls in flight, because a request that moves the clock would otherwise stop the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.admin.mishaps import Mishaps
from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.pump import Pump
from localcloud.core.state import StateUnwritable
from localcloud.eventbridge.api import EventBridge
from localcloud.fc.api import FunctionCompute

PREFIX = "/_localcloud/"
MAX_ADVANCE_S = 3650 * 24 * 3600
PATIENCE_S = 600.0
MAX_SPEED = 86_400


class Rejected(Exception):
    """The request is not valid. The answer has ``status`` and the error's text."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Admin:
    """``deploy`` reads the deployment files again and returns a description of what was deployed."""

    cloud: Cloud
    pump: Pump
    eventbridge: EventBridge
    fc: FunctionCompute
    mishaps: Mishaps
    describe: Callable[[], dict[str, Any]]
    deploy: Callable[[dict[str, str]], dict[str, Any]]

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            status, body = self._route(request)
        except Rejected as rejected:
            status, body = rejected.status, {"error": str(rejected)}
        except StateUnwritable as error:
            status, body = 507, {"error": str(error)}
        return Response(status, {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())

    def _route(self, request: Request) -> tuple[int, Any]:
        name = request.path[len(PREFIX) :].strip("/")
        hook = self.cloud.hooks.admin.get(name)
        if hook is not None:
            self._mark()
            status, body = hook(request)
            return int(status), body
        handler = getattr(self, f"_{request.method.lower()}_{name.replace('/', '_')}", None) if name.isascii() else None
        if handler is None:
            raise Rejected(f"{request.method} {request.path} is unknown", 404)
        return 200, handler(request)

    def _mark(self) -> None:
        """Note a call from outside, so that an idle virtual clock may run on."""
        with self.cloud.changed:
            self.cloud.note_outside()
            self.cloud.changed.notify_all()

    def _get_health(self, request: Request) -> Any:
        return {"status": "ok", **self.describe()}

    def _get_clock(self, request: Request) -> Any:
        cloud = self.cloud
        with cloud.lock:
            now, due = cloud.clock.now_ms(), cloud.scheduler.next_due_ms()
            state: dict[str, Any] = {"virtual": cloud.clock.virtual, "hold": self.pump.hold, "in_flight": cloud.in_flight}
            state |= {"speed": self.pump.speed, "asleep": self.pump.asleep}
            work = cloud.scheduler.has_work()
        return {"now": iso(now, millis=True), "now_ms": now, "next_due_ms": due, "has_work": work, **state}

    def _post_clock(self, request: Request) -> Any:
        body = _object(request)
        if unknown := set(body) - {"hold", "speed", "advance_s"}:
            raise Rejected(f"unknown fields: {', '.join(sorted(unknown))}")
        if not self.cloud.clock.virtual:
            raise Rejected("the clock is real: it cannot be held or moved", 409)
        if "hold" in body:
            if not isinstance(body["hold"], bool):
                raise Rejected("hold must be true or false")
            self.pump.set_hold(body["hold"])
        if "speed" in body:
            self.pump.set_speed(_speed(body["speed"]))
        if "advance_s" in body:
            self._advance(body["advance_s"])
        self._mark()
        return self._get_clock(request)

    def _advance(self, span_s: Any) -> None:
        if not isinstance(span_s, (int, float)) or isinstance(span_s, bool) or not 0 <= span_s <= MAX_ADVANCE_S:
            raise Rejected(f"advance_s must be a number from 0 to {MAX_ADVANCE_S}")
        if not self.pump.advance(round(span_s * 1000), PATIENCE_S):
            raise Rejected(f"that moment was not reached within {PATIENCE_S:g} s", 504)

    def _post_deploy(self, request: Request) -> Any:
        """Read the deployment files again; ``{"env": {...}}`` changes variables of s.yaml."""
        self._mark()
        env = _object(request).get("env", {})
        if not isinstance(env, dict) or not all(isinstance(each, str) for each in env.values()):
            raise Rejected("env must be an object of texts")
        try:
            return self.deploy(env)
        except ValueError as error:
            raise Rejected(str(error), 422) from error

    def _get_calls(self, request: Request) -> Any:
        with self.cloud.lock:
            return self.cloud.calls.as_json(_limit(request))

    def _get_faults(self, request: Request) -> Any:
        with self.cloud.lock:
            return {"rules": [vars(rule) for rule in self.cloud.faults.rules]}

    def _post_faults(self, request: Request) -> Any:
        """Replace all fault rules. The body is ``{"rules": [{service, operation, kind, ...}]}``."""
        rules = _object(request).get("rules")
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise Rejected("rules must be a list of objects")
        try:
            self._check_named(rules)
            with self.cloud.lock:
                self.cloud.faults.set(rules)
        except (TypeError, ValueError) as error:
            raise Rejected(str(error)) from error
        return self._get_faults(request)

    def _check_named(self, rules: list[dict[str, Any]]) -> None:
        """Refuse a rule that could never apply, because the operation or the principal that it names does not exist."""
        services = {"*", *(service.name for service in self.cloud.services)}
        works = {"*", *self.cloud.scheduler.kinds()}
        for rule in rules:
            name, operation = str(rule.get("service", "*")), str(rule.get("operation", "*"))
            if name not in services:
                raise Rejected(f"no service is called {name}; there are {', '.join(sorted(services))}")
            if rule.get("kind") == "stick" and "*" not in (name, operation) and f"{name}.{operation}" not in works:
                raise Rejected(f"there is no work {name}.{operation}, only {', '.join(sorted(works))}")

    def _get_mishaps(self, request: Request) -> Any:
        return {"kinds": Mishaps.kinds()}

    def _post_mishaps(self, request: Request) -> Any:
        """Cause one mishap. The body is, for example, ``{"kind": "agent_silent", "instance_id": ...}``."""
        body = _object(request)
        try:
            with self.cloud.lock, self.cloud.db.transaction():
                self.mishaps.happen(**{"kind": "", **body})
        except ApiError as error:
            raise Rejected(str(error), error.status) from error
        except (TypeError, ValueError) as error:
            raise Rejected(str(error)) from error
        self._mark()
        return {}

    def _get_functions(self, request: Request) -> Any:
        counts = self.fc.history.counts
        return {
            "functions": [
                {
                    "name": function.name,
                    "role": function.role,
                    "triggers": [{"name": each.name, "type": each.type} for each in function.triggers],
                    "invocations": counts.get(function.name, 0),
                    "failed": counts.get(f"{function.name}!", 0),
                }
                for function in self.fc.functions.all()
            ]
        }

    def _get_invocations(self, request: Request) -> Any:
        return {"ended": self._ended(request, with_log=False), "waiting": self._waiting()}

    def _get_logs(self, request: Request) -> Any:
        return {"invocations": self._ended(request, with_log=True)}

    def _ended(self, request: Request, *, with_log: bool) -> list[dict[str, Any]]:
        function = dict(request.query).get("function", "")
        with self.cloud.lock:
            return [ended.as_json(with_log=with_log) for ended in self.fc.history.of(function, _limit(request))]

    def _waiting(self) -> list[dict[str, Any]]:
        with self.cloud.lock:
            return self.fc.queue.waiting()

    def _get_undelivered(self, request: Request) -> Any:
        """Events and invocations that were never delivered: events without a dead-letter queue, invocations without a
        destination.
        """
        with self.cloud.lock:
            return {"events": self.eventbridge.deliveries.undeliverable(), "invocations": self.fc.queue.dead_letters()}

    def _get_permissions(self, request: Request) -> Any:
        """Permissions that the roles have but have not used since the start."""
        with self.cloud.lock:
            unused = self.cloud.policies.unused()
        return {"unused": [{"role": role, "action": action} for role, action in unused]}

    def _post_fleet(self, request: Request) -> Any:
        load = self.cloud.hooks.load_fleet
        if load is None:
            raise Rejected("this cloud has no ECS", 409)
        try:
            with self.cloud.lock, self.cloud.db.transaction():
                answer = load(_object(request))
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected(f"the fleet cannot be loaded: {error}", 422) from error
        self._mark()
        return answer if answer is not None else {}


def _object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Rejected("the body is no JSON") from error
    if not isinstance(body, dict):
        raise Rejected("the body must be a JSON object")
    return body


def _speed(given: Any) -> float | None:
    """A speed as a number, or None for a clock that jumps."""
    if given is not None and (not isinstance(given, (int, float)) or isinstance(given, bool) or not 0 < given <= MAX_SPEED):
        raise Rejected(f"speed must be a number above 0 and at most {MAX_SPEED}, or null")
    return given


def _limit(request: Request) -> int:
    text = dict(request.query).get("limit", "100")
    if not text.isdigit():
        raise Rejected("limit must be a number")
    return int(text)
