"""Checkers for the values in deployment files. They report every deviation, not only the first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.deploy.document import Document, Place

Shape = Callable[[Document, Place, Any], None]


def text(pattern: str = r"(?s).*", what: str = "a string") -> Shape:
    """A string that ``pattern`` matches from beginning to end."""

    def check(document: Document, place: Place, value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            document.complain(place, f"must be {what}, not {_shown(value)}")

    return check


def one_of(*choices: object) -> Shape:
    """One of the given values."""

    def check(document: Document, place: Place, value: Any) -> None:
        if value not in choices or (isinstance(value, bool) and not any(value is choice for choice in choices)):
            document.complain(place, f"must be one of {', '.join(map(str, choices))}, not {_shown(value)}")

    return check


def number(low: float, high: float, *, whole: bool = True) -> Shape:
    """A number within two bounds, both included."""

    def check(document: Document, place: Place, value: Any) -> None:
        good = isinstance(value, int) if whole else isinstance(value, (int, float))
        if not good or isinstance(value, bool) or not low <= value <= high:
            document.complain(place, f"must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {_shown(value)}")

    return check


def truth(document: Document, place: Place, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        document.complain(place, f"must be true or false, not {_shown(value)}")


def anything(document: Document, place: Place, value: Any) -> None:
    """Any value."""


def listed(item: Shape, low: int = 0, high: int = 1000) -> Shape:
    """A list whose items all have one shape."""

    def check(document: Document, place: Place, value: Any) -> None:
        if not isinstance(value, list) or not low <= len(value) <= high:
            document.complain(place, f"must be a list of {low} to {high} items, not {_shown(value)}")
            return
        for at, each in enumerate(value):
            item(document, (*place, at), each)

    return check


def mapped(value_shape: Shape, key: str = r".+") -> Shape:
    """An object with arbitrary keys."""

    def check(document: Document, place: Place, value: Any) -> None:
        if not isinstance(value, dict):
            document.complain(place, f"must be an object, not {_shown(value)}")
            return
        for name, each in value.items():
            if not re.fullmatch(key, name):
                document.complain((*place, name), "the key has characters that are not allowed")
            value_shape(document, (*place, name), each)

    return check


def either(first: Shape, second: Shape, choose: Callable[[Any], bool]) -> Shape:
    """The shape ``first`` if ``choose(value)`` is true, else ``second``."""
    return lambda document, place, value: (first if choose(value) else second)(document, place, value)


@dataclass(frozen=True)
class Fields:
    """An object with known keys. ``refused`` are keys that the real service has and this cloud does not emulate."""

    known: dict[str, Shape]
    required: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __call__(self, document: Document, place: Place, value: Any) -> None:
        if not isinstance(value, dict):
            document.complain(place, f"must be an object, not {_shown(value)}")
            return
        for name in self.required:
            if name not in value:
                document.complain(place, f"{name} is missing")
        for name, each in value.items():
            if name in self.known:
                self.known[name](document, (*place, name), each)
            elif name in self.refused:
                document.complain((*place, name), "is not emulated by localcloud")
            else:
                document.complain((*place, name), f"unknown key; known are {', '.join(sorted(self.known))}")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
