"""The port for the event bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.events import Event


class Bus(Protocol):
    """The pipeline's own event bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Publish the events. Refused events are sent again a few times.

        Raises Transient (Bus.PublishFailed) if EventBridge still refuses an event.
        """
