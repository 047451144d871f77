"""Deliveries: stored jobs that push an event to a rule's target at least once, with the target's retry strategy.

If all retries fail, the event goes to the target's dead-letter queue, or to ``undeliverable`` if the target has no such queue.
Source of the schedules: alibabacloud.com/help/en/eventbridge/user-guide/retry-policies-and-dead-letter-queues.
"""

from __future__ import annotations

from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.hooks import offered
from localcloud.eventbridge import crossing, transform
from localcloud.eventbridge.model import TARGET_FUNCTION, Store, bus_account, bus_name, function_name, is_bus, is_function
from localcloud.eventbridge.trace import Traces

DELIVER = "eventbridge.deliver"
BACKOFF_RETRIES, DECAY_RETRIES = 3, 176
BACKOFF_MS = (10_000, 20_000)
DECAY_CAP_MS = 512_000
MAX_HOPS = 8
"""The maximum number of buses that an event may pass through by bus targets. The limit stops two rules that forward to each other.
"""


class Deliveries:
    """Queues deliveries and carries them out."""

    def __init__(self, cloud: Cloud, store: Store, traces: Traces) -> None:
        self._cloud, self._store, self._traces = cloud, store, traces
        self._undeliverable = cloud.db.collection("eventbridge.undeliverable")
        cloud.scheduler.on(DELIVER, self._deliver)

    def queue(self, event: dict[str, Any], rule: str, target_id: str) -> None:
        """Plan the first push. A fault rule may lose, repeat or delay the event. If ``hooks.plan_delivery`` is set, the hook
        decides instead.

        The hook returns the delay of each copy, in ms.
        """
        plan = self._cloud.hooks.plan_delivery
        delays = plan(event, rule, target_id) if plan else self._cloud.faults.delays("Deliver", rule, event["type"])
        for delay_ms in delays:
            self._schedule({"event": event, "rule": rule, "target": target_id, "attempt": 0}, delay_ms)

    def _schedule(self, payload: dict[str, Any], delay_ms: int) -> None:
        self._cloud.scheduler.at(self._cloud.clock.now_ms() + delay_ms, DELIVER, payload)

    def _deliver(self, payload: dict[str, Any]) -> None:
        event = payload["event"]
        rule = self._store.rule(event["aliyuneventbusname"], payload["rule"])
        target = next((each for each in rule.targets if each["Id"] == payload["target"]), None) if rule else None
        if target is None:
            return
        try:
            self._cloud.faults.strike("before", "eventbridge", "Deliver", payload["rule"], event["type"])
            self._push(event, target)
        except Exception as error:
            self._failed(payload, target, error)
        else:
            self._traces.pushed(event, payload["rule"], target["Endpoint"], "SUCCESS")

    def _push(self, event: dict[str, Any], target: dict[str, Any]) -> None:
        if target["Type"] == TARGET_FUNCTION:
            self._invoke(function_name(target["Endpoint"]), body_of(target, event))
        else:
            self._route(target, event)

    def _invoke(self, function: str, body: str) -> None:
        invoke = self._cloud.hooks.invoke_function
        if invoke is None or self._cloud.account_id != self._cloud.accounts.own:
            raise ApiError("FunctionNotFound", "This account has no Function Compute.", 404)
        invoke(function, body.encode(), {"source": "eventbridge"})

    def _route(self, target: dict[str, Any], event: dict[str, Any]) -> None:
        """Forward an event to another bus. A bus of another account needs a role there that allows it."""
        bus, account = bus_name(target["Endpoint"]), bus_account(target["Endpoint"])
        if account in ("", self._cloud.account_id):
            self._forward(bus, event)
            return
        named = [each.get("Value", "") for each in target.get("ParamList") or [] if each["ResourceKey"] == "RAMRoleName"]
        crossing.require(self._cloud, account, bus, named[0] if named else "")
        with self._cloud.accounts.acting(account):
            self._forward(bus, event)

    def _forward(self, bus: str, event: dict[str, Any]) -> None:
        hops = int(event.get("localcloudhops", 0)) + 1
        if hops > MAX_HOPS:
            raise ApiError("TooManyHops", f"The event passed through {MAX_HOPS} buses.")
        offered(self._cloud.hooks.put_event)({**event, "aliyuneventbusname": bus, "localcloudhops": hops})

    def _failed(self, payload: dict[str, Any], target: dict[str, Any], error: Exception) -> None:
        event, attempt = payload["event"], payload["attempt"] + 1
        self._traces.pushed(event, payload["rule"], target["Endpoint"], "FAILED")
        tolerant = target.get("ErrorsTolerance", "ALL") == "ALL"
        delay_ms = self._delay_ms(target.get("PushRetryStrategy", "BACKOFF_RETRY"), attempt, event["id"])
        if delay_ms is not None:
            self._schedule({**payload, "attempt": attempt}, delay_ms)
        else:
            self._give_up(payload, target, error)
            if not tolerant:
                self._stop_rule(event["aliyuneventbusname"], payload["rule"])

    def _delay_ms(self, strategy: str, attempt: int, event_id: str) -> int | None:
        if strategy == "BACKOFF_RETRY":
            return self._cloud.random("backoff", event_id, attempt).randint(*BACKOFF_MS) if attempt <= BACKOFF_RETRIES else None
        return min(1000 << min(attempt - 1, 20), DECAY_CAP_MS) if attempt <= DECAY_RETRIES else None

    def _give_up(self, payload: dict[str, Any], target: dict[str, Any], error: Exception) -> None:
        event, arn = payload["event"], (target.get("DeadLetterQueue") or {}).get("Arn", "")
        try:
            if is_function(arn):
                self._invoke(function_name(arn), transform.dump(event))
                return
            if is_bus(arn):
                self._forward(bus_name(arn), event)
                return
        except ApiError as failure:
            error = failure
        number = self._cloud.db.counter("eventbridge.undeliverable")
        record = {"event": event, "rule": payload["rule"], "target": target["Endpoint"], "dead_letter_queue": arn}
        self._undeliverable.put(f"{number:012d}", {**record, "attempts": payload["attempt"] + 1, "error": str(error)})

    def _stop_rule(self, bus: str, name: str) -> None:
        """With ErrorsTolerance NONE, a failed push disables the rule until somebody enables it again."""
        rule = self._store.rule(bus, name)
        if rule is not None:
            self._store.put_rule(type(rule)(**{**vars(rule), "status": "DISABLE"}))

    def undeliverable(self) -> list[dict[str, Any]]:
        """Events that could not be delivered and went to no emulated queue, oldest first."""
        return [doc for _, doc in self._undeliverable.items()]


def body_of(target: dict[str, Any], event: dict[str, Any]) -> str:
    """The body that a target's function receives: its Body parameter, or the event itself."""
    param = next((each for each in target.get("ParamList") or [] if each["ResourceKey"].lower() == "body"), None)
    return transform.render(param or {"Form": "ORIGINAL"}, event)
