"""Publishes events on the pipeline's own EventBridge bus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import cloud_error_from_exception
from shared.adapters.sdk_errors import CloudError, translate_error
from shared.domain.errors import Permanent, Transient
from shared.domain.events import SOURCE, Event
from shared.domain.retry import RetryHint, repeat_call
from shared.ports.clock import Clock

MAX_ENTRIES = 16
"""Maximum number of events in one PutEvents call. EventBridge publishes this limit."""
MAX_EVENT_BYTES = 60 * 1024
"""Maximum size of one event with its attributes, in bytes. The page of PutEvents allows 64 KB, and the page of limits 256 KB."""
MAX_BYTES = 240 * 1024
"""Maximum size of the events in one PutEvents call, in bytes. The page of PutEvents allows 256 KB, and the page of limits allows
1 MB.
"""
ENVELOPE_BYTES = 600
"""Space that is reserved for the attributes of one event, in bytes."""


class _PublishError(Exception):
    """Raised if EventBridge refused some events or did not answer. A second PutEvents call with the same events may succeed."""


class EventBridgeBus:
    """Implements the port ``Bus`` with EventBridge. Each event has an extension attribute with the name of the bus."""

    def __init__(self, clients: Clients, bus: str, clock: Clock) -> None:
        self._clients = clients
        self._bus = bus
        self._clock = clock

    def publish(self, events: Sequence[Event]) -> None:
        for some in event_portions([(event, _event_json(event)) for event in events]):
            self._put_events(some)

    def _put_events(self, events: list[tuple[Event, bytes]]) -> None:
        entries = [self._cloud_event(event, data) for event, data in events]

        def send_remaining_entries(_number: int) -> None:
            nonlocal entries
            try:
                answer = self._clients.eventbridge_client().put_events_with_options(entries, self._clients.runtime_options())
            except Exception as error:
                raise _PublishError(_retryable_error_text(error)) from error
            entries, problem = _refused_entries(entries, answer)
            if entries:
                raise _PublishError(problem)

        try:
            repeat_call(self._clients.retry, send_remaining_entries, _retry_decision, self._clients.sleep)
        except _PublishError as problem:
            raise Transient("Bus.PublishFailed", f"{len(entries)} of {len(events)} events were not taken: {problem}") from problem

    def _cloud_event(self, event: Event, data: bytes) -> Any:
        from alibabacloud_eventbridge import models

        return models.CloudEvent(
            id=event.event_id,
            source=SOURCE,
            specversion="1.0",
            type=event.type,
            # The value must be exactly this. With any other value the SDK sends data_base64, and a rule's pattern cannot match its
            # content.
            datacontenttype="application/json",
            subject=event.subject,
            time=self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            extensions={"aliyuneventbusname": self._bus},
            data=data,
        )


def event_portions(events: Sequence[tuple[Event, bytes]]) -> Iterator[list[tuple[Event, bytes]]]:
    """The events in the given order, split into portions that each fit into one PutEvents call.

    Raises Permanent (Event.TooLarge) if EventBridge would refuse one event for its size.
    """
    portion: list[tuple[Event, bytes]] = []
    size = 0
    for event, data in events:
        needs = len(data) + ENVELOPE_BYTES
        if needs > MAX_EVENT_BYTES:
            raise Permanent("Event.TooLarge", f"{event.type} {event.event_id} has {len(data)} bytes.", "Report this.")
        if portion and (size + needs > MAX_BYTES or len(portion) == MAX_ENTRIES):
            yield portion
            portion, size = [], 0
        portion.append((event, data))
        size += needs
    if portion:
        yield portion


def _retry_decision(error: Exception) -> RetryHint | None:
    return RetryHint() if isinstance(error, _PublishError) else None


def _event_json(event: Event) -> bytes:
    return json.dumps(event.data, ensure_ascii=False, separators=(",", ":")).encode()


def _refused_entries(entries: list[Any], answer: Any) -> tuple[list[Any], str]:
    """The entries that EventBridge refused, and the reason for the first refusal."""
    if not answer.failed_entry_count:
        return [], ""
    outcomes = answer.entry_list or []
    failed = [entry for entry, outcome in zip(entries, outcomes, strict=False) if outcome.error_code]
    reasons = [outcome.error_code for outcome in outcomes if outcome.error_code]
    # EventBridge counts failures, but does not say which entries failed. All are sent again, because consumers recognise
    # duplicates.
    return failed or entries, reasons[0] if reasons else "no reason given"


def _retryable_error_text(error: Exception) -> str:
    """The text of an error after which the events should be sent again. Any other error is translated, if possible, and raised."""
    failed: CloudError | None = cloud_error_from_exception(error)
    if failed is None:
        raise error
    # The SDK's exception carries no HTTP status. Unknown codes are therefore retried, and codes for a missing permission are not.
    known = translate_error(failed)
    if isinstance(known, Permanent) and (failed.is_permission_error or failed.code_family == "EventBusNotExist"):
        raise known from error
    return failed.code or failed.message
