"""An outbox whose only event was received is removed by the receiver's next write: one call less for a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from shared.adapters import tables
from shared.domain import events
from shared.domain.effects import CountOutcome, Effect
from shared.domain.errors import Permanent, Transient
from shared.domain.events import Event
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, Step, first_journal_entry, step_to_state
from shared.domain.timing import LOST, OUTBOX_GRACE
from shared.ports.migrations import Migrations
from shared.ports.ports import Ports
from shared.stages import watch
from shared.stages.advance import advance_migration, remove_received_outbox, run_stage_or_fail_migration
from tests.support.fakes import FakeBus
from tests.support.ports import Bench, bench, migration

_numbers = iter(range(1, 10_000))
STATES = frozenset({State.SNAPSHOTTED})


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def ports(one: Bench) -> Ports:
    """The bus keeps what is published, and delivers nothing."""
    return replace(one.ports, bus=FakeBus())


@pytest.fixture
def rows(ports: Ports) -> Migrations:
    return ports.migrations


def snapshotting(ports: Ports) -> Migration:
    """A row whose snapshots are being made. Nothing is in its outbox."""
    made = migration(next(_numbers), state=State.SNAPSHOTTING, entered_at=ports.clock.now(), due_at=ports.clock.now() + LOST)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def ready(ports: Ports, made: Migration, *types: str, effects: tuple[Effect, ...] = ()) -> Step:
    """The step to snapshotted, with events of these types and these effects."""
    now = ports.clock.now()
    taken = step_to_state(made, State.SNAPSHOTTED, now=now, by="snapshot", reason="made", due_at=now + LOST)
    told = tuple(events.migration_event(taken.after, type, stage="migrate") for type in types or (events.SNAPSHOT_READY,))
    return replace(taken, effects=effects, events=told)


def next_step(ports: Ports, found: Migration) -> Step:
    now = ports.clock.now()
    return step_to_state(found, State.SNAPSHOTTED, now=now, by="migrate", reason="begun", due_at=now + timedelta(hours=9))


def message(event: Event) -> Message:
    return Message(event.type, event.event_id, "replank", event.data)


def owed(rows: Migrations, made: Migration) -> list[int]:
    return [box.version for box in rows.outboxes(made.migration_id)]


def is_due(ports: Ports, made: Migration, after: timedelta) -> bool:
    due = ports.migrations.list_due_and_postpone_unreadable(ports.clock.now() + after, 200)
    return made.migration_id in {each.migration_id for each in due}


# The row --------------------------------------------------------------------------------------------------------------


def test_the_receivers_step_removes_the_outbox_in_the_same_call(ports: Ports, rows: Migrations, one: Bench) -> None:
    taken = ready(ports, snapshotting(ports))
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    assert (found.owes, found.received) == ((2,), 2)
    assert one.calls(lambda: rows.commit(next_step(ports, found))) == ["UpdateRow"]
    assert owed(rows, found) == []
    assert not is_due(ports, found, timedelta(hours=8)), "the row is due only when its new state says so"
    assert is_due(ports, found, timedelta(hours=10))


@pytest.mark.parametrize("received", ["", "another", "the same id and more"])
def test_whoever_received_another_event_removes_nothing(ports: Ports, rows: Migrations, received: str) -> None:
    taken = ready(ports, snapshotting(ports))
    rows.commit(taken)
    own = taken.events[0].event_id
    found = rows.load(taken.after.migration_id, event_id={"the same id and more": own[:-1]}.get(received, received))
    assert (found.owes, found.received) == ((2,), 0)
    rows.commit(next_step(ports, found))
    assert owed(rows, found) == [2]
    assert is_due(ports, found, OUTBOX_GRACE), "the tick still sends what the outbox holds"


@pytest.mark.parametrize("place", [0, 1])
def test_one_of_two_events_is_not_the_whole_outbox(ports: Ports, rows: Migrations, place: int) -> None:
    taken = ready(ports, snapshotting(ports), events.SNAPSHOT_READY, events.INSTANCE_DISTURBED)
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[place].event_id)
    assert found.received == 0
    rows.commit(next_step(ports, found))
    assert owed(rows, found) == [2]


def test_an_outbox_with_an_effect_stays_until_the_effect_is_carried_out(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports), effects=(CountOutcome("failed"),))
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    assert found.received == 0
    rows.commit(next_step(ports, found))
    assert owed(rows, found) == [2]


def test_an_older_outbox_stays_and_keeps_the_row_due(ports: Ports, rows: Migrations) -> None:
    first = replace(ready(ports, snapshotting(ports)), effects=(CountOutcome("failed"),), events=())
    rows.commit(first)
    taken = replace(next_step(ports, rows.load(first.after.migration_id)), events=ready(ports, first.before).events)
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    assert (found.owes, found.received, found.remaining_outbox_versions) == ((2, 3), 3, (2,))
    rows.commit(next_step(ports, found))
    assert owed(rows, found) == [2]
    assert is_due(ports, found, OUTBOX_GRACE)


def test_a_later_due_time_removes_the_outbox_too(ports: Ports, rows: Migrations, one: Bench) -> None:
    taken = ready(ports, snapshotting(ports))
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    later = ports.clock.now() + timedelta(minutes=1)
    assert one.calls(lambda: rows.change_due_time(found, later)) == ["UpdateRow"]
    assert owed(rows, found) == []
    assert is_due(ports, found, timedelta(minutes=1))


def test_the_received_outbox_is_no_part_of_the_document(ports: Ports, rows: Migrations) -> None:
    made = replace(snapshotting(ports), owes=(1,), received=1)
    assert '"received"' not in tables.migration_columns(made)["doc"]


@pytest.mark.parametrize("written", ["no json {id}", '{{"events": [{{"event_id": "{id}"}}]}}', '["{id}"]', '{{"effects": {id}}}'])
def test_an_outbox_that_cannot_be_read_is_nobodys_to_remove(written: str) -> None:
    row = {tables.numbered_column_name(tables.OUTBOX, 4): written.format(id="e-1")}
    assert tables.version_of_received_outbox(row, "e-1") == 0


def test_a_step_that_was_not_written_leaves_the_outbox(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports))
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    rows.commit(next_step(ports, replace(found, received=0)))  # somebody else, who has not received the event, is first
    with pytest.raises(Exception, match="no longer at version"):
        rows.commit(next_step(ports, found))
    assert owed(rows, found) == [2]


def test_an_older_version_that_removes_the_outbox_itself_is_no_harm(ports: Ports, rows: Migrations) -> None:
    """During an upgrade, the step may be an older function's, which removes its outbox after it has published its event."""
    taken = ready(ports, snapshotting(ports))
    rows.commit(taken)
    found = rows.load(taken.after.migration_id, event_id=taken.events[0].event_id)
    rows.remove_outbox(taken.after, 2)
    after = next_step(ports, found)
    rows.commit(after)
    rows.remove_outbox(taken.after, 2)
    assert rows.load(found.migration_id) == after.after
    assert not is_due(ports, found, timedelta(hours=8))


def test_an_older_version_that_receives_the_event_leaves_the_outbox_to_the_tick(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports))
    advance_migration(ports, taken)
    older = replace(rows.load(taken.after.migration_id), received=0)
    rows.commit(next_step(ports, older))
    assert owed(rows, older) == [2]
    assert is_due(ports, older, OUTBOX_GRACE)


# The stages -----------------------------------------------------------------------------------------------------------


def run(ports: Ports, taken: Step, body: Any) -> Outcome:
    return run_stage_or_fail_migration(message(taken.events[0]), ports, STATES, ("migrate", events.START_FAILED), body)


def begin(found: Migration, ports: Ports) -> Outcome:
    advance_migration(ports, next_step(ports, found))
    return Outcome("done")


def test_a_step_that_hands_over_takes_three_calls(one: Bench) -> None:
    ports, made = one.ports, snapshotting(one.ports)
    assert one.calls(lambda: advance_migration(ports, ready(ports, made))) == ["UpdateRow", "putEvents"]
    taken = ready(ports, made)
    assert one.calls(lambda: run(ports, taken, begin)) == ["GetRow", "UpdateRow"]
    assert owed(ports.migrations, made) == []


def test_a_step_that_wakes_no_stage_takes_four_calls_as_before(one: Bench) -> None:
    ports, made = one.ports, snapshotting(one.ports)
    told = one.calls(lambda: advance_migration(ports, ready(ports, made, events.MIGRATION_STARTED)))
    assert told == ["UpdateRow", "putEvents", "UpdateRow"]


def test_a_further_step_of_the_same_invocation_knows_the_outbox_that_stays(ports: Ports, rows: Migrations) -> None:
    after = advance_migration(ports, ready(ports, snapshotting(ports)))
    assert after.owes == (2,)
    rows.commit(next_step(ports, after))
    assert is_due(ports, after, OUTBOX_GRACE)


def test_an_event_handled_twice_removes_one_outbox_once(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports))
    advance_migration(ports, taken)
    for _ in range(2):
        assert run(ports, taken, begin).result == "done"
    assert (owed(rows, taken.after), rows.load(taken.after.migration_id).version) == ([], 4)


def test_a_stage_that_waits_without_a_step_removes_what_it_received(ports: Ports, rows: Migrations, one: Bench) -> None:
    taken = ready(ports, snapshotting(ports))
    advance_migration(ports, taken)

    def wait(found: Migration, ports: Ports) -> Outcome:
        remove_received_outbox(found, ports)
        remove_received_outbox(replace(found, received=0), ports)
        return Outcome("waiting")

    assert one.calls(lambda: run(ports, taken, wait)) == ["GetRow", "UpdateRow"]
    assert owed(rows, taken.after) == []
    assert not is_due(ports, taken.after, LOST - timedelta(seconds=1))
    assert is_due(ports, taken.after, LOST)


def test_a_stage_that_fails_for_now_leaves_the_outbox(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports))
    advance_migration(ports, taken)

    def fail(found: Migration, ports: Ports) -> Outcome:
        raise Transient("Throttling.User", "Too many requests.")

    with pytest.raises(Transient):
        run(ports, taken, fail)
    assert owed(rows, taken.after) == [2]


def test_a_migration_that_fails_removes_what_its_stage_received(ports: Ports, rows: Migrations) -> None:
    taken = ready(ports, snapshotting(ports))
    advance_migration(ports, taken)

    def fail(found: Migration, ports: Ports) -> Outcome:
        raise Permanent("Instance.Gone", "The instance is gone.", "Nothing to do.")

    without_batch = replace(ports, batches=cast(Any, _AnyBatch()))
    assert run(without_batch, taken, fail).result == "failed"
    found = rows.load(taken.after.migration_id)
    assert (found.state, owed(rows, found)) == (State.FAILED, [])


class _AnyBatch:
    def write_attempt_outcome(self, *_: Any) -> None:
        pass


# The tick -------------------------------------------------------------------------------------------------------------


def tick(ports: Ports) -> None:
    watch.handle_message(Message("timer", f"t-{ports.clock.now()}", "timer", {}), ports)


def sent(ports: Ports, made: Migration) -> list[str]:
    published = cast(FakeBus, ports.bus).published
    return [each.type.rpartition(":")[2] for each in published if each.data.get("migrationId") == made.migration_id]


def test_a_lost_event_is_sent_again_once_and_then_reminded_of_as_before(ports: Ports, rows: Migrations, one: Bench) -> None:
    made = snapshotting(ports)
    advance_migration(ports, ready(ports, made))
    seen = []
    for _ in range(5):
        one.world.run(1)
        tick(ports)
        seen.append(sent(ports, made))
    assert seen[0] == ["SnapshotReady"], "the tick does not send at once what waits for its receiver"
    assert seen[1] == ["SnapshotReady"] * 2, "the tick sends it again after two minutes"
    assert seen[3] == ["SnapshotReady"] * 2, "the tick sends it again only once"
    assert seen[4] == ["SnapshotReady", "SnapshotReady", "StepDue"], "then the tick wakes the stage as before"
    assert owed(rows, made) == []


def test_an_event_that_a_crash_left_unsent_is_sent_by_the_tick(ports: Ports, rows: Migrations, one: Bench) -> None:
    made = snapshotting(ports)
    rows.commit(ready(ports, made))
    for _ in range(3):
        one.world.run(1)
        tick(ports)
    assert sent(ports, made) == ["SnapshotReady"]
    assert owed(rows, made) == []
