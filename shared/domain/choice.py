"""Fields that an operator may choose: each with its words, default and bounds, and its name at the doors."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any, TypeVar

from shared.domain.errors import Refused

T = TypeVar("T")


def choice(default: T, words: str, bounds: tuple[int, int] | None = None) -> T:
    """A field with all that any door says of it: its default, its description, and the least and most of a number."""
    made: T = field(default=default, metadata={"words": words, "bounds": bounds})
    return made


def required(words: str) -> Any:
    """A field that must be given, with its description."""
    return field(metadata={"words": words, "bounds": None})


def camel(name: str) -> str:
    """The name of a field as the API and the events give it; ``from_`` is from."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, rest))


def names_of(cls: type) -> dict[str, str]:
    """The fields of a dataclass, by the names that the API gives them."""
    return {camel(each.name): each.name for each in fields(cls)}


def bounds_of(cls: type) -> dict[str, tuple[int, int]]:
    """Least and most of each number of a dataclass, by the name that the API gives it."""
    return {camel(each.name): each.metadata["bounds"] for each in fields(cls) if each.metadata.get("bounds")}


def renamed(given: dict[str, Any], names: dict[str, str], path: str) -> dict[str, Any]:
    """The same document in the spelling of the fields; raises Refused for a name that is not known."""
    for name in given:
        if name not in names:
            raise Refused("Policy.Invalid", f"{path}.{name} is no known field.", f"Known are {', '.join(names)}.")
    return {names[name]: value for name, value in given.items()}


def check_numbers(asked: dict[str, Any], bounds: dict[str, tuple[int, int]], path: str) -> None:
    """Refuse numbers that arithmetic, or the fleet, could not bear. Whether they are numbers was judged before."""
    for name, value in asked.items():
        if name in bounds and value is not None:
            least, most = bounds[name]
            if not least <= value <= most:
                raise Refused("Policy.Invalid", f"{path}.{name} must be from {least} to {most}.", "Correct the policy.")
