"""Buses and rules, and the checks of their fields."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.eventbridge import limits, pattern, transform

DEFAULT_BUS = "default"
TARGET_FUNCTION, TARGET_BUS = "acs.fc.function", "acs.eventbridge"
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")
_NAME = re.compile(limits.NAME)
_FUNCTION = re.compile(r"acs:fc:([a-z0-9-]+):(\d*):(?:services/([\w.-]+)/)?functions/([\w-]+)(?:[./][\w-]+)?")
_BUS_ARN = re.compile(r"acs:eventbridge:([a-z0-9-]*):(\d*):eventbus/([A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Bus:
    """``created_ms`` is the cloud's time."""

    name: str
    description: str = ""
    created_ms: int = 0


@dataclass(frozen=True)
class Rule:
    """``filter`` is the pattern's JSON text; ``targets`` are as the API takes them (PascalCase keys)."""

    bus: str
    name: str
    filter: str
    targets: list[dict[str, Any]]
    status: str = "ENABLE"
    description: str = ""
    created_ms: int = 0
    modified_ms: int = 0
    wanted: dict[str, Any] = field(default_factory=dict, compare=False)
    """The parsed pattern; filled in by ``Store``."""


class Store:
    """The buses and rules of the current account. If a rule's bus does not exist yet, the rule is kept until then (see
    ``hold_back``).
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._buses = cloud.db.account_collection("eventbridge.bus")
        self._rules = cloud.db.account_collection("eventbridge.rule")
        self._waiting = cloud.db.account_collection("eventbridge.waiting")
        self._by_bus: dict[tuple[str, str], list[Rule]] = {}
        cloud.accounts.prepare_each(self._add_default_bus)

    def _add_default_bus(self) -> None:
        if self.bus(DEFAULT_BUS) is None:
            cloud = self._cloud
            self._buses.put(DEFAULT_BUS, asdict(Bus(DEFAULT_BUS, "The bus of the cloud services' events.", cloud.clock.now_ms())))

    def bus(self, name: str) -> Bus | None:
        doc = self._buses.get(name)
        return Bus(**doc) if doc else None

    def need_bus(self, name: str) -> Bus:
        """The bus of a name. Raises EventBusNotExist."""
        bus = self.bus(name)
        if bus is None:
            raise ApiError("EventBusNotExist", f"The event bus [{name}] not existed!", 409)
        return bus

    def buses(self, prefix: str = "") -> list[Bus]:
        return [Bus(**doc) for _, doc in self._buses.items(prefix)]

    def add_bus(self, name: str, description: str) -> Bus:
        """Create a bus, and the rules that were kept for it."""
        if self.bus(name) is not None:
            raise ApiError("EventBusExist", f"The event bus [{name}] already existed!", 409)
        if len(self.buses()) > limits.MAX_BUSES:
            raise ApiError("EventBusCountExceed", f"The count of event buses exceeds {limits.MAX_BUSES}.", 409)
        bus = Bus(name, description, self._cloud.clock.now_ms())
        self._buses.put(name, asdict(bus))
        for key, doc in self._waiting.items(f"{name}/"):
            self.put_rule(Rule(**doc))
            self._waiting.delete(key)
        return bus

    def drop_bus(self, name: str) -> None:
        """Delete a bus and its rules."""
        self.need_bus(name)
        for rule in self.rules(name):
            self.drop_rule(rule)
        self._buses.delete(name)

    def rule(self, bus: str, name: str) -> Rule | None:
        doc = self._rules.get(f"{bus}/{name}")
        return _loaded(doc) if doc else None

    def need_rule(self, bus: str, name: str) -> Rule:
        """The rule of a name. Raises EventBusNotExist or EventRuleNotExisted."""
        self.need_bus(bus)
        rule = self.rule(bus, name)
        if rule is None:
            raise ApiError("EventRuleNotExisted", f"The event rule [{name}] not existed!", 409)
        return rule

    def rules(self, bus: str) -> list[Rule]:
        """The rules of a bus, by name."""
        key = self._cloud.account_id, bus
        if key not in self._by_bus:
            self._by_bus[key] = [_loaded(doc) for _, doc in self._rules.items(f"{bus}/")]
        return self._by_bus[key]

    def put_rule(self, rule: Rule) -> Rule:
        """Create or replace a checked rule."""
        now = self._cloud.clock.now_ms()
        stored = replace(rule, created_ms=rule.created_ms or now, modified_ms=now, wanted={})
        self._rules.put(f"{rule.bus}/{rule.name}", asdict(stored))
        self._by_bus.pop((self._cloud.account_id, rule.bus), None)
        return stored

    def drop_rule(self, rule: Rule) -> None:
        self._rules.delete(f"{rule.bus}/{rule.name}")
        self._by_bus.pop((self._cloud.account_id, rule.bus), None)

    def forget_rule(self, bus: str, name: str) -> None:
        """Delete a rule, if it exists or waits for its bus."""
        rule = self.rule(bus, name)
        if rule is not None:
            self.drop_rule(rule)
        self._waiting.delete(f"{bus}/{name}")

    def hold_back(self, rule: Rule) -> None:
        """Keep a checked rule until its bus is created."""
        self._waiting.put(f"{rule.bus}/{rule.name}", asdict(replace(rule, wanted={})))

    def forget_cache(self) -> None:
        """Read the rules from the state again, after a transaction that failed."""
        self._by_bus.clear()


def _loaded(doc: dict[str, Any]) -> Rule:
    return Rule(**{**doc, "wanted": json.loads(doc["filter"])})


def check_name(name: object, what: str) -> str:
    """Check the name of a bus or rule. Raises ApiError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ApiError(
            "InvalidArgument",
            f"{what} must be 1 to 127 letters, digits or hyphens; a hyphen or eventbridge-reserved- may not come first.",
        )
    return name


def check_filter(text: object) -> str:
    """Check the JSON text of an event pattern. Raises InvalidEventPattern."""
    try:
        pattern.validate(json.loads(str(text)))
    except (ValueError, RecursionError) as error:
        raise ApiError("InvalidEventPattern", f"The event pattern is invalid: {error}") from error
    return str(text)


def check_targets(targets: object) -> list[dict[str, Any]]:
    """Check a rule's targets. The ApiError names the target that is invalid."""
    if not isinstance(targets, list) or len(targets) > limits.MAX_TARGETS:
        raise ApiError("InvalidArgument", f"Targets must be a list of at most {limits.MAX_TARGETS}.")
    for target in targets:
        _check_target(target)
    if len({target["Id"] for target in targets}) != len(targets):
        raise ApiError("InvalidArgument", "Two targets have the same Id.")
    return targets


_NEEDED_KEYS = ("Id", "Type", "Endpoint")
_TARGET_KEYS = {*_NEEDED_KEYS, "ParamList", "PushRetryStrategy", "DeadLetterQueue", "ErrorsTolerance"}


def _check_target(target: Any) -> None:
    if not isinstance(target, dict) or any(not isinstance(target.get(key), str) or not target[key] for key in _NEEDED_KEYS):
        raise ApiError("MissingParameter", "A target needs Id, Type and Endpoint.")
    where = f"Target {target['Id']}: "
    if unknown := sorted(set(target) - _TARGET_KEYS):
        raise ApiError("InvalidArgument", f"{where}unknown fields {', '.join(unknown)}.")
    if target["Type"] == TARGET_FUNCTION:
        function_name(target["Endpoint"])
    elif target["Type"] != TARGET_BUS:
        raise ApiError("InvalidArgument", f"{where}targets of type {target['Type']} are not emulated.")
    else:
        bus_name(target["Endpoint"])
    if target.get("PushRetryStrategy", STRATEGIES[0]) not in STRATEGIES:
        raise ApiError("InvalidArgument", f"{where}PushRetryStrategy must be one of {', '.join(STRATEGIES)}.")
    if target.get("ErrorsTolerance", "ALL") not in ("ALL", "NONE"):
        raise ApiError("InvalidArgument", f"{where}ErrorsTolerance must be ALL or NONE.")
    if dead := (target.get("DeadLetterQueue") or {}).get("Arn"):
        _check_dead_letter(dead)
    for param in target.get("ParamList") or []:
        _check_param(where, param)


def _check_param(where: str, param: Any) -> None:
    if not isinstance(param, dict) or not param.get("ResourceKey"):
        raise ApiError("MissingParameter", f"{where}an entry of ParamList needs ResourceKey and Form.")
    try:
        transform.validate(param)
    except transform.TransformError as error:
        raise ApiError("InvalidArgument", f"{where}{param['ResourceKey']}: {error}") from error


def _check_dead_letter(arn: object) -> None:
    if not isinstance(arn, str) or not (_FUNCTION.fullmatch(arn) or _BUS_ARN.fullmatch(arn) or arn.startswith("acs:mns:")):
        raise ApiError("InvalidArgument", f"A dead letter queue must be a bus, a function or an MNS queue, not {arn}.")


def function_name(arn: str) -> str:
    """The function's name in an ARN ``acs:fc:REGION:UID:functions/NAME``, or in the 2.0 form ``services/SVC/functions/NAME``."""
    found = _FUNCTION.fullmatch(arn)
    if found is None:
        raise ApiError("InvalidArgument", f"The endpoint {arn} is no function.")
    return found[4]


def is_function(arn: str) -> bool:
    return _FUNCTION.fullmatch(arn) is not None


def bus_name(arn: str) -> str:
    """The bus's name in an ARN ``acs:eventbridge:REGION:UID:eventbus/NAME``."""
    found = _BUS_ARN.fullmatch(arn)
    if found is None:
        raise ApiError("InvalidArgument", f"The endpoint {arn} is no event bus.")
    return found[3]


def bus_account(arn: str) -> str:
    """The account in a bus's ARN; empty if the ARN leaves it out."""
    found = _BUS_ARN.fullmatch(arn)
    return found[2] if found else ""


def is_bus(arn: str) -> bool:
    return _BUS_ARN.fullmatch(arn) is not None
