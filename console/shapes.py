"""Fields that are shown as rows of simpler fields: several objects, one object, or names with a text each. Pure.

A list of objects has any number of rows, such as windows. One object is one row, such as the group. A name with a text, such as an
override, is a row of two fields.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console import rows

Json = dict[str, Any]
MANY, ONE, PAIRS = "many", "one", "pairs"
MOST_SHOWN = 100
"""Rows that a page can bear. A longer value, which a command has submitted, is shown as JSON."""


@dataclass(frozen=True)
class Shape:
    """How a field is shown as rows. ``rows`` is the schema of a list of such rows, whatever the field itself is."""

    kind: str
    rows: Json

    def read(self, text: str) -> list[Json] | None:
        """The rows of a value; None if it does not have this shape. A value that was typed is a list of rows for PAIRS too."""
        try:
            found = json.loads(text) if text else []
        except ValueError:
            return None
        if self.kind == ONE:
            found = [found or {}]
        elif self.kind == PAIRS and isinstance(found, dict):
            found = [{"key": key, "value": value} for key, value in found.items()]
        if not isinstance(found, list) or len(found) > MOST_SHOWN or not all(isinstance(each, dict) for each in found):
            return None
        return list(found)

    def written(self, typed: Sequence[Json]) -> str:
        """The value of the rows as they were typed; empty without rows."""
        if self.kind == ONE:
            return "" if not typed or rows.is_blank(self.rows, typed[0]) else json.dumps(typed[0], ensure_ascii=False)
        return json.dumps(list(typed), ensure_ascii=False) if typed else ""

    def document(self, typed: Sequence[Json]) -> Any:
        """What the API gets for rows without a fault; None if nothing was typed."""
        found = [rows.canonical(self.rows, each) for each in typed if not rows.is_blank(self.rows, each)]
        if not found:
            return None
        if self.kind == PAIRS:
            return {each["key"]: each["value"] for each in found}
        return found[0] if self.kind == ONE else found

    def shown(self, value: Any) -> Any:
        """A document without what says nothing."""
        if self.kind == MANY:
            return [rows.canonical(self.rows, each) for each in value]
        return rows.canonical(self.rows, value) if self.kind == ONE else value

    def faults(self, typed: Sequence[Json]) -> dict[str, str]:
        """What is wrong, by ``row.field``. A name that stands twice is wrong where it stands again."""
        found = rows.faults(self.rows, typed)
        if self.kind == PAIRS:
            keys = [each.get("key") for each in typed]
            again = (place for place, key in enumerate(keys) if key and key in keys[:place])
            found |= {f"{place}.key": "twice" for place in again}
        return found


def shape_of(schema: Json) -> Shape | None:
    """The shape of a field; None if it is not shown as rows."""
    if rows.is_rows(schema):
        return Shape(MANY, schema)
    if schema.get("type") != "object":
        return None
    as_one = {"type": "array", "items": schema}
    if rows.is_rows(as_one):
        return Shape(ONE, as_one)
    text = schema.get("additionalProperties")
    if schema.get("properties") or not isinstance(text, dict) or text.get("type") != "string":
        return None
    key = {"type": "string", **(schema.get("propertyNames") or {})}
    pair = {"type": "object", "properties": {"key": key, "value": text}, "required": ["key", "value"]}
    return Shape(PAIRS, {"type": "array", "items": pair})
