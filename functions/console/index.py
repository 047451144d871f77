"""Shows the operations page."""

from __future__ import annotations

from typing import Any

from console import entry


def initialize(context: object) -> None:
    """Once per instance, before its first request."""
    entry.initialize()


def handler(event: bytes, context: object) -> Any:
    """One request."""
    return entry.handle(event, context)
