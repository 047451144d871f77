"""Faults on request: the cloud misbehaves by rule, before or after a call's effect.

A rule names a service and an operation (``*`` matches all), how often it strikes, and what happens then.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.errors import ApiError, Dropped

DELIVERY_KINDS = ("lose", "duplicate", "delay")
KINDS = ("throttle", "error", "drop_before", "drop_after", "error_after", *DELIVERY_KINDS)
"""The last three are for events: service ``eventbridge``, operation ``Deliver``, principal the rule's name."""


@dataclass
class FaultRule:
    """``times`` strikes at most (-1: for ever), each with ``probability``; ``code`` and ``status`` say which error."""

    service: str = "*"
    operation: str = "*"
    principal: str = "*"
    kind: str = "error"
    times: int = 1
    probability: float = 1.0
    code: str = "InternalError"
    status: int = 500
    message: str = "A fault was asked for."
    match: str = ""
    """Strike only where the call's summary (its main parameters) holds this text."""
    delay_ms: int = 60_000
    """How late a delayed event, or the second copy of a duplicated one, arrives (virtual time)."""
    struck: int = field(default=0)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")


class Faults:
    """The rules in force, asked once before and once after each call."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"faults:{seed}")
        self.rules: list[FaultRule] = []

    def set(self, rules: list[dict[str, Any]]) -> None:
        """Replace all rules."""
        self.rules = [FaultRule(**rule) for rule in rules]

    def strike(self, when: str, service: str, operation: str, principal: str, summary: str) -> None:
        """Raise what a matching rule says; ``when`` is ``before`` or ``after`` the effect."""
        for rule in self.rules:
            if rule.kind in DELIVERY_KINDS or rule.kind.endswith("_after") != (when == "after"):
                continue
            if not self._strikes(rule, (service, operation, principal), summary):
                continue
            if rule.kind.startswith("drop"):
                raise Dropped(rule.kind)
            if rule.kind == "throttle":
                raise ApiError("Throttling.User", "Request was denied due to user flow control.", 400)
            raise ApiError(rule.code, rule.message, rule.status)

    def delays(self, operation: str, rule_name: str, summary: str) -> tuple[int, ...]:
        """When the copies of an event are to arrive, in ms from now: one at once, unless a rule says otherwise."""
        for rule in self.rules:
            if rule.kind in DELIVERY_KINDS and self._strikes(rule, ("eventbridge", operation, rule_name), summary):
                return {"lose": (), "duplicate": (0, rule.delay_ms), "delay": (rule.delay_ms,)}[rule.kind]
        return (0,)

    def _strikes(self, rule: FaultRule, named: tuple[str, str, str], summary: str) -> bool:
        """Whether a rule means this call and chance agrees; if so, it is counted."""
        wanted = (rule.service, rule.operation, rule.principal)
        if rule.times == 0 or rule.match not in summary:
            return False
        if any(pattern not in ("*", value) for pattern, value in zip(wanted, named, strict=True)):
            return False
        if self._random.random() >= rule.probability:
            return False
        rule.times -= rule.times > 0
        rule.struck += 1
        return True
