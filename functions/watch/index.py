"""Turns ECS events and the minute's tick into progress."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Once per instance, before its first request."""
    entrypoint.initialize("watch", context)


def handler(event: bytes, context: object) -> Any:
    """One request."""
    return entrypoint.handle("watch", event, context)
