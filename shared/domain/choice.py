"""Makes dataclass fields for values that an operator may choose. Each field has a description, a default, bounds, and a name in the
API.
"""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any, TypeVar

from shared.domain.errors import Refused

T = TypeVar("T")


def choice_field(default: T, words: str, bounds: tuple[int, int] | None = None) -> T:
    """A dataclass field with a default, a description and, for a number, its minimum and maximum."""
    made: T = field(default=default, metadata={"words": words, "bounds": bounds})
    return made


def required_field(words: str) -> Any:
    """A dataclass field without a default, with its description."""
    return field(metadata={"words": words, "bounds": None})


def camel_case(name: str) -> str:
    """A Python name in camelCase: ``next_token`` becomes ``nextToken``. A trailing underscore, as in ``from_``, is dropped."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def python_names_by_api_name(cls: type) -> dict[str, str]:
    """For each API name of a dataclass field, the field's name in Python."""
    return {camel_case(each.name): each.name for each in fields(cls)}


def bounds_of_numeric_fields(cls: type) -> dict[str, tuple[int, int]]:
    """For each API name of a numeric dataclass field, the field's minimum and maximum."""
    return {camel_case(each.name): each.metadata["bounds"] for each in fields(cls) if each.metadata.get("bounds")}


def document_with_python_names(given: dict[str, Any], names: dict[str, str], path: str) -> dict[str, Any]:
    """A copy of the document, with the Python name of each field instead of its name in the API. Raises Refused if a name is
    unknown.
    """
    for name in given:
        if name not in names:
            raise Refused("Policy.Invalid", f"{path}.{name} is not a known field.", f"The known fields are {', '.join(names)}.")
    return {names[name]: value for name, value in given.items()}


def check_number_bounds(asked: dict[str, Any], bounds: dict[str, tuple[int, int]], path: str) -> None:
    """Raise Refused if a number is outside its bounds. The function does not check the types of the values."""
    for name, value in asked.items():
        if name in bounds and value is not None:
            least, most = bounds[name]
            if not least <= value <= most:
                raise Refused("Policy.Invalid", f"{path}.{name} must be from {least} to {most}.", "Correct the policy.")
