"""A migration whose start fails for a temporary reason holds its slot for at most an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.errors import Transient
from shared.domain.limits import requeue_migration
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.domain.timing import START_LIMIT
from shared.stages import precheck, snapshot
from shared.stages.slots import admit_migration
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration


class SilentCloud:
    """A cloud that never answers."""

    def __getattr__(self, name: str) -> Any:
        def ask(*_: object, **__: object) -> None:
            raise Transient("Cloud.NoAnswer", "ECS does not answer.")

        return ask


def stand(fakes: Fakes, **more: Any) -> Migration:
    given = Acknowledgement("ann", NOON, "1", ())
    ids = Selection(("cn-hangzhou",), instance_ids=("i-test0001",))
    batch = Batch("b0000000000000001", BatchState.OPEN, 1, NOON, "api", "ann", ids, Policy(max_moving=1), acknowledgement=given)
    fakes.ports.batches.create(batch)
    made = migration(1, prechecked_at=NOON, state=State.READY, entered_at=NOON, **more)
    fakes.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def offer(fakes: Fakes, made: Migration) -> None:
    """Let the tick offer slots, and send its reminders after each new precheck."""
    state = fakes.migrations.load(made.migration_id).state
    stage, type = (precheck, events.STEP_DUE) if state is State.ACCEPTED else (snapshot, events.ADMISSION_DUE)
    message = Message(type, "e1", "replank", {"migrationId": made.migration_id})
    try:
        stage.handle_message(message, fakes.ports)
    except Transient:
        return


def holds(fakes: Fakes, made: Migration) -> bool:
    return bool(fakes.admission.slot_use(made.batch_id, made.migration_id).since)


@pytest.mark.parametrize("every", [timedelta(minutes=1), timedelta(minutes=25)])
def test_a_start_that_fails_for_an_hour_fails_and_gives_its_slot_back(every: timedelta) -> None:
    """This is also true if the guest must be probed again meanwhile, because its precheck is too old."""
    fakes = Fakes(compute=SilentCloud(), guest=SilentCloud())
    made = stand(fakes)
    offer(fakes, made)
    assert holds(fakes, made)
    assert fakes.migrations.load(made.migration_id).stalled_at == NOON
    while fakes.clock.now() - NOON <= START_LIMIT:
        assert fakes.migrations.load(made.migration_id).state in (State.READY, State.ACCEPTED)
        fakes.clock.at += every
        offer(fakes, made)
    found = fakes.migrations.load(made.migration_id)
    assert found.failure is not None
    assert (found.state, found.failure.code) == (State.FAILED, "Start.Stalled")
    assert "ECS does not answer" in found.failure.message
    assert not holds(fakes, made)


def test_a_start_that_holds_no_slot_waits_for_as_long_as_it_takes() -> None:
    fakes = Fakes(compute=SilentCloud(), guest=SilentCloud())
    made = stand(fakes)
    other = migration(2)
    assert fakes.admission.take_slot(fakes.admission.slot_use(made.batch_id, other.migration_id), other.migration_id, made.batch_id)
    for _ in range(5):
        offer(fakes, made)
        fakes.clock.pass_time(hours=1)
    found = fakes.migrations.load(made.migration_id)
    assert (found.state, found.stalled_at) == (State.READY, None)


def test_a_slot_given_back_begins_the_hour_again() -> None:
    fakes = Fakes(compute=SilentCloud(), guest=SilentCloud())
    made = stand(fakes)
    offer(fakes, made)
    stalled = fakes.migrations.load(made.migration_id)
    assert admit_migration(stalled, fakes.ports) is None
    assert requeue_migration(stalled, "held", by="snapshot", now=NOON).after.stalled_at is None
