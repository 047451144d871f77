"""What Tablestore's messages can say and this cloud does not do: it is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from localcloud.tablestore.errors import invalid

REFUSED: dict[str, tuple[str, ...]] = {
    "CreateTable": ("partitions", "stream_spec.enable_stream", "sse_spec.enable"),
    "UpdateTable": ("stream_spec.enable_stream",),
    "GetRow": ("token",),
    "GetRange": ("token",),
    "BatchGetRow": ("tables.token",),
}
"""Fields by operation, with dots for those of inner messages."""


def check(operation: str, message: Any, *, strict: bool) -> None:
    """Refuse a message that asks for what is not emulated; with fields that the SDK's protocol does not have, where ``strict``."""
    for path in REFUSED.get(operation, ()):
        if _given(message, path.split(".")):
            raise invalid(f"{path} is not emulated.")
    if strict and (unknown := [each.field_number for each in UnknownFieldSet(message)]):
        raise invalid(f"The fields {unknown} are not emulated.")


def _given(message: Any, names: list[str]) -> bool:
    value = getattr(message, names[0])
    inner = [value] if not isinstance(value, Iterable) or isinstance(value, (bytes, str)) else list(value)
    return any(_given(each, names[1:]) if len(names) > 1 else bool(each) for each in inner)
