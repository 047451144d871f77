"""Refuses fields of Tablestore's messages that this cloud does not implement; none is ignored.

These include fields that are unknown to the SDK's protocol. Other clients (Go, Java, Node.js) send some of them with their default
value, which has no effect. Such a default is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from localcloud.tablestore.errors import invalid
from localcloud.tablestore.messages import DecodeError, messages

REFUSED: dict[str, tuple[str, ...]] = {
    "CreateTable": ("partitions", "stream_spec.enable_stream", "sse_spec.enable"),
    "UpdateTable": ("stream_spec.enable_stream",),
    "GetRow": ("token",),
    "GetRange": ("token",),
    "BatchGetRow": ("tables.token",),
}
"""Refused fields by operation. A dot leads into an inner message."""
_ANY = frozenset((0, 1))
TAKEN = {
    ("CreateTableRequest", 8): _ANY,  # enable_local_txn: every table here takes local transactions
    ("GetRowRequest", 6): _ANY,  # cache_blocks: only a hint
    ("TableInBatchGetRowRequest", 7): _ANY,
    ("GetRangeRequest", 9): _ANY,
    ("GetRangeRequest", 16): frozenset((1,)),  # return_entire_primary_keys
}
"""Values without effect, by message and field number, if they are not 0. Source: tablestore.proto of the npm package 5.6.5 and
of aliyun-tablestore-go-sdk."""
_VARINT, _BLOCK = 0, 2


def check(operation: str, message: Any, body: bytes) -> None:
    """Refuse a message that asks for something that is not emulated. ``body`` is the message's bytes."""
    for path in REFUSED.get(operation, ()):
        if _given(message, path.split(".")):
            raise invalid(f"{path} is not emulated.")
    check_unknown(message, body)
    if not is_text(message):
        raise invalid("Parse PBMessage from RawString failed.")


def is_text(message: Any) -> bool:
    """Whether every text in a message is valid UTF-8. The parser of protocol version 2 returns invalid text as bytes."""
    texts, inner = _parts(message.DESCRIPTOR)
    for name in texts:
        value = getattr(message, name)
        if not all(isinstance(each, str) for each in ((value,) if isinstance(value, (str, bytes)) else value)):
            return False
    for name, repeated in inner:
        for each in getattr(message, name) if repeated else (getattr(message, name),):
            if (repeated or message.HasField(name)) and not is_text(each):
                return False
    return True


@lru_cache(maxsize=256)
def _parts(descriptor: Any) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """The names of a message type's text fields, and of its inner messages with whether each is repeated."""
    fields = descriptor.fields
    texts = tuple(field.name for field in fields if field.type == field.TYPE_STRING)
    return texts, tuple((field.name, field.label == field.LABEL_REPEATED) for field in fields if field.message_type is not None)


def check_unknown(message: Any, body: bytes) -> None:
    """Refuse unknown fields, at any depth, unless they have their default value. Unknown fields are then dropped."""
    message.DiscardUnknownFields()
    if message.ByteSize() == len(body):
        return  # the usual case: there are no unknown fields
    unknown = sorted(set(_unknown(type(message).FromString(body), "")))
    if unknown:
        raise invalid(f"The fields {unknown} are not emulated.")


def _unknown(message: Any, path: str) -> Iterator[str]:
    kind = message.DESCRIPTOR.name
    for each in UnknownFieldSet(message):
        if not _asks_nothing(each, TAKEN.get((kind, each.field_number))):
            yield f"{path}{each.field_number}"
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if isinstance(value, Iterable) else (value,):
                yield from _unknown(inner, f"{path}{field.name}.")


def _asks_nothing(field: Any, taken: frozenset[int] | None) -> bool:
    """Whether an unknown field has its default value: 0, nothing, or a message that holds only defaults."""
    if field.wire_type == _VARINT:
        return int(field.data) in (taken or (0,))
    if field.wire_type == _BLOCK:
        return not field.data or _is_message_of_defaults(field.data)
    return bool(field.data == 0)


def _is_message_of_defaults(data: bytes) -> bool:
    inner = messages.ListTableRequest()  # this message type has no fields, so everything in the bytes is unknown
    try:
        inner.ParseFromString(data)
    except DecodeError:
        return False
    return all(_asks_nothing(each, None) for each in UnknownFieldSet(inner))


def _given(message: Any, names: list[str]) -> bool:
    value = getattr(message, names[0])
    inner = [value] if not isinstance(value, Iterable) or isinstance(value, (bytes, str)) else list(value)
    return any(_given(each, names[1:]) if len(names) > 1 else bool(each) for each in inner)
