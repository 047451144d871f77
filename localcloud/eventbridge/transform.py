"""Turns an event into what the target receives: ORIGINAL, CONSTANT, JSONPATH or TEMPLATE. Pure.

A template's variable stays as written if it is not defined or its path is not in the event. Sources:
alibabacloud.com/help/en/eventbridge/user-guide/event-transformation, and the tests of apache/rocketmq-eventbridge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.eventbridge import limits

FORMS = ("ORIGINAL", "CONSTANT", "JSONPATH", "TEMPLATE")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\[(\d+)\]")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class TransformError(ValueError):
    """A parameter has no valid form, or its path or template cannot be parsed."""


def validate(param: Mapping[str, Any]) -> None:
    """Raise TransformError unless ``param`` ({Form, Value, Template}) can be rendered for any event."""
    form = param.get("Form")
    if form not in FORMS:
        raise TransformError(f"Form must be one of {', '.join(FORMS)}.")
    for name in ("Value", "Template"):
        if len(str(param.get(name) or "")) > limits.MAX_TRANSFORM_TEXT:
            raise TransformError(f"{name} has more than {limits.MAX_TRANSFORM_TEXT} characters.")
    if form == "JSONPATH":
        _steps(str(param.get("Value", "")))
    if form == "TEMPLATE":
        for value in _variables(param).values():
            if value.startswith("$"):
                _steps(value)


def render(param: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The text that a valid ``param`` gives for ``event``."""
    form = param["Form"]
    if form == "ORIGINAL":
        return dump(event)
    if form == "CONSTANT":
        return str(param.get("Value") or "")
    if form == "JSONPATH":
        return _found(str(param["Value"]), event) or ""
    values = {name: _found(value, event) if value.startswith("$") else value for name, value in _variables(param).items()}
    return _VARIABLE.sub(lambda name: _or_else(values.get(name[1]), name[0]), str(param.get("Template", "")))


def _or_else(text: str | None, otherwise: str) -> str:
    return otherwise if text is None else text


def _found(path: str, event: Any) -> str | None:
    """The text of the value at a JSONPath (``$.data.disks[0]['id']``); None if there is no value."""
    found: Any = event
    for step in _steps(path):
        if not isinstance(found, list if isinstance(step, int) else Mapping):
            return None
        try:
            found = found[step]  # type: ignore[index]
        except (KeyError, IndexError):
            return None
    return _text(found)


def dump(event: Mapping[str, Any]) -> str:
    """An event as the compact JSON that targets receive."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _variables(param: Mapping[str, Any]) -> dict[str, str]:
    try:
        variables = json.loads(str(param.get("Value") or "{}"))
    except ValueError as error:
        raise TransformError("Value of a TEMPLATE must be a JSON object of variables.") from error
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise TransformError("Value of a TEMPLATE must be a JSON object of strings.")
    return variables


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        raise TransformError(f"A JSONPath begins with $: {path}")
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise TransformError(f"The JSONPath cannot be read (only .name, ['name'] and [n] are emulated): {path}")
        steps.append(int(step[3]) if step[3] is not None else (step[1] if step[1] is not None else step[2]))
        at = step.end()
    return steps


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
