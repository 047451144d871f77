"""Primary keys as bytes that sort in the service's order of rows.

Each column is one tag (0: below all values, 1: a value, 255: above all values) and the value. Integers are 8 bytes with the sign
bit inverted. In text and bytes every zero byte is escaped, and two zero bytes mark the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.wire.plainbuffer import KeyValue, Special

_BELOW, _VALUE, _ABOVE = b"\x00", b"\x01", b"\xff"


def encode_key(values: Iterable[KeyValue]) -> bytes:
    """The bytes of a whole key or of its first columns. These bytes compare as the keys do."""
    return b"".join(_encode(value) for value in values)


def _encode(value: KeyValue) -> bytes:
    if isinstance(value, str):
        return _VALUE + value.encode().replace(b"\x00", b"\x00\xff") + b"\x00\x00"
    if isinstance(value, bytes):
        return _VALUE + value.replace(b"\x00", b"\x00\xff") + b"\x00\x00"
    if isinstance(value, bool):
        return _VALUE + (b"\x01" if value else b"\x00")
    if isinstance(value, int):
        return _VALUE + (value + 2**63).to_bytes(8, "big")
    if value is Special.INF_MIN:
        return _BELOW
    if value is Special.INF_MAX:
        return _ABOVE
    raise TypeError(f"{value!r} cannot stand in a key")
