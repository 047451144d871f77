"""The handlers of the function that compares the guest with its baseline after a hop."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Read the settings and create the SDK clients before the first invocation of a function instance."""
    entrypoint.initialize("validate", context)


def handler(event: bytes, context: object) -> Any:
    """Process one delivery: an event, a list of events or the message of a timer."""
    return entrypoint.handle_event("validate", event, context)
