"""The sweep of many snapshots: the ledger is written in bulk, and tells the truth after a failure or a death half way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from shared.adapters import tables
from shared.adapters.ledger import TablestoreLedger
from shared.adapters.store import Store
from shared.domain.errors import Permanent, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry
from shared.ports.ports import Ports
from shared.stages import sweep
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration

DAILY = Message("timer", "t", "timer", {})


class SweepKilled(BaseException):
    """The function dies. Nothing may catch this."""


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("sweep") as made:
        made.world.load_fleet(fleet(instance(1)))
        yield made


@pytest.fixture
def ports(one: Bench) -> Ports:
    return replace(one.ports, bus=FakeBus())


def due(ports: Ports, count: int, *, first: int = 1, state: State = State.CONFIRMED) -> list[Migration]:
    """Released migrations, each with a snapshot whose retention is over and that is already gone from ECS."""
    made = []
    for number in range(first, first + count):
        due_at = T0 - timedelta(days=2) if state is State.CONFIRMED else None
        each = migration(number, state=state, released_at=T0 - timedelta(days=9), due_at=due_at)
        ports.migrations.create(each, first_journal_entry(each, by="intake", reason="asked"), [])
        entry = LedgerEntry(
            migration_id=each.migration_id,
            key="0-1-d-none",
            region_id=each.region_id,
            instance_id=each.instance_id,
            disk_id="d-none",
            hop=0,
            owner="replank",
            state=SnapshotState.ACCOMPLISHED,
            created_at=T0 - timedelta(days=9),
            snapshot_id=f"s-none{number:04d}",
            sweep_at=T0 - timedelta(days=2),
        )
        ports.ledger.write_new_entry(entry)
        made.append(each)
    return made


def states(ports: Ports, made: Sequence[Migration]) -> list[State]:
    return [ports.migrations.load(each.migration_id).state for each in made]


def entry_states(ports: Ports, made: Sequence[Migration]) -> list[SnapshotState]:
    return [ports.ledger.entries_of_migration(each.migration_id)[0].state for each in made]


def test_the_ledger_of_a_page_is_written_in_one_call(one: Bench, ports: Ports) -> None:
    """Each snapshot needed its own write before, on each of three pages."""
    made = due(ports, 7)
    few = replace(ports, limits=replace(ports.limits, sweep_page=3))
    calls = Counter(one.calls(lambda: sweep.handle_message(DAILY, few)))
    assert calls["DeleteSnapshot"] == 7
    of_migrations = 2 + 2  # the steps and then the outboxes of each page that has several
    assert calls["BatchWriteRow"] == 2 + of_migrations, "the last page has one entry, which is written alone"
    assert calls["PutRow"] == 1
    assert set(entry_states(ports, made)) == {SnapshotState.SWEPT}
    assert set(states(ports, made)) == {State.COMPLETED}


def with_refused_row(place: int, of: str = tables.SNAPSHOTS) -> Any:
    """Tablestore refuses one row of every bulk write to a table, and writes the others."""
    write = Store.write_rows

    def refused(self: Store, table: str, items: Sequence[Any]) -> list[Any]:
        if table != of:
            return write(self, table, items)
        results = write(self, table, [each for number, each in enumerate(items) if number != place])
        results.insert(place, mock.Mock(is_ok=False, error_code="OTSRowOperationConflict", error_message="busy"))
        return results

    return mock.patch.object(Store, "write_rows", refused)


def test_a_row_refused_in_the_middle_is_written_alone(one: Bench, ports: Ports) -> None:
    made = due(ports, 5)
    with with_refused_row(2):
        calls = Counter(one.calls(lambda: sweep.handle_message(DAILY, ports)))
    assert (calls["BatchWriteRow"], calls["PutRow"]) == (1 + 2, 1)
    assert set(entry_states(ports, made)) == {SnapshotState.SWEPT}
    assert set(states(ports, made)) == {State.COMPLETED}


def test_a_row_that_cannot_be_written_holds_up_only_its_migration(ports: Ports) -> None:
    made = due(ports, 5)
    refuses = mock.patch.object(TablestoreLedger, "write_entry", side_effect=Permanent("Store.Refused", "too large", ""))
    with with_refused_row(2), refuses:
        facts = sweep.handle_message(DAILY, ports).facts
    assert (facts["deleted"], facts["kept"], facts["causes"]) == (4, 1, {"Store.Refused": 1})
    assert Counter(states(ports, made)) == {State.COMPLETED: 4, State.CONFIRMED: 1}
    assert sweep.handle_message(DAILY, ports).facts["deleted"] == 1
    assert set(states(ports, made)) == {State.COMPLETED}


@pytest.mark.parametrize("is_written", [False, True], ids=("before the write", "after the write"))
def test_a_run_that_died_around_the_write_of_the_ledger_is_finished_by_the_next(ports: Ports, is_written: bool) -> None:
    made, write = due(ports, 5), Store.write_rows

    def killed(self: Store, table: str, items: Sequence[Any]) -> list[Any]:
        if is_written:
            write(self, table, items)
        raise SweepKilled

    with mock.patch.object(Store, "write_rows", killed), pytest.raises(SweepKilled):
        sweep.handle_message(DAILY, ports)
    assert set(entry_states(ports, made)) == {SnapshotState.SWEPT if is_written else SnapshotState.ACCOMPLISHED}
    assert set(states(ports, made)) == {State.CONFIRMED}
    sweep.handle_message(DAILY, ports)
    assert set(entry_states(ports, made)) == {SnapshotState.SWEPT}
    assert set(states(ports, made)) == {State.COMPLETED}


def test_a_role_that_may_not_write_in_bulk_writes_one_by_one(ports: Ports) -> None:
    """New functions run with the stack of an older version until the stack is updated."""
    made = due(ports, 3)
    with mock.patch.object(Store, "write_rows", side_effect=Permanent("Store.Refused", "denied", "")):
        sweep.handle_message(DAILY, ports)
    assert set(states(ports, made)) == {State.COMPLETED}


@pytest.mark.parametrize("error", [Transient(sweep.NO_ANSWER, "no answer", ""), Transient("Store.Unavailable", "down", "")])
def test_what_was_deleted_before_a_region_fell_silent_or_the_store_failed_is_recorded(ports: Ports, error: Transient) -> None:
    made = due(ports, 3)
    answers: list[Any] = [True, error, True]
    with mock.patch.object(type(ports.compute), "delete_snapshot", side_effect=answers, create=True):
        if error.code == sweep.NO_ANSWER:
            assert sweep.handle_message(DAILY, ports).facts["deleted"] == 1
        else:
            with pytest.raises(Transient):
                sweep.handle_message(DAILY, ports)
    assert Counter(entry_states(ports, made)) == {SnapshotState.SWEPT: 1, SnapshotState.ACCOMPLISHED: 2}


def test_a_run_whose_time_is_over_deletes_no_further_portion(ports: Ports) -> None:
    made = due(ports, 4)
    with mock.patch.multiple(sweep, RECORDED_TOGETHER=2, PATIENCE=timedelta(seconds=1)):
        clock = iter([T0, T0, T0, T0, T0, *[T0 + timedelta(minutes=9)] * 99])
        late = replace(ports, clock=mock.Mock(now=lambda: next(clock)))
        assert sweep.handle_message(DAILY, late).facts["deleted"] == 2
    assert Counter(entry_states(ports, made)) == {SnapshotState.SWEPT: 2, SnapshotState.ACCOMPLISHED: 2}
