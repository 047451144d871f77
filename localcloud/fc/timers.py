"""Timer triggers as periodic jobs. Each run schedules the next run and queues an asynchronous invocation."""

from __future__ import annotations

import json
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.fc import cron
from localcloud.fc.model import Function, Trigger
from localcloud.fc.queue import Queue
from localcloud.fc.store import Functions

TIMER = "fc.timer"


class Timers:
    """The timers of all functions."""

    def __init__(self, cloud: Cloud, functions: Functions, queue: Queue) -> None:
        self._cloud, self._functions, self._queue = cloud, functions, queue
        cloud.scheduler.on(TIMER, self._tick)

    def arrange(self, function: Function) -> None:
        """Schedule a function's timers. Unchanged timers keep their schedule; new or changed timers begin now."""
        for trigger in function.triggers:
            if trigger.type == "timer":
                expression = str(trigger.config["cronExpression"])
                key = _key(function.name, trigger.name)
                if key not in self._cloud.scheduler.keys(TIMER):
                    self._schedule(function.name, trigger.name, expression, self._cloud.clock.now_ms())

    def cancel(self, function: Function) -> None:
        """Forget a function's timers."""
        for trigger in function.triggers:
            self._cloud.scheduler.cancel(TIMER, _key(function.name, trigger.name))

    def _schedule(self, function: str, trigger: str, expression: str, after_ms: int) -> None:
        due = cron.parse(expression).next_ms(after_ms)
        payload = {"function": function, "trigger": trigger, "due_ms": due}
        self._cloud.scheduler.at(due, TIMER, payload, key=_key(function, trigger), periodic=True)

    def _tick(self, payload: dict[str, Any]) -> None:
        function = self._functions.get(payload["function"])
        trigger = next((each for each in function.triggers if each.name == payload["trigger"]), None) if function else None
        if function is None or trigger is None:
            return
        now = self._cloud.clock.now_ms()
        after = payload["due_ms"] if now - payload["due_ms"] < 60_000 else now
        self._schedule(function.name, trigger.name, str(trigger.config["cronExpression"]), after)
        if trigger.config.get("enable", True):
            self._queue.add(function.name, timer_event(trigger, payload["due_ms"]), "timer")


def timer_event(trigger: Trigger, due_ms: int) -> bytes:
    """The event that a timer sends to its function."""
    fields = {"triggerTime": iso(due_ms), "triggerName": trigger.name, "payload": trigger.config.get("payload", "")}
    return json.dumps(fields).encode()


def _key(function: str, trigger: str) -> str:
    return f"{function}/{trigger}"
