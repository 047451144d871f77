"""Converts frozen dataclasses to and from JSON, and describes them in JSON Schema. The type hints of the fields determine the
conversion.

The module supports the types str, int, bool, datetime, Literal, Enum, dataclasses, ``tuple[X, ...]``, ``tuple[str, str]``,
``dict[str, str]`` and ``X | None``. An int is never negative, because it is a size, a count or an id. Only a ``Signed`` number may
be negative. A datetime is written as an ISO 8601 time in UTC. A time that is read must have a time zone, and is converted to UTC.
An error message names the path of the invalid field.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import cache
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.domain.errors import Refused

Json = dict[str, Any]
Decoder = Callable[[object, str, bool], Any]
T = TypeVar("T")
Signed = NewType("Signed", int)
"""A whole number that may be negative, such as an offset from UTC."""

MAX_TEXT = 16_384
"""Maximum number of characters in a string."""
MAX_ITEMS = 20_000
"""Maximum number of items in a list."""
YEARS = range(1970, 2200)
"""The years that a time may have. Calculations with earlier or later years may overflow."""


class DocumentInvalid(Refused):
    """The error for a document that does not match its schema. The field ``field`` is the path of the first invalid value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(
            "Facts.Invalid", f"{field}: {problem}", f"Correct the field {field}; `replank assess --schema` prints the schema."
        )
        self.field = field


_PLAIN = frozenset({str, int, float, bool, type(None)})
"""The types that JSON knows. Most values have one of them, so ``encode`` asks for them first."""


@cache
def _defaults_of_fields(cls: type) -> tuple[tuple[str, object], ...]:
    """The names and default values of a dataclass's fields. A field without a default value has a marker that equals nothing."""
    return tuple((f.name, f.default) for f in fields(cls))


def encode(value: object) -> Any:
    """The dataclass object as plain JSON values. Fields with their default value are left out, so documents stay small."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_dataclass(kind):
        return {name: encode(v) for name, default in _defaults_of_fields(kind) if (v := getattr(value, name)) != default}
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(cls: type[T], document: object, path: str, *, strict: bool = False) -> T:
    """An object of the dataclass ``cls``, made from JSON values. Raises DocumentInvalid if the document does not match the
    dataclass.

    Unknown fields are ignored, because rows from other versions of Replank must stay readable. If ``strict`` is true, an unknown
    field raises an error. Operators' files are read with ``strict``, because a misspelled field must be reported.
    """
    value: T = _dataclass_decoder(cls)(document, path, strict)  # type: ignore[arg-type]
    return value


def as_object(document: object, path: str) -> Json:
    """The document as a JSON object, whose keys are strings. Raises DocumentInvalid for any other document."""
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise DocumentInvalid(path, f"must be an object, is {_json_type(document)}")
    return document


def as_list(document: object, path: str) -> list[Any]:
    """The document as a JSON list of bounded length. Raises DocumentInvalid for any other document."""
    if not isinstance(document, list | tuple):
        raise DocumentInvalid(path, f"must be a list, is {_json_type(document)}")
    if len(document) > MAX_ITEMS:
        raise DocumentInvalid(path, f"has {len(document)} items, more than {MAX_ITEMS}")
    return list(document)


def _json_type(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def _is_required(member: Field[Any]) -> bool:
    return member.default is MISSING and member.default_factory is MISSING


@cache
def _dataclass_decoder(cls: type) -> Decoder:
    hints = get_type_hints(cls)
    members = [(f.name, _decoder(hints[f.name]), _is_required(f)) for f in fields(cls)]
    known = {name for name, _, _ in members}

    def decode_fields(document: object, path: str, strict: bool) -> Any:
        given = as_object(document, path)
        if strict and (unknown := sorted(set(given) - known)):
            raise DocumentInvalid(f"{path}.{unknown[0]}", "is not a known field")
        values = {}
        for name, decoder, required in members:
            if name in given:
                values[name] = decoder(given[name], f"{path}.{name}", strict)
            elif required:
                raise DocumentInvalid(f"{path}.{name}", "is missing")
        return cls(**values)

    return decode_fields


@cache
def _decoder(hint: Any) -> Decoder:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _decoder(next(a for a in args if a is not type(None)))
        return lambda value, path, strict: None if value is None else inner(value, path, strict)
    if origin is Literal:
        return lambda value, path, strict: _decode_choice(value, path, args)
    if origin is tuple:
        return _tuple_decoder(args)
    if origin is dict:
        return _decode_string_mapping
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        values = tuple(member.value for member in hint)
        return lambda value, path, strict: hint(_decode_choice(value, path, values))
    return _SCALARS[hint]


def _tuple_decoder(args: tuple[Any, ...]) -> Decoder:
    items = _decoder(args[0])
    fixed = None if args[-1] is Ellipsis else len(args)

    def decode_items(value: object, path: str, strict: bool) -> tuple[Any, ...]:
        listed = as_list(value, path)
        if fixed is not None and len(listed) != fixed:
            raise DocumentInvalid(path, f"must have {fixed} items, has {len(listed)}")
        return tuple(items(item, f"{path}[{index}]", strict) for index, item in enumerate(listed))

    return decode_items


def _decode_string_mapping(value: object, path: str, strict: bool) -> dict[str, str]:
    return {name: _decode_text(text, f"{path}.{name}", strict) for name, text in as_object(value, path).items()}


def _decode_choice(value: object, path: str, allowed: tuple[Any, ...]) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise DocumentInvalid(path, f"must be one of {', '.join(map(str, allowed))}")
    return value


def _decode_text(value: object, path: str, _strict: bool) -> str:
    if not isinstance(value, str):
        raise DocumentInvalid(path, f"must be text, is {_json_type(value)}")
    if len(value) > MAX_TEXT:
        raise DocumentInvalid(path, f"is longer than {MAX_TEXT} characters")
    return value


def _decode_signed_number(value: object, path: str, _strict: bool) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DocumentInvalid(path, f"must be a whole number, is {_json_type(value)}")
    return value


def _decode_whole_number(value: object, path: str, strict: bool) -> int:
    value = _decode_signed_number(value, path, strict)
    if not 0 <= value < 2**63:
        raise DocumentInvalid(path, f"must be between 0 and 2^63-1, is {value}"[:200])
    return value


def _decode_boolean(value: object, path: str, _strict: bool) -> bool:
    if not isinstance(value, bool):
        raise DocumentInvalid(path, f"must be true or false, is {_json_type(value)}")
    return value


def _decode_time(value: object, path: str, strict: bool) -> datetime:
    text = _decode_text(value, path, strict)
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        if moment.tzinfo is None or moment.year not in YEARS:
            raise ValueError(text)
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise DocumentInvalid(path, "must be an ISO 8601 time with a zone, e.g. 2026-09-01T04:00:00Z") from None


_SCALARS: dict[Any, Decoder] = {
    str: _decode_text,
    int: _decode_whole_number,
    Signed: _decode_signed_number,
    bool: _decode_boolean,
    datetime: _decode_time,
}


def json_schema(cls: type) -> Json:
    """The JSON Schema (2020-12) of the documents that :func:`decode` reads for a dataclass."""
    definitions: Json = {}
    root = _schema_of_type(cls, definitions)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}


def _schema_of_type(hint: Any, definitions: Json) -> Json:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _schema_of_type(next(a for a in args if a is not type(None)), definitions)
        return {"anyOf": [inner, {"type": "null"}]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple:
        size = {"maxItems": MAX_ITEMS} if args[-1] is Ellipsis else {"minItems": len(args), "maxItems": len(args)}
        return {"type": "array", "items": _schema_of_type(args[0], definitions), **size}
    if origin is dict:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _schema_of_dataclass(hint, definitions)
    return dict(_SCALAR_SCHEMAS[hint])


def description_of_class(cls: type) -> str:
    """The first paragraph of the class's docstring as one line; empty if the class has no docstring."""
    return " ".join((cls.__doc__ or "").partition("\n\n")[0].split())


def _schema_of_dataclass(cls: type, definitions: Json) -> Json:
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}  # reserves the name, in case a dataclass contains a field of its own type
        hints = get_type_hints(cls)
        definitions[cls.__name__] = {
            "type": "object",
            "description": description_of_class(cls),
            "properties": {f.name: _schema_of_type(hints[f.name], definitions) for f in fields(cls)},
            "required": [f.name for f in fields(cls) if _is_required(f)],
        }
    return {"$ref": f"#/$defs/{cls.__name__}"}


_SCALAR_SCHEMAS: dict[Any, Json] = {
    str: {"type": "string", "maxLength": MAX_TEXT},
    int: {"type": "integer", "minimum": 0},
    Signed: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}
