"""A newer version of the product, as far as its neighbours in time can tell: what it writes carries fields they do not know.

Every document, row and event that it stores or publishes gets one more field, at every depth. The code that reads is the same:
it must not mind, neither while both versions run nor after the newer one was taken back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import is_dataclass
from typing import Any
from unittest import mock

from shared.adapters import bus, tables
from shared.domain import chosen, codec
from shared.domain.policy import Policy
from tests.support.event_contract import LATER

VALUE = {"since": 2, "names": ["of a version to come"]}
COLUMN = "laterColumn"


@contextmanager
def writing(newer: Callable[[], bool]) -> Iterator[None]:
    """While it lasts, what is written is the newer version's wherever ``newer`` says so."""
    encode, data, of_policy = codec.encode, bus._event_json, chosen._non_default_fields
    digests = 0

    def encoded(value: object) -> Any:
        plain = encode(value)
        return {**plain, LATER: VALUE} if is_dataclass(value) and newer() and not digests else plain

    def digested(policy: Policy) -> dict[str, object]:
        """What a digest is made of: the newer version leaves its field out, as every field at its default."""
        nonlocal digests
        digests += 1
        try:
            return of_policy(policy)
        finally:
            digests -= 1

    def told(event: Any) -> bytes:
        written = data(event)
        return json.dumps({**json.loads(written), LATER: VALUE}).encode() if newer() else written

    with ExitStack() as stack:
        for place in (codec, tables):
            stack.enter_context(mock.patch.object(place, "encode", encoded))
        stack.enter_context(mock.patch.object(bus, "_event_json", told))
        stack.enter_context(mock.patch.object(chosen, "_non_default_fields", digested))
        for name in ("migration_columns", "batch_columns", "ledger_columns"):
            stack.enter_context(mock.patch.object(tables, name, _wider(getattr(tables, name), newer)))
        yield


def _wider(columns: Callable[[Any], dict[str, Any]], newer: Callable[[], bool]) -> Callable[[Any], dict[str, Any]]:
    def written(value: Any) -> dict[str, Any]:
        return {**columns(value), **({COLUMN: 2} if newer() else {})}

    return written
