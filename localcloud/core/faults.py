"""Faults on request: rules make the cloud misbehave in calls (before or after the effect), in event deliveries and in background
jobs.

A rule names a service and an operation (``*`` matches all), how often the rule applies, and its effect.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any

from localcloud.core.accounts import Accounts
from localcloud.core.errors import ApiError, Dropped

CALL_KINDS = ("throttle", "error", "drop_before", "timeout_before", "error_after", "drop_after", "timeout_after")
"""Faults of calls: a refusal, a closed connection, or silence and then a closed connection; ``before`` or ``after`` the effect."""
DELIVERY_KINDS = ("lose", "duplicate", "delay", "reorder")
"""Faults of event deliveries: the service is ``eventbridge``, the operation is ``Deliver``, and the principal is the rule's name.
"""
KINDS = (*CALL_KINDS, "slow", "skew", *DELIVERY_KINDS, "stick")
"""All kinds. ``slow`` holds an answer back. ``skew`` sets the service's clock wrong while it checks a signature. ``stick`` delays
the cloud's background jobs; service and operation are then the two parts of a job's kind, as in ``smc.job_step``.
"""
MAX_WAIT_S = 3600.0


@dataclass
class FaultRule:
    """A rule that applies at most ``times`` times (-1: no limit), each time with ``probability``. ``code`` and ``status`` are the
    error's.
    """

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
    """Apply only if the call's summary (its main parameters) or the job's payload contains this text."""
    delay_ms: int = 60_000
    """The delay of a delayed event, of the second copy of a duplicated event, or of a job that ``stick`` delays (virtual time)."""
    wait_s: float = 1.0
    """How long a slow answer is held back, and how long a time-out lasts (the machine's time)."""
    skew_s: float = 3600.0
    """The error of the service's clock in seconds."""
    account: str = "*"
    """Apply only to the calls, events or jobs of the account of this id."""
    struck: int = field(default=0)

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid rule."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        for each in fields(self):
            value, wanted = getattr(self, each.name), type(each.default)
            number = wanted is float and isinstance(value, int)
            if isinstance(value, bool) or not (isinstance(value, wanted) or number):
                raise ValueError(f"{each.name} must be of type {wanted.__name__}")
        if self.delay_ms < 0 or not 0 <= self.wait_s <= MAX_WAIT_S:
            raise ValueError(f"delay_ms must not be negative, and wait_s be 0 to {MAX_WAIT_S:g}")
        if self.kind == "skew" and (self.operation, self.principal, self.match, self.account) != ("*", "*", "", "*"):
            raise ValueError("a skew is of a whole service: nothing is known of a call before its signature is checked")


class Faults:
    """The rules in force. Each place where the cloud may misbehave consults them."""

    def __init__(self, seed: int, accounts: Accounts) -> None:
        self._accounts = accounts
        self._random = random.Random(f"faults:{seed}")
        self.rules: list[FaultRule] = []

    def set(self, rules: list[dict[str, Any]]) -> None:
        """Replace all rules; raises TypeError or ValueError for an invalid rule."""
        self.rules = [FaultRule(**rule) for rule in rules]

    def strike(self, when: str, service: str, operation: str, principal: str, summary: str) -> None:
        """Raise the error of a rule that matches the call. ``when`` is ``before`` or ``after`` the effect."""
        for rule in self.rules:
            if rule.kind not in CALL_KINDS or rule.kind.endswith("_after") != (when == "after"):
                continue
            if not self._strikes(rule, (service, operation, principal), summary):
                continue
            if rule.kind.startswith(("drop", "timeout")):
                raise Dropped(rule.kind, rule.wait_s if rule.kind.startswith("timeout") else 0.0)
            if rule.kind == "throttle":
                raise ApiError("Throttling.User", "Request was denied due to user flow control.", 400)
            raise ApiError(rule.code, rule.message, rule.status)

    def hold_s(self, service: str, operation: str, principal: str, summary: str) -> float:
        """How long the answer to a call is held back, in seconds."""
        rule = self._first(("slow",), (service, operation, principal), summary)
        return rule.wait_s if rule else 0.0

    def skew_s(self, service: str) -> float:
        """The error of the service's clock for this call, in seconds."""
        rule = self._first(("skew",), (service, "*", "*"), "")
        return rule.skew_s if rule else 0.0

    def delays(self, operation: str, rule_name: str, summary: str) -> tuple[int, ...]:
        """When each copy of an event arrives, in ms from now. Without a matching rule there is one copy, at once."""
        rule = self._first(DELIVERY_KINDS, ("eventbridge", operation, rule_name), summary)
        if rule is None:
            return (0,)
        some = self._random.randint(0, rule.delay_ms)
        return {"lose": (), "duplicate": (0, rule.delay_ms), "delay": (rule.delay_ms,), "reorder": (some,)}[rule.kind]

    def stuck_ms(self, kind: str, payload: str) -> int:
        """The delay of a scheduler job, in ms."""
        service, _, operation = kind.partition(".")
        rule = self._first(("stick",), (service, operation, "*"), payload)
        return rule.delay_ms if rule else 0

    def _first(self, kinds: tuple[str, ...], named: tuple[str, str, str], summary: str) -> FaultRule | None:
        return next((rule for rule in self.rules if rule.kind in kinds and self._strikes(rule, named, summary)), None)

    def _strikes(self, rule: FaultRule, named: tuple[str, str, str], summary: str) -> bool:
        """Whether a rule matches this call and the random draw hits. If both are true, one use of the rule is counted."""
        wanted = (rule.service, rule.operation, rule.principal)
        if rule.times == 0 or rule.match not in summary or rule.account not in ("*", self._accounts.current):
            return False
        if any(pattern not in ("*", value) for pattern, value in zip(wanted, named, strict=True)):
            return False
        if self._random.random() >= rule.probability:
            return False
        rule.times -= rule.times > 0
        rule.struck += 1
        return True
