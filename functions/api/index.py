"""The handlers of the function that answers the HTTP API."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Read the settings and create the SDK clients before the first invocation of a function instance."""
    entrypoint.initialize("api", context)


def handler(event: bytes, context: object) -> Any:
    """Answer one HTTP request."""
    return entrypoint.handle_event("api", event, context)
