"""A value of a policy in words, for the review of a change and for the journal of a batch. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.lanes import moment
from console.rows import in_order
from console.texts import Text, known

CHOICES = ("driver", "gate", "approverRole", "approverTrust", "approvalExpiry")
"""Fields whose value is one of few words. All other texts are a person's own."""
PAIRS = ("overrides", "destinations")
"""Fields that give a text for each of several names."""
MOST_SHOWN = 20
"""Rows that are told of one value; those that differ come first."""
MOMENTS = ("from", "to")
EVERY_DAY = [*range(7)]
SAME, GONE, NEW = "same", "gone", "new"


@dataclass(frozen=True)
class Row:
    """One of several things, such as a window: its ``clauses``, and whether it is the same, gone or new after the change."""

    clauses: tuple[str, ...]
    change: str = SAME


@dataclass(frozen=True)
class Words:
    """A value in words: a ``text`` or ``rows``. Without both there is nothing. ``more`` is the number of rows not told."""

    text: str = ""
    rows: tuple[Row, ...] = ()
    more: int = 0


def change_in_words(name: str, before: Any, after: Any, text: Text) -> tuple[Words, Words]:
    """The values of one field before and after; ``text`` has the messages of the form."""
    was, will = _clauses(name, before, text), _clauses(name, after, text)
    if was is None and will is None:
        return Words(_plain(name, before, text)), Words(_plain(name, after, text))
    return _words(was or [], will or [], GONE), _words(will or [], was or [], NEW)


def journal_in_words(name: str, before: str, after: str, text: Text) -> tuple[Words, Words]:
    """The same for two texts of a batch's journal. They are JSON, but a long one was cut there and stays as it is."""
    try:
        was, will = (_as_api(name, json.loads(each)) for each in (before, after))
    except ValueError:
        return Words(before), Words(after)
    return change_in_words(name, was, will, text)


def _as_api(name: str, value: Any) -> Any:
    """A value with the API's names of fields: the journal has ``cutoff_min``, and the API ``cutoffMin``."""
    if isinstance(value, list):
        return [_as_api(name, each) for each in value]
    if not isinstance(value, dict) or name in PAIRS:
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), key): each for key, each in value.items()}


def _words(own: Sequence[tuple[str, ...]], other: Sequence[tuple[str, ...]], change: str) -> Words:
    rows = sorted((Row(each, SAME if each in other else change) for each in own), key=lambda row: row.change == SAME)
    return Words(rows=tuple(rows[:MOST_SHOWN]), more=max(len(rows) - MOST_SHOWN, 0))


def _plain(name: str, value: Any, text: Text) -> str:
    """A value without rows of its own; empty for none."""
    if value in (None, [], {}):
        return ""
    if isinstance(value, bool):
        return text("yes") if value else text("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return known(text, f"choice.{value}", str(value)) if name in CHOICES else str(value)


def _clauses(name: str, value: Any, text: Text) -> list[tuple[str, ...]] | None:
    """What each row of a value says; None if the value has no rows."""
    if isinstance(value, dict) and name in PAIRS:
        return [(text("said_of").replace("{label}", key).replace("{value}", str(each)),) for key, each in value.items()]
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        return None
    return [_row(name, each, text) for each in rows]


def _row(name: str, row: Mapping[str, Any], text: Text) -> tuple[str, ...]:
    if "start" in row and not row.get("days"):  # a window without days opens on every day, and says so
        row = {**row, "days": EVERY_DAY}
    return tuple(_clause(name, cell, row[cell], text) for cell in in_order(row) if row[cell] not in (None, "", [], False))


def _clause(name: str, cell: str, value: Any, text: Text) -> str:
    if cell == "days":
        return text("said.every_day") if value == EVERY_DAY else text("between_days").join(text(f"day.{each}") for each in value)
    shown, whole = _moment(value) if cell in MOMENTS else _plain("", value, text), known(text, f"said.{cell}", "")
    if whole:
        return whole.replace("{value}", shown)
    keys = (f"cell.{name}.{cell}", f"cell.{cell}", f"name.{cell}")
    label = next(filter(None, (known(text, key, "") for key in keys)), cell)
    return text("said_of").replace("{label}", label).replace("{value}", shown)


def _moment(value: Any) -> str:
    """A moment as the API has it, which may be a plain day, as people read it."""
    found = moment(value)
    return str(value) if found is None or "T" not in str(value) else f"{found:%Y-%m-%d %H:%M} UTC"
