"""Pure functions of the libraries, remembered: they give what they gave before, sooner. Nothing here changes a run."""

from __future__ import annotations

import importlib
import os
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, wraps
from typing import Any
from unittest import mock

ENTRIES = 65_536
_under_way: list[None] = []


@contextmanager
def remembered(*, environment: bool = True) -> Iterator[None]:
    """While it lasts: keys, checksums, dates, quoted texts and addresses from memory.

    ``environment``: and variables without putenv, so that no process started from here sees them change.
    """
    with ExitStack() as stack:
        if environment:
            stack.enter_context(mock.patch.object(os, "environ", dict(os.environ)))
        for owner, name, remembering in () if _under_way else _functions():
            stack.enter_context(mock.patch.object(owner, name, remembering))
        _under_way.append(None)
        stack.callback(_under_way.pop)
        yield


@lru_cache(maxsize=1)
def _functions() -> list[tuple[Any, str, Callable[..., Any]]]:
    """Where each function is, and the same function with a memory, which lasts as long as the process."""
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
    """The function with a memory; what cannot be a key of it (a bytearray) is computed."""
    known = lru_cache(ENTRIES)(function)

    @wraps(function)
    def answer(*arguments: Any) -> Any:
        try:
            return known(*arguments)
        except TypeError:
            return function(*arguments)

    return answer


def _remembering_keys(serialize: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    """The SDK's way to write a primary key, with a memory. A key is known by its values and their types: 1 is not True."""

    @lru_cache(ENTRIES)
    def known(key: tuple[tuple[str, type, Any], ...]) -> bytes:
        return bytes(serialize([(name, value) for name, _, value in key]))

    def answer(key: Any) -> bytes:
        try:
            return known(tuple((name, type(value), value) for name, value in key))
        except (TypeError, ValueError):
            return bytes(serialize(key))

    return answer
