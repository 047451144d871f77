"""The handlers of the function that deletes snapshots whose retention is over."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Read the settings and create the SDK clients before the first invocation of a function instance."""
    entrypoint.initialize("sweep", context)


def handler(event: bytes, context: object) -> Any:
    """Process one delivery: an event, a list of events or the message of a timer."""
    return entrypoint.handle_event("sweep", event, context)
