"""The trace of each of the newest events: received, matched, pushed. Traces are in memory only."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.clock import Clock

KEEP = 20_000


@dataclass
class Step:
    """One step of an event's trace. ``rule``, ``endpoint`` and ``status`` are empty if the step has no such value."""

    action: str
    at_ms: int
    rule: str = ""
    endpoint: str = ""
    status: str = ""


@dataclass
class Traced:
    """One event with the steps of its trace."""

    event: dict[str, Any]
    received_ms: int
    steps: list[Step] = field(default_factory=list)


class Traces:
    """The newest events by (account, bus, source, id), oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_key: OrderedDict[tuple[str, str, str, str], Traced] = OrderedDict()

    def received(self, event: dict[str, Any]) -> None:
        """Record that an event came in. A known id may come in again."""
        now = self._clock.now_ms()
        traced = self._by_key.setdefault(_key(event), Traced(event, now))
        traced.steps.append(Step("PutEvent", now))
        while len(self._by_key) > KEEP:
            self._by_key.popitem(last=False)

    def matched(self, event: dict[str, Any], rule: str) -> None:
        self._add(event, Step("RuleMatch", self._clock.now_ms(), rule))

    def pushed(self, event: dict[str, Any], rule: str, endpoint: str, status: str) -> None:
        """Record that a push to a target ended with ``status`` (SUCCESS or FAILED)."""
        self._add(event, Step("Push", self._clock.now_ms(), rule, endpoint, status))

    def _add(self, event: dict[str, Any], step: Step) -> None:
        traced = self._by_key.get(_key(event))
        if traced is not None:
            traced.steps.append(step)

    def of_bus(self, account: str, bus: str) -> list[Traced]:
        """The events of a bus, oldest first."""
        return [traced for (owner, name, _, _), traced in self._by_key.items() if (owner, name) == (account, bus)]

    def of_id(self, account: str, bus: str, event_id: str) -> list[Traced]:
        return [traced for (*there, _, id), traced in self._by_key.items() if (*there, id) == (account, bus, event_id)]


def _key(event: dict[str, Any]) -> tuple[str, str, str, str]:
    return event["aliyunaccountid"], event["aliyuneventbusname"], event["source"], event["id"]
