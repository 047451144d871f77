"""The sweep completes many migrations in few calls, and loses none of them if it dies between any two calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from shared.adapters import store_bulk, tables
from shared.adapters.store import Store
from shared.domain.errors import Permanent
from shared.domain.events import Event
from shared.domain.ledger import SnapshotState
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.ports.ports import Ports
from shared.stages import sweep
from shared.stages.advance import settle_outboxes
from tests.contract.test_sweep_bulk import DAILY, SweepKilled, due, entry_states, states, with_refused_row
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration

SWEPT = "SnapshotsSwept"


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("sweep") as made:
        made.world.load_fleet(fleet(instance(1)))
        yield made


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def ports(one: Bench, bus: FakeBus) -> Ports:
    return replace(one.ports, bus=bus)


def told(bus: FakeBus) -> Counter[str]:
    """How often the end of each migration's snapshots was published."""
    return Counter(each.data["migrationId"] for each in bus.published if each.type.endswith(SWEPT))


def lines(ports: Ports, made: Migration) -> list[tuple[int, State]]:
    return [(line.version, line.to_state) for line in ports.migrations.journal(made.migration_id)]


def owing(ports: Ports, made: Sequence[Migration]) -> list[str]:
    return [each.migration_id for each in ports.migrations.load_migrations([one.migration_id for one in made]) if each.owes]


def tick(ports: Ports, made: Sequence[Migration]) -> None:
    """What the tick does with rows that still owe something."""
    for each in ports.migrations.load_migrations([one.migration_id for one in made]):
        if each.owes:
            settle_outboxes(ports, each, quietly=True)


def test_two_hundred_migrations_are_completed_with_few_calls(one: Bench) -> None:
    """Each migration needed four calls besides the deletion: its ledger, the step, the event and the end of its outbox."""
    made = due(one.ports, 200)
    calls = Counter(one.calls(lambda: sweep.handle_message(DAILY, one.ports)))
    assert calls["DeleteSnapshot"] == 200
    assert calls["BatchWriteRow"] == 200 // sweep.RECORDED_TOGETHER + 2 * 2
    assert calls["putEvents"] == 2 * 7
    assert calls["UpdateRow"] == 0
    assert calls["GetRange"] <= 2 * 8 + 3, "the ledger of the migrations is read in ranges"
    assert sum(calls.values()) - calls["DeleteSnapshot"] <= 60, calls
    assert set(states(one.ports, made[:100])) == set(states(one.ports, made[100:])) == {State.COMPLETED}


def test_each_migration_is_completed_once_and_owes_nothing(ports: Ports, bus: FakeBus) -> None:
    made = due(ports, 7)
    assert sweep.handle_message(DAILY, ports).facts == {"deleted": 7, "kept": 0, "completed": 7}
    assert told(bus) == Counter(each.migration_id for each in made)
    assert owing(ports, made) == []
    for each in ports.migrations.load_migrations([one.migration_id for one in made]):
        assert (each.state, each.version, each.snapshots_swept, each.due_at) == (State.COMPLETED, 2, 1, None)
        assert lines(ports, each) == [(1, State.CONFIRMED), (2, State.COMPLETED)]
    later = T0.replace(year=T0.year + 1)
    assert ports.migrations.due_migration_page(later, limit=100).migrations == (), "no tick looks at them again"


def test_a_migration_with_another_snapshot_is_left(ports: Ports, bus: FakeBus) -> None:
    made = due(ports, 5)
    first = ports.ledger.entries_of_migration(made[2].migration_id)[0]
    for number in range(30):  # more than one range of entries
        held = replace(
            first, key=f"1-1-d-more{number:02d}", snapshot_id=f"s-held{number:02d}", sweep_at=T0.replace(year=T0.year + 1)
        )
        ports.ledger.write_entry(replace(held, state=SnapshotState.SWEPT) if number < 29 else held)
    assert sweep.handle_message(DAILY, ports).facts["completed"] == 4
    assert states(ports, made) == [State.COMPLETED if place != 2 else State.CONFIRMED for place in range(5)]
    assert made[2].migration_id not in told(bus)


def test_the_number_of_swept_snapshots_is_the_ledger_of_the_migration_alone(ports: Ports) -> None:
    made = due(ports, 3)
    for number, each in enumerate(made):
        first = ports.ledger.entries_of_migration(each.migration_id)[0]
        for more in range(number):
            ports.ledger.write_entry(replace(first, key=f"0-2-d-{more}", snapshot_id=f"s-more{number}{more}"))
    sweep.handle_message(DAILY, ports)
    assert [ports.migrations.load(each.migration_id).snapshots_swept for each in made] == [1, 2, 3]


def test_a_migration_that_a_person_changes_meanwhile_keeps_that_change(ports: Ports, bus: FakeBus) -> None:
    """The row is at another version than the sweep has read. The last part of the same run completes it."""
    made, read = due(ports, 4), type(ports.ledger).entries_of_migrations

    def changed(self: Any, ids: Sequence[str]) -> Any:
        taken = step_to_state(made[1], State.CONFIRMED, now=T0, by="ann", reason="noted", due_at=made[1].due_at)
        ports.migrations.commit(taken)
        return read(self, ids)

    with mock.patch.object(type(ports.ledger), "entries_of_migrations", changed):
        assert sweep.handle_message(DAILY, ports).facts["completed"] == 4
    assert [line.by for line in ports.migrations.journal(made[1].migration_id)] == ["intake", "ann", "sweep"]
    assert set(states(ports, made)) == {State.COMPLETED}
    versions = {each.data["migrationId"]: each.data["version"] for each in bus.published}
    assert [versions[each.migration_id] for each in made] == [2, 3, 2, 2]
    assert told(bus) == Counter(each.migration_id for each in made)


@pytest.mark.parametrize("place", range(3))
def test_a_step_refused_in_the_middle_is_written_alone(one: Bench, ports: Ports, bus: FakeBus, place: int) -> None:
    made = due(ports, 3)
    with with_refused_row(place, tables.MIGRATIONS):
        calls = Counter(one.calls(lambda: sweep.handle_message(DAILY, ports)))
    assert calls["UpdateRow"] == 2, "its step, and the end of its outbox"
    assert set(states(ports, made)) == {State.COMPLETED}
    assert set(told(bus)) == {each.migration_id for each in made}
    tick(ports, made)  # the same place was refused when the outboxes were removed
    assert owing(ports, made) == []


def test_a_row_that_cannot_be_changed_holds_up_only_its_migration(ports: Ports, bus: FakeBus) -> None:
    made = due(ports, 4)
    refuses = mock.patch.object(type(ports.migrations), "commit", side_effect=Permanent("Store.Refused", "too large", ""))
    with with_refused_row(1, tables.MIGRATIONS), refuses:
        facts = sweep.handle_message(DAILY, ports).facts
    assert (facts["deleted"], facts["completed"], facts["causes"]) == (4, 3, {"Store.Refused": 2}), (
        "the last part of the run tries again"
    )
    assert Counter(states(ports, made)) == {State.COMPLETED: 3, State.CONFIRMED: 1}
    assert sweep.handle_message(DAILY, ports).facts["completed"] == 1


def test_a_ledger_row_that_cannot_be_read_holds_up_only_its_migration(ports: Ports) -> None:
    made = due(ports, 4)
    store = ports.ledger._store  # type: ignore[attr-defined]
    key = (("migration_id", made[2].migration_id), ("key", "broken"))
    store.put_new(tables.SNAPSHOTS, key, {"doc": "{"})
    facts = sweep.handle_message(DAILY, ports).facts
    assert (facts["completed"], facts["causes"]) == (3, {"Store.RowInvalid": 2}), "the last part of the run tries again"
    assert states(ports, made)[2] is State.CONFIRMED


def test_events_that_the_bus_refuses_stay_with_their_migrations(ports: Ports, bus: FakeBus) -> None:
    made = due(ports, 3)
    bus.down = True
    assert sweep.handle_message(DAILY, ports).facts["completed"] == 3
    assert len(owing(ports, made)) == 3
    bus.down = False
    tick(ports, made)
    assert told(bus) == Counter(each.migration_id for each in made)
    assert owing(ports, made) == []


def test_a_role_that_may_not_write_migrations_in_bulk_completes_them_one_by_one(ports: Ports, bus: FakeBus) -> None:
    made = due(ports, 3)
    with mock.patch.object(Store, "write_rows", side_effect=Permanent("Store.Refused", "denied", "")):
        assert sweep.handle_message(DAILY, ports).facts["completed"] == 3
    assert set(states(ports, made)) == {State.COMPLETED}
    assert owing(ports, made) == []


def test_large_rows_are_written_in_several_calls(one: Bench, ports: Ports) -> None:
    """Tablestore takes 4 MB in one bulk write."""
    made = due(ports, 6)
    with mock.patch.object(store_bulk, "BATCH_BYTES", 1):
        calls = Counter(one.calls(lambda: sweep.handle_message(DAILY, ports)))
    assert calls["BatchWriteRow"] == 1 + 6 + 1, "the ledger and the outboxes are small"
    assert calls["UpdateRow"] == 0
    assert set(states(ports, made)) == {State.COMPLETED}


class DyingBus(FakeBus):
    """A bus in front of which, or behind which, the function may die."""

    def publish(self, events: Sequence[Event]) -> None:
        CALLS.around(lambda: super(DyingBus, self).publish(events))


class Calls:
    """Counts calls of the store and the bus. The function dies at call ``last``, before or after it."""

    def __init__(self) -> None:
        self.last, self.made, self.after = 0, 0, False

    def around(self, call: Any) -> Any:
        self.made += 1
        if self.made == self.last and not self.after:
            raise SweepKilled
        answer = call()
        if self.made == self.last:
            raise SweepKilled
        return answer


CALLS = Calls()


@pytest.mark.parametrize("after", [False, True], ids=("before a call", "after a call"))
def test_nothing_is_lost_wherever_the_sweep_dies(one: Bench, after: bool) -> None:
    """Each run is killed one call later, until a run has nothing left to be killed at."""
    send, ports, bus = Store._send_request, one.ports, DyingBus()
    ports = replace(ports, bus=bus)

    def counted(self: Store, *arguments: Any, **options: Any) -> Any:
        return CALLS.around(lambda: send(self, *arguments, **options))

    made, killed_at, began = list[Migration](), 0, 0
    while True:
        CALLS.last = CALLS.made = 0
        some = due(ports, 3, first=began + 1)
        began += 3
        killed_at += 1
        CALLS.last, CALLS.made, CALLS.after = killed_at, 0, after
        with mock.patch.object(Store, "_send_request", counted):
            try:
                sweep.handle_message(DAILY, ports)
                is_killed = False
            except SweepKilled:
                is_killed = True
            CALLS.last = 0
        published = told(bus)
        for each in ports.migrations.load_migrations([one.migration_id for one in some]):
            done = each.state is State.COMPLETED
            assert done or each.state is State.CONFIRMED
            assert not done or each.owes or published[each.migration_id], "its event is published, or the outbox holds it"
            assert done or not published[each.migration_id]
        made += some
        if not is_killed:
            break
        tick(ports, some)
        sweep.handle_message(DAILY, ports)
        assert set(states(ports, some)) == {State.COMPLETED}
        assert set(entry_states(ports, some)) == {SnapshotState.SWEPT}
        assert owing(ports, some) == []
    assert killed_at > 10
    assert set(told(bus)) == {each.migration_id for each in made}
    for each in made:
        assert lines(ports, each) == [(1, State.CONFIRMED), (2, State.COMPLETED)]


@pytest.mark.parametrize("others", [0, 3, 60])
def test_the_entries_of_many_migrations_are_read_together(ports: Ports, others: int) -> None:
    """Entries of other migrations lie between. Each migration has the same entries as when it is read alone."""
    first = ports.ledger.entries_of_migration(due(ports, 1)[0].migration_id)[0]
    wanted = {f"mt{number:02d}": number % 4 for number in range(0, 40, 2)} | {"mt50": 25}
    for migration_id, count in wanted.items():
        for number in range(count):
            ports.ledger.write_entry(replace(first, migration_id=migration_id, key=f"0-1-d-{number:02d}"))
        for number in range(others):
            ports.ledger.write_entry(replace(first, migration_id=f"{migration_id}x", key=f"0-1-d-{number:02d}"))
    found = ports.ledger.entries_of_migrations(list(wanted))
    assert {id: len(entries) for id, entries in found.items()} == wanted
    assert found == {id: ports.ledger.entries_of_migration(id) for id in wanted}
    assert ports.ledger.entries_of_migrations([]) == {}


# Migrations that were rolled back or cancelled wait in no queue for the end of their snapshots.

SUNDAY = T0 + timedelta(days=6)
UNCHANGED = pytest.mark.parametrize("state", [State.ROLLED_BACK, State.CANCELLED], ids=lambda each: each.value)


def on_sunday(ports: Ports) -> Ports:
    assert SUNDAY.weekday() == sweep.SUNDAY
    return replace(ports, clock=mock.Mock(now=lambda: SUNDAY))


@UNCHANGED
@pytest.mark.parametrize("count", [1, 3])
def test_an_end_that_a_dead_run_did_not_write_is_written_on_sunday(ports: Ports, bus: FakeBus, state: State, count: int) -> None:
    made = due(ports, count, state=state)
    with mock.patch.object(sweep, "_complete_migrations", side_effect=SweepKilled), pytest.raises(SweepKilled):
        sweep.handle_message(DAILY, ports)
    assert set(entry_states(ports, made)) == {SnapshotState.SWEPT}
    assert sweep.handle_message(DAILY, on_sunday(ports)).facts["completed"] == count
    assert told(bus) == Counter(each.migration_id for each in made)
    for each in ports.migrations.load_migrations([one.migration_id for one in made]):
        assert (each.state, each.snapshots_swept) == (state, 1)
        assert lines(ports, each) == [(1, state), (2, state)]
    assert sweep.handle_message(DAILY, on_sunday(ports)).facts["completed"] == 0, "each end is told once"


@UNCHANGED
def test_a_late_snapshot_that_a_dead_run_left_is_scheduled_on_sunday(ports: Ports, state: State) -> None:
    made = due(ports, 1, state=state)[0]
    first = ports.ledger.entries_of_migration(made.migration_id)[0]
    ports.ledger.write_entry(replace(first, key="0-2-d-late", snapshot_id="s-late", sweep_at=None))
    with mock.patch.object(sweep, "_complete_migrations", side_effect=SweepKilled), pytest.raises(SweepKilled):
        sweep.handle_message(DAILY, ports)
    summary = mock.Mock(policy=mock.Mock(retention_days=7))
    with mock.patch.object(type(ports.batches), "load_summary", return_value=summary):
        sweep.handle_message(DAILY, on_sunday(ports))
    late = ports.ledger.entries_of_migration(made.migration_id)[1]
    assert (late.state, late.sweep_at) == (SnapshotState.ACCOMPLISHED, T0 - timedelta(days=2))
    assert sweep.handle_message(DAILY, ports).facts == {"deleted": 1, "kept": 0, "completed": 1}
    assert ports.migrations.load(made.migration_id).snapshots_swept == 2


@UNCHANGED
def test_a_migration_without_a_snapshot_or_a_release_gains_no_line_on_sunday(ports: Ports, state: State) -> None:
    bare, held = (migration(number, state=state, released_at=T0 if number == 8 else None) for number in (8, 9))
    for each in (bare, held):
        ports.migrations.create(each, first_journal_entry(each, by="intake", reason="asked"), [])
    first = ports.ledger.entries_of_migration(due(ports, 1)[0].migration_id)[0]
    ports.ledger.write_entry(replace(first, migration_id=held.migration_id, state=SnapshotState.ACCOMPLISHED, sweep_at=None))
    sweep.handle_message(DAILY, on_sunday(ports))
    assert lines(ports, bare) == lines(ports, held) == [(1, state)]
    assert ports.ledger.entries_of_migration(held.migration_id)[0].sweep_at is None


@UNCHANGED
@pytest.mark.parametrize("count", [1, 3])
def test_the_end_is_written_in_the_same_run_if_the_row_changed_meanwhile(ports: Ports, state: State, count: int) -> None:
    made, delete = due(ports, count, state=state), sweep._delete_snapshots

    def changed(*arguments: Any) -> Any:
        taken = step_to_state(made[0], state, now=T0, by="ann", reason="noted")
        ports.migrations.commit(taken)
        return delete(*arguments)

    with mock.patch.object(sweep, "_delete_snapshots", changed):
        assert sweep.handle_message(DAILY, ports).facts["completed"] == count
    assert [line.by for line in ports.migrations.journal(made[0].migration_id)] == ["intake", "ann", "sweep"]


@UNCHANGED
@pytest.mark.parametrize("after", [False, True], ids=("before a call", "after a call"))
def test_no_end_is_lost_wherever_the_sweep_dies(one: Bench, state: State, after: bool) -> None:
    """As above, for migrations that only the weekly check finds again."""
    send, ports, bus = Store._send_request, one.ports, DyingBus()
    ports = replace(ports, bus=bus)

    def counted(self: Store, *arguments: Any, **options: Any) -> Any:
        return CALLS.around(lambda: send(self, *arguments, **options))

    made, killed_at, is_killed = list[Migration](), 0, True
    while is_killed:
        killed_at += 1
        CALLS.last = 0
        some = due(ports, 2, first=len(made) + 1, state=state)
        made += some
        CALLS.last, CALLS.made, CALLS.after = killed_at, 0, after
        with mock.patch.object(Store, "_send_request", counted):
            try:
                sweep.handle_message(DAILY, ports)
                is_killed = False
            except SweepKilled:
                is_killed = True
        CALLS.last = 0
        tick(ports, some)
        sweep.handle_message(DAILY, on_sunday(ports))
        assert set(entry_states(ports, some)) == {SnapshotState.SWEPT}
        assert owing(ports, some) == []
    assert killed_at > 5
    assert set(told(bus)) == {each.migration_id for each in made}
    for each in made:
        assert lines(ports, each) == [(1, state), (2, state)]
