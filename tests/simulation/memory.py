"""Caches for pure functions of the libraries. They return the same results faster, so a run does not change."""

from __future__ import annotations

import importlib
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, wraps
from typing import Any
from unittest import mock

ENTRIES = 65_536
_under_way: list[None] = []


@contextmanager
def remembered() -> Iterator[None]:
    """Within the block, keys, checksums, dates, quoted texts and addresses are cached."""
    with ExitStack() as stack:
        for owner, name, remembering in () if _under_way else _functions():
            stack.enter_context(mock.patch.object(owner, name, remembering))
        _under_way.append(None)
        stack.callback(_under_way.pop)
        yield


@lru_cache(maxsize=1)
def _functions() -> list[tuple[Any, str, Callable[..., Any]]]:
    """Each function's location, with a cached version that lasts as long as the process."""
    import requests.models
    from tablestore.plainbuffer.plain_buffer_builder import PlainBufferBuilder
    from tablestore.plainbuffer.plain_buffer_crc8 import PlainBufferCrc8

    places = (
        (PlainBufferCrc8, "crc_string"),
        (importlib.import_module("_strptime"), "_strptime"),
        (requests.models, "parse_url"),
        (urllib.parse, "quote_from_bytes"),
    )
    found: list[tuple[Any, str, Callable[..., Any]]] = [(owner, name, _remembering(getattr(owner, name))) for owner, name in places]
    return [*found, (PlainBufferBuilder, "serialize_primary_key", _remembering_keys(PlainBufferBuilder.serialize_primary_key))]


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a cache. If an argument cannot be a dictionary key (a bytearray), the function is called."""
    known = lru_cache(ENTRIES)(function)

    @wraps(function)
    def answer(*arguments: Any) -> Any:
        try:
            return known(*arguments)
        except TypeError:
            return function(*arguments)

    return answer


def _remembering_keys(serialize: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    """The SDK's function that writes a primary key, with a cache. The cache key has values and types, because 1 == True."""

    @lru_cache(ENTRIES)
    def known(key: tuple[tuple[str, type, Any], ...]) -> bytes:
        return bytes(serialize([(name, value) for name, _, value in key]))

    def answer(key: Any) -> bytes:
        try:
            return known(tuple((name, type(value), value) for name, value in key))
        except (TypeError, ValueError):
            return bytes(serialize(key))

    return answer
