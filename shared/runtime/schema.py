"""Checks values against schemas that use a small part of JSON Schema. The schemas for the API's requests are also part of the
OpenAPI document.

Supported keywords: type, enum, pattern, minLength, maxLength, minimum, maximum, items, minItems, maxItems, properties, required,
additionalProperties, propertyNames, maxProperties, anyOf (only with ``required``). Every error names the path of the invalid field.
"""

from __future__ import annotations

import re
from typing import Any

from shared.domain.errors import Refused

Json = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {"object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "boolean": (bool,)}
_WORDS = {"object": "an object", "array": "a list", "string": "text", "integer": "a whole number", "boolean": "true or false"}


def invalid_field_error(field: str, problem: str) -> Refused:
    """The error for an invalid field. ``field`` is a path in the body, such as ``policy.window.start``, or a parameter's name."""
    return Refused("Request.Invalid", f"{field}: {problem}.", f"Correct {field}; GET /openapi.json describes every field.")


def check_value(value: Any, schema: Json, path: str) -> None:
    """Raise Refused (Request.Invalid) if the value does not match ``schema``. The error names the first wrong field."""
    wanted = schema["type"]
    if not isinstance(value, _TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool)):
        raise invalid_field_error(path, f"must be {_WORDS[wanted]}")
    _CHECKS[wanted](value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        raise invalid_field_error(path, f"must be one of {', '.join(map(str, schema['enum']))}")


def _check_text(value: str, schema: Json, path: str) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 20):
        raise invalid_field_error(path, f"must have {schema.get('minLength', 0)} to {schema.get('maxLength', 1 << 20)} characters")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid_field_error(path, "is not valid Unicode text")
    if ("pattern" in schema and not re.search(schema["pattern"], value, re.ASCII)) or value.endswith("\n"):
        raise invalid_field_error(path, f"must be {schema.get('title', 'text of one line, without control characters')}")


def _check_integer(value: int, schema: Json, path: str) -> None:
    least, most = schema.get("minimum", 0), schema.get("maximum", 2**31)
    if not least <= value <= most:
        raise invalid_field_error(path, f"must be from {least} to {most}")


def _check_list(value: list[Any], schema: Json, path: str) -> None:
    if not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
        raise invalid_field_error(path, f"must have {schema.get('minItems', 0)} to {schema['maxItems']} items")
    for place, item in enumerate(value):
        check_value(item, schema["items"], f"{path}[{place}]")


def _check_object(value: Json, schema: Json, path: str) -> None:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    at = "" if path == "body" else f"{path}."
    for name in schema.get("required", ()):
        if name not in value:
            raise invalid_field_error(f"{at}{name}", "is missing")
    if len(value) > schema.get("maxProperties", len(known)):
        _refuse_unknown_fields(value, known, at)
        raise invalid_field_error(path, f"must have at most {schema.get('maxProperties')} entries")
    for name, item in value.items():
        if name in known:
            check_value(item, known[name], f"{at}{name}")
        elif others is False:
            _refuse_unknown_fields(value, known, at)
        else:
            check_value(name, schema.get("propertyNames", {"type": "string", "maxLength": 200}), f"{at}{name[:60]!r}")
            check_value(item, others, f"{at}{name}")
    _check_any_of(value, schema, path)


def _refuse_unknown_fields(value: Json, known: Json, at: str) -> None:
    unknown = sorted(set(value) - set(known))
    if unknown and known:
        raise invalid_field_error(f"{at}{unknown[0][:60]}", f"is not a known field (known: {', '.join(known)})")


def _check_any_of(value: Json, schema: Json, path: str) -> None:
    choices = [each["required"][0] for each in schema.get("anyOf", ())]
    if choices and not any(name in value for name in choices):
        raise invalid_field_error(path if path != "body" else choices[0], f"at least one of {', '.join(choices)} must be given")


_CHECKS: dict[str, Any] = {
    "string": _check_text,
    "integer": _check_integer,
    "array": _check_list,
    "object": _check_object,
    "boolean": lambda value, schema, path: None,
}
