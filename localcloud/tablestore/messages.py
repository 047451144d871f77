"""Tablestore's protobuf messages, imported from the real SDK, so that no second copy exists."""

from __future__ import annotations

import logging

for _name in ("tablestore.encoder", "tablestore.decoder"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # these modules warn at import that they have no native code for this Python

from google.protobuf.message import DecodeError, Message  # noqa: E402
from tablestore.protobuf import search_pb2 as searches  # noqa: E402
from tablestore.protobuf import table_store_filter_pb2 as filters  # noqa: E402
from tablestore.protobuf import table_store_pb2 as messages  # noqa: E402

__all__ = ["DecodeError", "Message", "filters", "messages", "request_of", "searches"]


def request_of(operation: str) -> type[Message]:
    """The type of message that an operation takes."""
    found: type[Message] = getattr(searches if operation == "ListSearchIndex" else messages, f"{operation}Request")
    return found
