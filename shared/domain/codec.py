"""Frozen dataclasses to JSON values and back, by their type hints.

Field names stay as they are; enums are written as their values, times as ISO 8601 UTC, tuples as lists. Unknown fields are
ignored on the way in, so that a row written by a newer version is still read; a missing field takes its default.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Json = Any


class CodecError(ValueError):
    """A JSON value does not have the shape its type asks for; ``path`` says where."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'document'}: {problem}")
        self.path = path
        self.problem = problem


def to_json(value: Any) -> Json:
    """The JSON value of a dataclass, tuple, enum, time or plain value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    return value


def from_json(kind: type[T], value: Json, path: str = "") -> T:
    """The value of type ``kind`` that ``to_json`` wrote; raises CodecError naming the field."""
    read: T = _read(kind, value, path)
    return read


def _read(kind: Any, value: Json, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(kind, value, path)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, path)
    if origin is dict or kind is dict:
        return _expect(dict, value, path)
    if kind is datetime:
        return parse_time(_expect(str, value, path), path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, value, path)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, path)
    if kind is Any:
        return value
    if kind is float and isinstance(value, int):
        return float(value)
    return _expect(kind, value, path)


def parse_time(text: str, path: str = "") -> datetime:
    """An aware UTC time from ISO 8601 (``Z`` or an offset); raises CodecError."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise CodecError(path, f"{text!r} is not an ISO 8601 time") from None
    return when.astimezone(timezone.utc) if when.tzinfo else when.replace(tzinfo=timezone.utc)


def _read_enum(kind: type[Enum], value: Json, path: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise CodecError(path, f"{value!r} is none of {', '.join(str(each.value) for each in kind)}") from None


def _read_union(kind: Any, value: Json, path: str) -> Any:
    if value is None and type(None) in get_args(kind):
        return None
    inner = [each for each in get_args(kind) if each is not type(None)]
    return _read(inner[0], value, path)


def _read_tuple(args: tuple[Any, ...], value: Json, path: str) -> tuple[Any, ...]:
    listed = _expect(list, value, path)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_read(args[0], each, f"{path}[{place}]") for place, each in enumerate(listed))
    if len(listed) != len(args):
        raise CodecError(path, f"{len(args)} values expected, {len(listed)} found")
    return tuple(_read(each, item, f"{path}[{place}]") for place, (each, item) in enumerate(zip(args, listed, strict=True)))


def _read_dataclass(kind: Any, value: Json, path: str) -> Any:
    given = _expect(dict, value, path)
    hints = _hints(kind)
    found: dict[str, Any] = {}
    for field in fields(kind):
        inner = f"{path}.{field.name}" if path else field.name
        if field.name in given:
            found[field.name] = _read(hints[field.name], given[field.name], inner)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise CodecError(inner, "is missing")
    return kind(**found)


def _expect(kind: Any, value: Json, path: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CodecError(path, f"{kind.__name__} expected, {type(value).__name__} found")
    return value


@lru_cache(maxsize=256)
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
