"""Durable steps of Replank for the measurements: one migration that is always in validation, and a body that does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.domain import events
from shared.domain.hop import Hop
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.domain.timing import LOST
from shared.ports.ports import Ports
from shared.runtime.messages import messages_in_document
from shared.stages.advance import advance_migration, load_current_migration

S = State.VALIDATING


def delivered(at: Migration, type: str = events.STEP_DUE) -> Message:
    """The event of the last step, as a consumer receives it."""
    event = events.migration_event(at, type, stage="validate")
    document = {"id": event.event_id, "source": "replank", "specversion": "1.0", "type": event.type, "data": event.data}
    (message,) = messages_in_document(json.loads(json.dumps(document)), "bench")
    return message


def validating(number: int, ports: Ports) -> Migration:
    """A migration that has just begun its validation."""
    return Migration(
        migration_id=f"m{number:016x}",
        batch_id="b0000000000000001",
        instance_id=f"i-test{number:04d}",
        region_id="cn-hangzhou",
        state=S,
        version=1,
        entered_version=1,
        entered_at=ports.clock.now(),
        created_at=ports.clock.now(),
        hops=(Hop("centos-7", "alinux-3"),),
    )


def stepper(ports: Ports, type: str = events.STEP_DUE) -> Callable[[int], None]:
    """A function that carries out one durable step per call, on one migration. Each step publishes an event of the given type."""
    made = validating(1, ports)
    ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])
    at = [made]

    def one(_: int) -> None:
        found = load_current_migration(delivered(at[0], type), ports, frozenset({S}))
        now = ports.clock.now()
        taken = step_to_state(found, S, now=now, by="bench", reason="nothing", due_at=now + LOST)
        event = events.migration_event(taken.after, type, stage="nobody")
        at[0] = advance_migration(ports, replace(taken, events=(event,)))

    return one


def raw(ports: Ports) -> dict[str, Callable[[int], Any]]:
    """The calls of a step, each one alone."""
    made = validating(2, ports)
    ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])
    event = events.migration_event(made, events.STEP_DUE, stage="nobody")
    return {
        "GetRow": lambda _: ports.migrations.load(made.migration_id),
        "UpdateRow": lambda number: ports.migrations.put_document(made.migration_id, "bench", {"number": number}),
        "putEvents": lambda _: ports.bus.publish([event]),
    }
