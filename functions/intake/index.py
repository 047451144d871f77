"""The handlers of the function that finds instances and makes batches, from submissions, notices and the inventory timer."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Read the settings and create the SDK clients before the first invocation of a function instance."""
    entrypoint.initialize("intake", context)


def handler(event: bytes, context: object) -> Any:
    """Process one delivery: an event, a list of events or the message of a timer."""
    return entrypoint.handle_event("intake", event, context)
