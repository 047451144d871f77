"""Finds instances and makes batches: end-of-life notices, batches submitted, the inventory timer."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Initialize the instance before its first request."""
    entrypoint.initialize("intake", context)


def handler(event: bytes, context: object) -> Any:
    """One request."""
    return entrypoint.handle("intake", event, context)
