"""A form made from a JSON Schema of the API, and the document that comes of it. What the schema gains, the form shows. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.problem import Problem

Json = dict[str, Any]
_KINDS = {"integer": "number", "boolean": "flag", "string": "text"}


@dataclass(frozen=True)
class Field:
    """One field: ``kind`` is number, flag, choice, text, list (with commas) or json; ``value`` is what it shows."""

    name: str
    kind: str
    words: str
    value: str
    default: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()


def fields_of(schema: Json, values: Mapping[str, str]) -> list[Field]:
    """The fields of an object's schema, in its order, with the values given."""
    return [_field(name, each, values.get(name, "")) for name, each in (schema.get("properties") or {}).items()]


def values_of(schema: Json, document: Json) -> dict[str, str]:
    """What the fields show for a document; what is the default stays empty."""
    known = schema.get("properties") or {}
    shown = {name: _shown(known[name], _without_none(each)) for name, each in document.items() if name in known}
    return {name: text for name, text in shown.items() if text != _shown(known[name], known[name].get("default"))}


def document_of(schema: Json, values: Mapping[str, str]) -> Json:
    """The document; fields that are empty are left out. Raises Problem (Form.Invalid) naming the field."""
    found = {name: _read(name, each, values.get(name, "").strip()) for name, each in (schema.get("properties") or {}).items()}
    return {name: each for name, each in found.items() if each is not None}


def _kind(schema: Json) -> str:
    if schema.get("enum"):
        return "choice"
    if schema.get("type") == "array" and (schema.get("items") or {}).get("type") == "string":
        return "list"
    return _KINDS.get(str(schema.get("type")), "json")


def _field(name: str, schema: Json, value: str) -> Field:
    return Field(
        name,
        _kind(schema),
        str(schema.get("description") or ""),
        value,
        _shown(schema, schema.get("default")),
        schema.get("minimum"),
        schema.get("maximum"),
        tuple(map(str, schema.get("enum") or ())),
    )


def _shown(schema: Json, value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    kind = _kind(schema)
    if kind == "flag":
        return "yes" if value else ""
    if kind == "list":
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if kind == "json" else str(value)


def _read(name: str, schema: Json, text: str) -> Any:
    kind = _kind(schema)
    if not text:
        return None
    if kind == "flag":
        return True
    if kind == "list":
        return [each.strip() for each in text.replace("\n", ",").split(",") if each.strip()]
    if kind == "number":
        if not text.lstrip("-").isdecimal() or len(text) > 9:
            raise Problem("Form.Invalid", f"{name} must be a whole number.", "Correct the field. Nothing was submitted.")
        return int(text)
    if kind == "json":
        try:
            return json.loads(text)
        except ValueError as error:
            what = f"{name} is no JSON: {error}."
            raise Problem("Form.Invalid", what, "Correct the field, or leave it empty. Nothing was submitted.") from None
    return text


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return value
