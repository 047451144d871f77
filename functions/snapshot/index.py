"""Admits a migration and makes its snapshots."""

from __future__ import annotations

from typing import Any

from shared.runtime import entrypoint


def initialize(context: object) -> None:
    """Initialize the instance before its first request."""
    entrypoint.initialize("snapshot", context)


def handler(event: bytes, context: object) -> Any:
    """One request."""
    return entrypoint.handle("snapshot", event, context)
