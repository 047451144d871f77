"""The tick reminds the stages of many due migrations with few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest

from shared.adapters.store import Store
from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.domain.timing import LOOK_AGAIN, LOST
from shared.ports.ports import Ports
from shared.stages import watch
from tests.support.fakes import FakeBus
from tests.support.ports import Bench, bench, migration

TICK = Message("timer", "t", "timer", {"payload": "tick"})


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("watch") as made:
        yield made


@pytest.fixture
def ports(one: Bench) -> Ports:
    return replace(one.ports, bus=FakeBus())


def overdue(ports: Ports, *states: State) -> list[Migration]:
    made = [migration(number, state=state, due_at=ports.clock.now() - timedelta(hours=1)) for number, state in enumerate(states, 1)]
    for each in made:
        assert ports.migrations.create(each, first_journal_entry(each, by="test", reason="made"), [])
    return made


def due_again(ports: Ports, made: list[Migration]) -> dict[str, timedelta]:
    """Of each migration, how long after now the tick looks at it again. The queue is read as the tick reads it."""
    now = ports.clock.now()
    found: dict[str, timedelta] = {}
    for minutes in range(10):
        until = now + timedelta(minutes=minutes, seconds=1)
        for each in ports.migrations.due_migration_page(until, limit=1000).migrations:
            found.setdefault(each.migration_id, timedelta(minutes=minutes))
    return {each.instance_id: found[each.migration_id] for each in made}


def test_three_hundred_due_migrations_take_few_writes(one: Bench) -> None:
    """Each row was written by a call of its own."""
    made = overdue(one.ports, *[State.ACCEPTED] * 300)
    calls = Counter(one.calls(lambda: watch.handle_message(TICK, one.ports)))
    assert (calls["BatchWriteRow"], calls["UpdateRow"]) == (2, 0)
    assert set(due_again(one.ports, made).values()) == {LOOK_AGAIN}


@pytest.mark.parametrize("is_allowed", [True, False], ids=("in bulk", "one by one, with an older stack"))
def test_each_migration_is_due_again_after_the_pause_of_its_state(ports: Ports, is_allowed: bool) -> None:
    made = overdue(ports, State.ACCEPTED, State.SNAPSHOTTING, State.VALIDATING)
    denied = mock.patch.object(Store, "write_rows", side_effect=Permanent("Store.Refused", "denied", ""))
    if is_allowed:
        watch.handle_message(TICK, ports)
    else:
        with denied:
            watch.handle_message(TICK, ports)
    assert due_again(ports, made) == {"i-test0001": LOOK_AGAIN, "i-test0002": LOST, "i-test0003": LOOK_AGAIN}


def test_a_row_that_moved_on_meanwhile_keeps_its_due_time(ports: Ports) -> None:
    made = overdue(ports, State.ACCEPTED, State.ACCEPTED)
    later = ports.clock.now() + timedelta(days=1)
    ports.migrations.commit(
        step_to_state(made[0], State.PRECHECKING, now=ports.clock.now(), by="precheck", reason="begun", due_at=later)
    )
    ports.migrations.change_due_times([(each, ports.clock.now() + LOST) for each in made])
    due = ports.migrations.due_migration_page(ports.clock.now() + timedelta(hours=12), limit=9).migrations
    assert [each.migration_id for each in due] == [made[1].migration_id]
