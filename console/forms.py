"""A form made from a JSON Schema of the API, and the document that comes of it. What the schema gains, the form shows. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console import rows
from console.problem import Problem
from console.rows import Cell
from console.shapes import MOST_SHOWN, ONE, PAIRS, Shape, shape_of

Json = dict[str, Any]
_KINDS = {"integer": "number", "boolean": "flag", "string": "text"}


_NAMED = re.compile(r"\bpolicy\.([A-Za-z]+)(?:[.\[](\d+)\]?)?(?:\.([A-Za-z]+))?")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field: a kind that the console has words for, or the API's own ``words``."""

    kind: str
    words: str = ""


@dataclass(frozen=True)
class Field:
    """One field: ``kind`` is number, flag, choice, text, list (with commas), rows or json; ``value`` is what it shows.

    ``faults`` are by ``row.cell``, and at the empty name that of the field itself.
    """

    name: str
    kind: str
    words: str
    value: str
    default: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    shape: str = ""
    """How a field of the kind rows has them: many, one or pairs."""
    faults: Mapping[str, Fault] = field(default_factory=dict)


def fields_of(schema: Json, values: Mapping[str, str], faults: Mapping[str, Fault] | None = None) -> list[Field]:
    """The fields of an object's schema, in its order, with the values and the faults given."""
    known = schema.get("properties") or {}
    return [_field(name, each, values.get(name, ""), _faults_under(name, each, faults or {})) for name, each in known.items()]


def typed_values(form: Mapping[str, Sequence[str]], schema: Json, prefix: str = "") -> dict[str, str]:
    """What a browser sent of the fields; several fields of one row, or the JSON of all rows, are one value."""
    found = dict[str, str]()
    for name, each in (schema.get("properties") or {}).items():
        plain = (form.get(prefix + name) or [""])[0].strip()
        shape = shape_of(each)
        found[name] = plain or (shape.written(rows.typed(form, prefix + name, shape.rows)) if shape else "")
    return found


def with_row(schema: Json, values: Mapping[str, str], button: str, prefix: str = "") -> dict[str, str]:
    """The values after a button that adds or removes a row: ``add policy.windows``, ``drop policy.windows.1``."""
    act, _, target = button.partition(" ")
    name, _, place = target.removeprefix(prefix).partition(".")
    shape = shape_of((schema.get("properties") or {}).get(name, {}))
    typed = shape.read(values.get(name, "")) if shape else None
    if shape is None or typed is None or shape.kind == ONE or (act == "add" and len(typed) >= MOST_SHOWN):
        return dict(values)
    return {**values, name: shape.written(rows.changed(typed, act, place))}


def faults_of(schema: Json, values: Mapping[str, str]) -> dict[str, Fault]:
    """What is wrong with each field, by its name, or by ``name.row.cell``."""
    found = dict[str, Fault]()
    for name, each in (schema.get("properties") or {}).items():
        text = values.get(name, "").strip()
        shape = shape_of(each)
        typed = shape.read(text) if shape else None
        if shape is not None and typed is not None:
            found |= {f"{name}.{place}": Fault(kind) for place, kind in shape.faults(typed).items()}
            continue
        try:
            _read(name, each, text)
        except Problem:
            found[name] = Fault("number" if _kind(each) == "number" else "json")
    return found


def fault_named(problem: Problem) -> dict[str, Fault]:
    """The field of the policy that a refusal of the API names, with its words."""
    found = _NAMED.search(problem.message)
    return {".".join(filter(None, found.groups())): Fault("api", problem.message[:500])} if found else {}


def _faults_under(name: str, schema: Json, faults: Mapping[str, Fault]) -> dict[str, Fault]:
    """The faults of one field. One that the API names of an object is in its only row; of pairs it is told of the field."""
    under = {key.removeprefix(name).removeprefix("."): each for key, each in faults.items() if re.match(rf"{name}(\.|$)", key)}
    shape = shape_of(schema)
    if shape is None or shape.kind not in (ONE, PAIRS):
        return under
    named = {key: each for key, each in under.items() if key and not key[0].isdecimal()}
    moved = {f"0.{key}" if shape.kind == ONE else "": each for key, each in named.items()}
    return {**{key: each for key, each in under.items() if key not in named}, **moved}


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
    if shape_of(schema) is not None:
        return "rows"
    return _KINDS.get(str(schema.get("type")), "json")


def _field(name: str, schema: Json, value: str, faults: Mapping[str, Fault]) -> Field:
    kind, shape = _kind(schema), shape_of(schema)
    shown = shape.read(value) if shape else None
    return Field(
        name,
        "json" if kind == "rows" and shown is None else kind,
        str(schema.get("description") or ""),
        value,
        _shown(schema, schema.get("default")),
        schema.get("minimum"),
        schema.get("maximum"),
        tuple(map(str, schema.get("enum") or ())),
        tuple(rows.cells_of(shape.rows, shown)) if shape and shown else (),
        shape.kind if shape else "",
        faults,
    )


def _shown(schema: Json, value: Any) -> str:
    if value is None or value in ([], {}):
        return ""
    kind = _kind(schema)
    if kind == "flag":
        return "yes" if value else ""
    if kind == "list":
        return ", ".join(map(str, value))
    shape = shape_of(schema)
    value = shape.shown(value) if shape else value
    if value in ([], {}):
        return ""
    return json.dumps(value, ensure_ascii=False) if kind in ("json", "rows") else str(value)


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
    if kind in ("json", "rows"):
        try:
            found = json.loads(text)
        except ValueError as error:
            what = f"{name} is no JSON: {error}."
            raise Problem("Form.Invalid", what, "Correct the field, or leave it empty. Nothing was submitted.") from None
        shape = shape_of(schema)
        typed = shape.read(text) if shape else None
        return found if shape is None or typed is None else _read_rows(name, shape, typed)
    return text


def _read_rows(name: str, shape: Shape, typed: list[Json]) -> Any:
    wrong = [key.split(".") for key in shape.faults(typed)]
    if wrong:
        places = ", ".join(f"{name} ({cell})" if shape.kind == ONE else f"{name} {int(row) + 1} ({cell})" for row, cell in wrong)
        raise Problem("Form.Invalid", f"{places}: not as it must be.", "Correct the fields that say so. Nothing was submitted.")
    return shape.document(typed)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return value
