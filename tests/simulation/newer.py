"""A simulated newer version of the product: what it writes has fields that older versions do not know.

Every document, row and event that the newer version stores or publishes gets one extra field, at every depth. The reading code is
unchanged: it must tolerate the field, while both versions run and after a downgrade.
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
    """Within the block, writes are the newer version's whenever ``newer`` returns true."""
    encode, data, of_policy = codec.encode, bus._event_json, chosen._non_default_fields
    digests = 0

    def encoded(value: object) -> Any:
        plain = encode(value)
        return {**plain, LATER: VALUE} if is_dataclass(value) and newer() and not digests else plain

    def digested(policy: Policy) -> dict[str, object]:
        """The input of a digest. The newer version leaves its extra field out, as any field that has its default."""
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
        for name in ("migration_columns", "batch_columns", "ledger_entry_columns"):
            stack.enter_context(mock.patch.object(tables, name, _wider(getattr(tables, name), newer)))
        yield


def _wider(columns: Callable[[Any], dict[str, Any]], newer: Callable[[], bool]) -> Callable[[Any], dict[str, Any]]:
    def written(value: Any) -> dict[str, Any]:
        return {**columns(value), **({COLUMN: 2} if newer() else {})}

    return written
