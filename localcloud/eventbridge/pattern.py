"""Event patterns: decide which events match a rule. Pure.

All keys of a pattern must match. Of the values in an array one must match. All operators of one condition must match. Numbers are
compared by their text, so 300 is "300" but not 300.0. Sources: help.aliyun.com/en/eventbridge/user-guide/event-patterns (2026-08)
and the older edition of that page. Open questions are settled by apache/rocketmq-eventbridge, which is the service's own evaluator.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from localcloud.eventbridge import limits

MAX_DEPTH = 32
_MISSING = object()


class PatternError(ValueError):
    """A pattern is invalid. The text names the place in the pattern."""


def validate(pattern: Any) -> None:
    """Raise PatternError unless ``pattern`` (parsed JSON) is an event pattern. The pattern ``{}`` matches every event."""
    if not isinstance(pattern, Mapping):
        raise PatternError("The pattern must be a JSON object.")
    _validate_keys(pattern, "$", 0)
    try:
        json.dumps(pattern, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise PatternError("The pattern holds half a surrogate pair, which is no text.") from error


def _validate_keys(pattern: Mapping[str, Any], where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PatternError(f"{where}: nested deeper than {MAX_DEPTH} levels.")
    for key, wanted in pattern.items():
        place = f"{where}.{key}"
        if isinstance(wanted, Mapping):
            if not wanted:
                raise PatternError(f"{place}: an empty object.")
            _validate_keys(wanted, place, depth + 1)
        elif isinstance(wanted, list):
            if not wanted:
                raise PatternError(f"{place}: an empty array.")
            if sum(isinstance(each, Mapping) for each in wanted) > limits.MAX_EXPRESSIONS:
                raise PatternError(f"{place}: more than {limits.MAX_EXPRESSIONS} conditions.")
            for each in wanted:
                _validate_value(each, place)
        else:
            raise PatternError(f"{place}: the values must stand in an array.")


def _validate_value(wanted: Any, where: str) -> None:
    if isinstance(wanted, list):
        raise PatternError(f"{where}: an array in an array.")
    if not isinstance(wanted, Mapping):
        return
    if not wanted:
        raise PatternError(f"{where}: an empty condition.")
    for operator, operand in wanted.items():
        check = _CHECKS.get(operator)
        if check is None:
            raise PatternError(f"{where}: unknown operator {operator}.")
        if not check(operand):
            raise PatternError(f"{where}: {operator} has an operand it cannot take.")


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether ``event`` matches a valid ``pattern``: each field of the pattern has one of the wanted values."""
    return all(_wanted(wanted, event.get(key, _MISSING)) for key, wanted in pattern.items())


def _wanted(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        inner = value if isinstance(value, Mapping) else {}
        return matches(wanted, inner)
    return any(_meets(each, value) for each in wanted)


def _meets(condition: Any, value: Any) -> bool:
    """Whether a field matches one value of a pattern's array. An array field matches if one of its items does.

    An object matches nothing, not even ``exists``. The same is true of an empty array, and of an array that contains an object or
    array.
    """
    if value is _MISSING:
        return isinstance(condition, Mapping) and condition == {"exists": False}
    items = value if isinstance(value, list) else [value]
    if any(isinstance(each, (Mapping, list)) for each in items):
        return False
    if isinstance(condition, Mapping):
        return all(any(_OPERATORS[operator](operand, each) for each in items) for operator, operand in condition.items())
    return any(_same(condition, each) for each in items)


def _same(left: Any, right: Any) -> bool:
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return _text(left) == _text(right)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        ((operator, inner),) = operand.items()
        return not _OPERATORS[operator](inner, value)
    return not any(_same(each, value) for each in (operand if isinstance(operand, list) else [operand]))


def _affix(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda operand, value: isinstance(value, str) and test(value, operand)


_NEAR = Decimal("1E-7")
"""Two numbers that differ by at most this much are equal."""
_COMPARE: dict[str, Callable[[Decimal], bool]] = {
    "<": lambda above: above < -_NEAR,
    "<=": lambda above: above <= _NEAR,
    "=": lambda above: abs(above) <= _NEAR,
    "!=": lambda above: abs(above) > _NEAR,
    ">": lambda above: above > _NEAR,
    ">=": lambda above: above >= -_NEAR,
}
"""By comparison sign: a test of the difference between the number and the bound."""


def _numeric(operand: list[Any], value: Any) -> bool:
    if not _is_number(value):
        return False
    try:
        number = Decimal(str(value))
        return all(_COMPARE[sign](number - Decimal(str(bound))) for sign, bound in zip(operand[::2], operand[1::2], strict=True))
    except InvalidOperation:
        return False


def _cidr(operand: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        address = ipaddress.ip_address(value)
        return (
            address in ipaddress.ip_network(operand, strict=False) if "/" in operand else address == ipaddress.ip_address(operand)
        )
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str) and bool(operand)


def _is_numeric(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    signs, bounds = operand[::2], operand[1::2]
    return all(str(sign) in _COMPARE for sign in signs) and all(
        _is_number(each) and abs(each) <= limits.MAX_BOUND for each in bounds
    )


def _is_cidr(operand: Any) -> bool:
    """Whether a text is a range of IPv4 addresses, or a single IPv4 or IPv6 address."""
    if not isinstance(operand, str):
        return False
    try:
        return bool(ipaddress.IPv4Network(operand, strict=False) if "/" in operand else ipaddress.ip_address(operand))
    except ValueError:
        return False


def _is_exclusion(operand: Any) -> bool:
    if isinstance(operand, Mapping):
        return len(operand) == 1 and next(iter(operand)) in _AFFIXES and _is_text(next(iter(operand.values())))
    listed = operand if isinstance(operand, list) else [operand]
    return bool(listed) and all(each is None or isinstance(each, (str, int, float)) for each in listed)


_AFFIXES = ("prefix", "suffix", "contains")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _affix(str.startswith),
    "suffix": _affix(str.endswith),
    "contains": _affix(str.__contains__),
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": lambda operand, _: operand is True,
    "anything-but": _anything_but,
}
_CHECKS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_AFFIXES, _is_text),
    "numeric": _is_numeric,
    "cidr": _is_cidr,
    "exists": lambda operand: isinstance(operand, bool),
    "anything-but": _is_exclusion,
}
