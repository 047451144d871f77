"""The event bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.events import Event


class Bus(Protocol):
    """Publishes to the pipeline's own bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish the events; refused ones are sent again a few times, then Transient (Bus.PublishFailed) is raised."""
