"""Parameters of RPC operations: from flat names (``Tag.1.Key``) to nested values, checked against a service's table.

A table (``spec.json``, made by tools/rpc_spec.py) maps an operation to its parameters. A type is ``str``, ``int``, ``float``,
``bool`` or ``json``, with ``!`` if required; ``[type]`` is a list and an object is a structure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.core.errors import ApiError

Spec = Mapping[str, Any]
_MAX_INDEX = 1000
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Names split at their dots: ``{"Tag": {"1": {"Key": "k"}}}``. If a name is repeated its last value counts, as in the
    services.
    """
    tree: dict[str, Any] = {}
    for name, value in pairs:
        node = tree
        *parents, leaf = name.split(".")
        for part in parents:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        node[leaf] = value
    return tree


def decode(pairs: Iterable[tuple[str, str]], spec: Spec, *, strict: bool = True) -> dict[str, Any]:
    """The parameters of one operation as Python values; absent parameters are left out.

    Raises MissingParameter, InvalidParameter or, if ``strict``, UnknownParameter for a name that is not in the table.
    UnknownParameter is our own code: the real services ignore unknown names, which hides misspelt parameters.
    """
    return _structure(nested(pairs), spec, "", strict)


def _structure(tree: Any, spec: Spec, prefix: str, strict: bool) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise _invalid(prefix.rstrip("."))
    result: dict[str, Any] = {}
    for name in tree:
        if strict and name not in spec:
            raise ApiError("UnknownParameter", f"The parameter {prefix}{name} is not one of this operation's.", 400)
    for name, kind in spec.items():
        if name in tree and tree[name] != "":
            result[name] = _value(tree[name], kind, prefix + name, strict)
        elif _required(kind):
            raise missing(prefix + name)
    return result


def _value(given: Any, kind: Any, name: str, strict: bool) -> Any:
    if isinstance(kind, list):
        return _list(given, kind[0], name, strict)
    if isinstance(kind, Mapping):
        return _structure(given, kind, f"{name}.", strict)
    if not isinstance(given, str):
        raise _invalid(name)
    return _scalar(given, kind.rstrip("!"), name)


def _list(given: Any, kind: Any, name: str, strict: bool) -> list[Any]:
    """The members of an indexed list, by their numbers. Gaps in the numbers are allowed, as in the services."""
    if not isinstance(given, dict):
        raise _invalid(name)
    if not all(index.isascii() and index.isdigit() and 0 < int(index) <= _MAX_INDEX for index in given):
        raise _invalid(name)
    return [_value(given[index], kind, f"{name}.{index}", strict) for index in sorted(given, key=int)]


def _scalar(text: str, kind: str, name: str) -> Any:
    if kind == "str":
        return text
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise _invalid(name)
        return text.lower() == "true"
    if kind == "int":
        if not _WHOLE.fullmatch(text):
            raise _invalid(name)
        return int(text)
    try:
        return float(text) if kind == "float" else json.loads(text)
    except ValueError:
        raise _invalid(name) from None


def _required(kind: Any) -> bool:
    while isinstance(kind, list):
        kind = kind[0]
    return isinstance(kind, str) and kind.endswith("!")


def missing(name: str) -> ApiError:
    """The error for an absent required parameter."""
    return ApiError(
        "MissingParameter", f'The input parameter "{name}" that is mandatory for processing this request is not supplied.', 400
    )


def _invalid(name: str) -> ApiError:
    return ApiError("InvalidParameter", f"The specified parameter {name} is not valid.", 400, parameter=name)
