"""The handlers of the function that shows the operations page."""

from __future__ import annotations

from typing import Any

from console import entry


def initialize(context: object) -> None:
    """Read the settings before the first request to a function instance."""
    entry.initialize()


def handler(event: bytes, context: object) -> Any:
    """Answer one HTTP request."""
    return entry.handle(event, context)
