"""How a rule's target turns an event into what the target receives: ORIGINAL, CONSTANT, JSONPATH, TEMPLATE. Pure.

Source: alibabacloud.com/help/en/eventbridge/user-guide/event-transformation.
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
    """A parameter that names no form, or a path or template that cannot be read."""


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
        variables = _variables(param)
        unknown = set(_VARIABLE.findall(str(param.get("Template", "")))) - set(variables)
        if unknown:
            raise TransformError(f"The template uses variables that Value does not define: {', '.join(sorted(unknown))}.")
        for value in variables.values():
            if value.startswith("$"):
                _steps(value)


def render(param: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The text that a valid ``param`` makes of ``event``."""
    form = param["Form"]
    if form == "ORIGINAL":
        return dump(event)
    if form == "CONSTANT":
        return str(param.get("Value") or "")
    if form == "JSONPATH":
        return _text(find(str(param["Value"]), event))
    variables = _variables(param)
    return _VARIABLE.sub(lambda name: _filled(variables[name[1]], event), str(param.get("Template", "")))


def find(path: str, event: Any) -> Any:
    """What a JSONPath (``$.data.disks[0]['id']``) points at, None if there is nothing."""
    found = event
    for step in _steps(path):
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and step < len(found) else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def dump(event: Mapping[str, Any]) -> str:
    """An event as the compact JSON that targets receive."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _filled(value: str, event: Mapping[str, Any]) -> str:
    return _text(find(value, event)) if value.startswith("$") else value


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
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
