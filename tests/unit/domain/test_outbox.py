"""Who removes the outbox of a step: the step's own invocation, or the receiver of the step's event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import events
from shared.domain.effects import CleanUpDriver, ReleaseSlot
from shared.domain.migration import ADMITTED, DriverData, Migration, State, Step, step_to_state
from shared.domain.outbox import ANSWERED_BY_A_STEP, holds_only_event, is_removed_by_receiver
from shared.domain.timing import LOST, OUTBOX_GRACE
from tests.support.ports import T0, migration

SOON = OUTBOX_GRACE - timedelta(seconds=1)


def snapshotted(*told: str, due_at: Any = T0 + LOST, **more: Any) -> Step:
    taken = step_to_state(
        migration(state=State.SNAPSHOTTING), State.SNAPSHOTTED, now=T0, by="snapshot", reason="made", due_at=due_at
    )
    sent = tuple(events.migration_event(taken.after, type, stage="migrate") for type in told)
    return replace(taken, events=sent, **more)


def test_one_event_that_a_step_answers_is_left_to_its_receiver() -> None:
    assert is_removed_by_receiver(snapshotted(events.SNAPSHOT_READY))


@pytest.mark.parametrize(
    "taken",
    [
        snapshotted(),
        snapshotted(events.SNAPSHOT_READY, events.SNAPSHOT_FAILED),
        snapshotted(events.SNAPSHOT_READY, events.INSTANCE_RESTARTED),
        snapshotted(events.SNAPSHOT_READY, effects=(ReleaseSlot(),)),
        snapshotted(effects=(ReleaseSlot(),)),
        snapshotted(events.SNAPSHOT_READY, due_at=T0),
        snapshotted(events.SNAPSHOT_READY, due_at=T0 + SOON),
        snapshotted(events.SNAPSHOT_READY, due_at=None),
        snapshotted(events.MIGRATION_STARTED),
        snapshotted(events.PRECHECK_PASSED),
    ],
)
def test_every_other_outbox_is_removed_by_the_step_that_made_it(taken: Step) -> None:
    assert not is_removed_by_receiver(taken)


def test_only_events_for_one_stage_are_left() -> None:
    assert {len(events.CONSUMERS[type]) for type in ANSWERED_BY_A_STEP} == {1}


def test_a_row_that_waits_for_a_slot_never_keeps_its_outbox() -> None:
    """In its batch's queue the row is found only by its place there, which the row gets when its outbox is removed."""
    for state in ADMITTED:
        waiting = replace(snapshotted(events.PRECHECK_PASSED).after, state=state)
        assert not is_removed_by_receiver(replace(snapshotted(events.PRECHECK_PASSED), after=waiting))


@pytest.mark.parametrize(
    ("event_id", "effects", "event_ids", "holds"),
    [
        ("e-1", (), ["e-1"], True),
        ("e-1", (), ["e-2"], False),
        ("e-1", (), ["e-1", "e-2"], False),
        ("e-1", (), ["e-1", "e-1"], False),
        ("e-1", (CleanUpDriver(DriverData()),), ["e-1"], False),
        ("e-1", (), [], False),
        ("", (), [""], False),
    ],
)
def test_the_received_event_must_be_all_that_the_outbox_holds(
    event_id: str, effects: tuple[object, ...], event_ids: list[str], holds: bool
) -> None:
    assert holds_only_event(event_id, effects, event_ids) is holds


def test_a_step_owes_what_it_does_not_remove() -> None:
    before: Migration = migration(state=State.SNAPSHOTTED, version=7, owes=(5, 7), received=7)
    after = step_to_state(before, State.MIGRATING, now=T0, by="migrate", reason="job").after
    assert (before.remaining_outbox_versions, after.owes, after.received) == ((5,), (5,), 0)
