"""Fields that hold several things of one shape, such as windows: each is a row of fields of its own. Pure.

A row that cannot be read keeps its cells as they were typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_PLAIN_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}))?")
_ADD = "add"
_ORDER = ("start", "end", "lengthMin", "days", "zone", "from", "to", "reason", "cutoffMin", "utcOffsetMin")
"""Fields of a row that stand in this order; others keep the schema's, after them."""


@dataclass(frozen=True)
class Cell:
    """One field of a row. ``kind`` is text, number, flag, list, clock, zone, days or moment; ``chosen`` are the ticked days.

    A moment is a day with a time of day, which may be empty. ``clock`` is that time.
    """

    name: str
    kind: str
    value: str
    clock: str = ""
    needed: bool = False
    least: int | None = None
    most: int | None = None
    chosen: tuple[int, ...] = ()
    default: str = ""


def is_rows(schema: Json) -> bool:
    """Whether a field holds several objects of simple fields."""
    items = schema.get("items") or {}
    cells = (items.get("properties") or {}).values()
    return schema.get("type") == "array" and items.get("type") == "object" and bool(cells) and all(map(_is_simple, cells))


def _is_simple(schema: Json) -> bool:
    of = schema.get("items", {}).get("type") if schema.get("type") == "array" else schema.get("type")
    return of in ("string", "integer", "boolean")


def cells_of(schema: Json, rows: Sequence[Json]) -> list[tuple[Cell, ...]]:
    """The fields of each row."""
    return [tuple(_cell(name, each, row, schema) for name, each in properties(schema).items()) for row in rows]


def properties(schema: Json) -> Json:
    """The schemas of the fields of a row."""
    found: Json = schema["items"]["properties"]
    return {name: found[name] for name in in_order(found)}


def in_order(names: Iterable[str]) -> list[str]:
    """The names of a row's fields in the order in which a person reads them."""
    places = {name: place for place, name in enumerate(_ORDER)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def kind_of(name: str, schema: Json) -> str:
    """The kind of a field of a row."""
    if schema["type"] == "array":
        return "days" if schema["items"]["type"] == "integer" else "list"
    if schema["type"] == "string":
        pattern = str(schema.get("pattern"))
        special = {"zone": name == "zone", "clock": "2[0-3]):[0-5]" in pattern, "moment": "(T[0-9]" in pattern}
        return next((kind for kind, fits in special.items() if fits), "text")
    return {"integer": "number", "boolean": "flag"}[schema["type"]]


def _cell(name: str, schema: Json, row: Json, rows: Json) -> Cell:
    kind, value = kind_of(name, schema), row.get(name)
    about: Json = {
        "needed": name in rows["items"].get("required", ()),
        "least": schema.get("minimum"),
        "most": schema.get("maximum"),
    }
    default = schema.get("default")
    about["default"] = "" if default in (None, "", [], False) else str(default)
    if kind == "days":
        chosen = value if isinstance(value, list) else [*range(schema["items"]["minimum"], schema["items"]["maximum"] + 1)]
        return Cell(name, kind, "", chosen=tuple(each for each in chosen if isinstance(each, int)), **about)
    if kind == "moment":
        plain = _PLAIN_MOMENT.fullmatch(str(value or ""))
        # A time with its offset has no place in fields of a day and a time.
        return Cell(
            name,
            kind if plain or not value else "text",
            plain[1] if plain else str(value or ""),
            plain[2] or "" if plain else "",
            **about,
        )
    if kind == "list":
        return Cell(name, kind, ", ".join(map(str, value)) if isinstance(value, list) else str(value or ""), **about)
    if kind == "flag":
        return Cell(name, kind, "yes" if value else "", **about)
    return Cell(name, kind, "" if value in (None, default) else str(value), **about)


def canonical(schema: Json, row: Json) -> Json:
    """A row without what says nothing: empty fields, defaults, and every day of the week."""
    found: Json = {}
    for name, each in properties(schema).items():
        value = row.get(name)
        is_every = kind_of(name, each) == "days" and value == [*range(each["items"]["minimum"], each["items"]["maximum"] + 1)]
        if value not in (None, "", []) and value != each.get("default") and not is_every:
            found[name] = value
    return found


def typed(form: Mapping[str, Sequence[str]], name: str, schema: Json) -> list[Json]:
    """The rows of a field from the cells that a browser sent. Cells that cannot be read stay as typed."""
    rows = dict[int, dict[str, str]]()
    for key, values in form.items():
        found = re.fullmatch(re.escape(name) + r"\.(\d{1,3})\.(\w+(?:\.\w+)?)", key)
        if found and values:
            rows.setdefault(int(found[1]), {})[found[2]] = values[0].strip()
    return [_row(schema, cells) for _, cells in sorted(rows.items())]


def _row(schema: Json, cells: Mapping[str, str]) -> Json:
    row: Json = {}
    for name, each in properties(schema).items():
        kind, text = kind_of(name, each), cells.get(name, "")
        if kind == "days":
            first, last = each["items"]["minimum"], each["items"]["maximum"]
            row[name] = [day for day in range(first, last + 1) if f"{name}.{day}" in cells]
        elif kind == "moment":
            clock = cells.get(f"{name}.clock", "")
            row[name] = f"{text}T{clock}" if clock else text
        elif kind == "list":
            row[name] = [one.strip() for one in text.split(",") if one.strip()]
        elif kind == "flag":
            row[name] = bool(text)
        elif kind == "number":
            is_number = text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 10
            row[name] = int(text) if is_number else text
        else:
            row[name] = text
    return row


def is_blank(schema: Json, row: Json) -> bool:
    """Whether nothing was typed into a row: it is as an added one."""
    return not {name: each for name, each in canonical(schema, row).items() if kind_of(name, properties(schema)[name]) != "days"}


def changed(rows: Sequence[Json], act: str, place: str) -> list[Json]:
    """The rows with one more (``act`` is add), or without the row at ``place``."""
    if act == _ADD:
        return [*rows, {}]
    gone = int(place) if place.isdecimal() else -1
    return [each for at, each in enumerate(rows) if at != gone]


def faults(schema: Json, rows: Sequence[Json]) -> dict[str, str]:
    """What is wrong, by ``row.field``: needed, number, range, form or days. Rows in which nothing was typed are no fault."""
    found = dict[str, str]()
    for place, row in enumerate(rows):
        if is_blank(schema, row):
            continue
        for name, each in properties(schema).items():
            wrong = _fault(kind_of(name, each), each, row.get(name), name in schema["items"].get("required", ()))
            if wrong:
                found[f"{place}.{name}"] = wrong
    return found


def _fault(kind: str, schema: Json, value: Any, needed: bool) -> str:
    if kind == "days":
        return "days" if value == [] else ""
    if value in (None, "", []):
        return "needed" if needed else ""
    if kind == "flag":
        return ""
    if kind == "number":
        if not isinstance(value, int):
            return "number"
        return "range" if not schema.get("minimum", value) <= value <= schema.get("maximum", value) else ""
    if isinstance(value, list):
        return "form" if any(_fault("text", schema["items"], each, needed=False) for each in value) else ""
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return "" if fits and re.search(schema.get("pattern", ""), value, re.ASCII) else "form"
    return "form"
