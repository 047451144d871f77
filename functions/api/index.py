"""Answers the HTTP API."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Initialize the instance before its first request."""
    entrypoint.initialize("api", context)


def handler(event: bytes, context: object) -> Any:
    """One request."""
    return entrypoint.handle("api", event, context)
