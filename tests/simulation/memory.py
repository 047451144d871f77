"""Pure functions of the libraries, remembered: they give what they gave before, sooner. Nothing here changes a run."""

from __future__ import annotations

import _strptime
import os
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, wraps
from typing import Any
from unittest import mock

ENTRIES = 65_536


@contextmanager
def remembered() -> Iterator[None]:
    """While it lasts: checksums, dates, quoted texts and addresses from memory, and variables without putenv."""
    import requests.models
    from tablestore.plainbuffer.plain_buffer_crc8 import PlainBufferCrc8

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(os, "environ", dict(os.environ)))
        for owner, name in (
            (PlainBufferCrc8, "crc_string"),
            (_strptime, "_strptime"),
            (requests.models, "parse_url"),
            (urllib.parse, "quote_from_bytes"),
        ):
            stack.enter_context(mock.patch.object(owner, name, _remembering(getattr(owner, name))))
        yield


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
