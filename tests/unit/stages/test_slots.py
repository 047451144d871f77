"""Slots in the stages: which delivery may release what if one of two is slow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.caller import Caller
from shared.domain.effects import Effect, ReleaseSlot
from shared.domain.errors import Permanent, Stale
from shared.domain.limits import requeue_migration
from shared.domain.message import Message, Outcome
from shared.domain.migration import DriverData, Failure, Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.ports import Ports
from shared.stages.advance import fail_migration, run_stage_or_fail_migration, settle_outboxes
from shared.stages.api import migrations as acts
from shared.stages.closing import close_batch_if_settled, reopen_batch_if_closed
from shared.stages.effects import perform_effect
from shared.stages.slots import admit_migration, release_unneeded_slot_and_lock
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

GIVEN = Acknowledgement("ann", NOON, "1", ())
BATCH = Batch(
    "b0000000000000001",
    BatchState.OPEN,
    1,
    NOON,
    "api",
    "ann",
    Selection(("cn-hangzhou",)),
    Policy(max_moving=1),
    acknowledgement=GIVEN,
)


@pytest.fixture
def ports() -> Ports:
    made = Fakes().ports
    made.batches.create(BATCH)
    return made


def stand(ports: Ports, number: int, state: State, **more: Any) -> Migration:
    """A migration whose job has run, so that a retry continues where it failed."""
    made = migration(number, state=state, handle=DriverData(started_at=NOON), prechecked_at=NOON, **more)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def failed(ports: Ports, made: Migration, *effects: Effect) -> Migration:
    """A failed migration whose function died before its effects."""
    taken = step_to_state(made, State.FAILED, now=NOON, by="watch", reason="x", failure=Failure("migrate", "X.Y", "m", "r"))
    ports.migrations.commit(replace(taken, effects=effects))
    return ports.migrations.load(made.migration_id)


def moving(ports: Ports, number: int = 1) -> Migration:
    made = stand(ports, number, State.MIGRATING)
    assert ports.admission.take_slot(
        ports.admission.slot_use(made.batch_id, made.migration_id), made.migration_id, made.batch_id, made.attempt
    )
    return made


def retried(ports: Ports, made: Migration) -> str:
    """A person retries the current version. Returns what the migration waits for then."""
    return acts.retry_migration(ports, made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version).waits_for


def test_a_slow_release_leaves_alone_the_slot_that_a_retry_has_taken(ports: Ports) -> None:
    """Two deliveries of one release: the slow one read the failed state, the other one carried the release out, and then a
    person retried.
    """
    seen_by_the_slow = failed(ports, moving(ports), ReleaseSlot())
    assert settle_outboxes(ports, seen_by_the_slow)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}
    retried(ports, seen_by_the_slow)
    again = ports.migrations.load(seen_by_the_slow.migration_id)
    assert admit_migration(again, ports) is None
    perform_effect(ReleaseSlot(), seen_by_the_slow, ports)
    assert again.migration_id in ports.admission.repair_counts_and_list_slot_holders()
    other = stand(ports, 2, State.FAILED, failure=Failure("migrate", "X.Y", "m", "r"))
    assert retried(ports, other) == "every slot is taken"


def test_a_retry_gives_back_what_the_attempt_before_left(ports: Ports) -> None:
    """The retry waits for its turn like all others, in whatever order the failure's release and the retry happen."""
    seen_by_the_slow = failed(ports, moving(ports), ReleaseSlot())
    retried(ports, seen_by_the_slow)
    perform_effect(ReleaseSlot(), ports.migrations.load(seen_by_the_slow.migration_id), ports)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}


def test_a_retry_takes_no_slot(ports: Ports) -> None:
    """A retry that died between its slot and its step kept the slot for ever, although nothing moved."""
    made = stand(ports, 1, State.FAILED, failure=Failure("migrate", "X.Y", "m", "r"))
    with mock.patch.object(ports.migrations, "commit", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        retried(ports, made)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}


def test_what_an_overtaken_stage_took_for_an_earlier_attempt_goes_back(ports: Ports) -> None:
    """Two deliveries of one admission: one released the slot because the window had closed, then the slow one took it again."""
    made = stand(ports, 1, State.READY)
    ports.migrations.commit(requeue_migration(made, "closed", by="snapshot", now=NOON))
    assert ports.admission.take_slot(
        ports.admission.slot_use(made.batch_id, made.migration_id), made.migration_id, made.batch_id, made.attempt
    )
    release_unneeded_slot_and_lock(made.migration_id, ports)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}


@pytest.mark.parametrize("act", [acts.confirm_migration, acts.roll_back_migration])
def test_the_slot_of_a_retry_that_died_before_its_step_goes_with_the_next_act(ports: Ports, act: Any) -> None:
    made = stand(ports, 1, State.FAILED, failure=Failure("migrate", "X.Y", "m", "r"), snapshots_made=1)
    assert ports.admission.take_slot(
        ports.admission.slot_use(made.batch_id, made.migration_id), made.migration_id, made.batch_id, made.attempt + 1
    )
    act(ports, made.migration_id, Caller("ann"), made.version)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}


def test_a_slot_taken_after_the_failure_had_given_it_back_goes_back(ports: Ports) -> None:
    """Two deliveries of one admission: the slow one took the slot again, but its step came too late."""
    made = migration(3, state=State.READY)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])

    def overtaken(found: Migration, ports: Ports) -> Outcome:
        failed(ports, found)
        assert ports.admission.take_slot(
            ports.admission.slot_use(found.batch_id, found.migration_id), found.migration_id, found.batch_id, found.attempt
        )
        raise Stale("Migration.Moved", "The row has moved on.", "")

    message = Message(events.ADMISSION_DUE, "e", "replank", {"migrationId": made.migration_id})
    with pytest.raises(Stale):
        run_stage_or_fail_migration(message, ports, frozenset({State.READY}), ("snapshot", events.SNAPSHOT_FAILED), overtaken)
    assert ports.admission.repair_counts_and_list_slot_holders() == {}


def test_a_failure_is_noted_before_its_slot_is_free(ports: Ports) -> None:
    """Whoever finds the slot free must also find the failure counted, because admission reads the slots first and the batch
    second.
    """
    made = moving(ports)
    seen: list[frozenset[str]] = []
    release_slot = ports.admission.release_slot

    def looked_at(migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        seen.append(ports.batches.load_tally(made.batch_id).failed)
        release_slot(migration_id, batch_id, attempt, account=account)

    with mock.patch.object(ports.admission, "release_slot", looked_at):
        fail_migration(ports, made, "watch", events.MIGRATION_FAILED, Permanent("X.Y", "m", "r"))
    assert seen == [frozenset({made.migration_id})]


def test_a_batch_closes_once_every_migration_is_settled(ports: Ports) -> None:
    stand(ports, 1, State.MIGRATED)
    stand(ports, 2, State.FAILED)
    assert close_batch_if_settled(ports.batches.load_summary(BATCH.batch_id), ports)
    assert ports.batches.load(BATCH.batch_id).state is BatchState.CLOSED


def test_a_batch_stays_open_while_a_migration_may_ask_for_a_slot(ports: Ports) -> None:
    stand(ports, 1, State.MIGRATED)
    stand(ports, 2, State.READY)
    assert not close_batch_if_settled(ports.batches.load_summary(BATCH.batch_id), ports)
    assert ports.batches.load(BATCH.batch_id).state is BatchState.OPEN


def test_a_batch_stays_open_while_the_index_shows_too_few_of_its_migrations(ports: Ports) -> None:
    stand(ports, 1, State.MIGRATED)
    summary = ports.batches.load_summary(BATCH.batch_id)
    assert not close_batch_if_settled(replace(summary, size=2), ports)
    assert close_batch_if_settled(replace(summary, size=1), ports)


def test_a_batch_is_closed_only_as_it_was_when_its_migrations_were_looked_at(ports: Ports) -> None:
    """An acknowledgement or a retry in between reopens the batch, rightly."""
    stand(ports, 1, State.MIGRATED)
    before = ports.batches.load_summary(BATCH.batch_id)
    ports.batches.commit(BATCH, replace(BATCH, version=2))
    assert not close_batch_if_settled(before, ports)
    assert ports.batches.load(BATCH.batch_id).state is BatchState.OPEN
    assert close_batch_if_settled(ports.batches.load_summary(BATCH.batch_id), ports)
    assert not reopen_batch_if_closed(before, ports)
    assert reopen_batch_if_closed(ports.batches.load_summary(BATCH.batch_id), ports)
