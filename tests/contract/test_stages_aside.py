"""Unreadable rows in the real tables: they are postponed, left unchanged, and stop nobody."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters import tables
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.effects import CleanUpDriver
from shared.domain.errors import Permanent, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.message import Message
from shared.domain.migration import DriverData, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.domain.timing import CLOCKS_APART, LONGEST_BACK_OFF
from shared.runtime.composition import function_credentials, make_ports
from shared.stages import sweep
from shared.stages.api import stuck
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, CloudClock, bench, migration, settings
from tests.support.world import World

LATER = '{"state":"ready","of":"a later version"}'


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("watch") as made:
        yield made


def store_of(one: Bench) -> Any:
    return one.ports.migrations._store  # type: ignore[attr-defined]


def spoil(one: Bench, table: str, key: tuple[tuple[str, str], ...], column: str = "doc") -> None:
    assert store_of(one).update(table, key, {column: LATER})


def stand(one: Bench, number: int, **more: Any) -> str:
    made = migration(number, **more)
    one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made.migration_id


def test_unreadable_rows_at_the_head_of_the_due_step_aside_and_are_left_as_they_are(one: Bench) -> None:
    rows = one.ports.migrations
    bad = [stand(one, number, state=State.PRECHECKING, due_at=T0 - timedelta(hours=1)) for number in (1, 2)]
    good = stand(one, 3, state=State.PRECHECKING, due_at=T0)
    for each in bad:
        spoil(one, tables.MIGRATIONS, (("migration_id", each),))
    assert rows.list_due_and_postpone_unreadable(T0, 2) == [], "they fill the page once"
    assert [each.migration_id for each in rows.list_due_and_postpone_unreadable(T0, 2)] == [good]
    for each in bad:
        row = store_of(one).get(tables.MIGRATIONS, (("migration_id", each),))
        assert row["doc"] == LATER
        assert (row["state"], row["version"], row["due_lane"]) == ("prechecking", 1, tables.DRIVE)
    good_again = rows.list_due_and_postpone_unreadable(T0 + LONGEST_BACK_OFF, 1)
    assert good_again == rows.load_migrations([good]), "and they are looked at again, behind the others"


def test_a_page_says_which_rows_it_cannot_read_and_why(one: Bench) -> None:
    bad, good = stand(one, 1), stand(one, 2)
    spoil(one, tables.MIGRATIONS, (("migration_id", bad),))
    page = one.ports.migrations.migration_page_of_batch(migration(1).batch_id, state=None, limit=10, token="")
    assert [each.migration_id for each in page.migrations] == [good]
    assert [each.id for each in page.unreadable] == [bad]
    assert "migration_id" in page.unreadable[0].cause


def test_a_batch_goes_on_behind_a_row_that_nobody_can_read() -> None:
    with World().connected() as world:
        world.load_fleet(fleet(*[instance(number) for number in range(1, 4)]))
        ids = [f"i-test{number:04d}" for number in range(1, 4)]
        batch = world.api.post("/batches", {"instanceIds": ids, "policy": {"maxMoving": 1, "retentionDays": 1}})["batchId"]
        world.run(20)
        ports = make_ports("watch", settings(), function_credentials(os.environ, None), CloudClock(world))
        first = _first_of(ports, batch)
        ports.migrations._store.update(tables.MIGRATIONS, (("migration_id", first),), {"doc": LATER})  # type: ignore[attr-defined]
        world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
        world.run_until(lambda: list(world.states().values()).count("migrated") == 2, minutes=6 * 60, every=10)
        row = ports.migrations._store.get(tables.MIGRATIONS, (("migration_id", first),))  # type: ignore[attr-defined]
        assert (row["doc"], row["state"]) == (LATER, "ready")


def _first_of(ports: Any, batch: str) -> str:
    first = ports.migrations.admission_queue(batch, limit=1)[0]
    return str(getattr(first, "migration_id", first))


def test_unreadable_batches_take_no_other_batchs_place(one: Bench) -> None:
    given = Acknowledgement("ann", T0, "1", ())
    for name in ("b1", "b2", "b3"):
        made = Batch(name, BatchState.OPEN, 1, T0, "api", "ann", Selection(()), Policy(), acknowledgement=given)
        one.ports.batches.create(made)
    for name in ("b1", "b2"):
        for column in ("doc", "terms"):
            spoil(one, tables.BATCHES, (("batch_id", name),), column)
    assert [each.batch_id for each in one.ports.batches.open_batches(1)] == ["b3"]


class Refusing:
    """A compute port that fails for some snapshots."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors, self.asked = errors, list[str]()

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        self.asked.append(snapshot_id)
        if snapshot_id in self.errors:
            raise self.errors[snapshot_id]
        return True


def released(one: Bench, number: int, region_id: str = "cn-hangzhou") -> None:
    """A cancelled migration with one snapshot whose retention is over."""
    over = T0 - timedelta(days=1) + timedelta(minutes=number)
    stand(one, number, state=State.CANCELLED, region_id=region_id, released_at=over - timedelta(days=7))
    key, made = f"0-1-d-{number}", SnapshotState.ACCOMPLISHED
    mid = migration(number).migration_id
    one.ports.ledger.write_entry(
        LedgerEntry(mid, key, region_id, f"i-{number}", f"d-{number}", 0, "replank", made, T0, f"s-{number}", sweep_at=over)
    )


def test_a_snapshot_that_cannot_be_deleted_does_not_end_the_sweep(one: Bench) -> None:
    for number in (1, 2, 3):
        released(one, number)
    compute: Any = Refusing({"s-1": Permanent("Forbidden.RAM", "no", "Give it.")})
    ports = replace(one.ports, compute=compute, bus=FakeBus())
    one.world.at(T0 + CLOCKS_APART)
    done = sweep.handle_message(Message("timer", "t", "timer", {}), ports)
    assert (done.facts["deleted"], done.facts["kept"], done.facts["causes"]) == (2, 1, {"Forbidden.RAM": 1})


def test_a_region_that_does_not_answer_is_asked_once(one: Bench) -> None:
    for number, region in ((1, "cn-shanghai"), (2, "cn-shanghai"), (3, "cn-hangzhou")):
        released(one, number, region)
    compute: Any = Refusing({f"s-{number}": Transient("Cloud.NoAnswer", "no answer") for number in (1, 2)})
    ports = replace(one.ports, compute=compute, bus=FakeBus())
    one.world.at(T0 + CLOCKS_APART)
    done = sweep.handle_message(Message("timer", "t", "timer", {}), ports)
    assert (done.facts["deleted"], compute.asked) == (1, ["s-1", "s-3"])


def test_a_ledger_row_that_nobody_can_read_does_not_end_the_sweep(one: Bench) -> None:
    for number in (1, 2):
        released(one, number)
    mid = migration(1).migration_id
    spoil(one, tables.SNAPSHOTS, (("migration_id", mid), ("key", "0-1-d-1")))
    compute: Any = Refusing({})
    one.world.at(T0 + CLOCKS_APART)
    done = sweep.handle_message(Message("timer", "t", "timer", {}), replace(one.ports, compute=compute, bus=FakeBus()))
    assert (done.facts["deleted"], compute.asked) == (1, ["s-2"])
    row = store_of(one).get(tables.SNAPSHOTS, (("migration_id", mid), ("key", "0-1-d-1")))
    assert json.loads(row["doc"]) == json.loads(LATER)


def test_what_stands_still_is_listed_with_its_cause(one: Bench) -> None:
    ports = replace(one.ports, bus=FakeBus())
    given = Acknowledgement("ann", T0, "1", ())
    opened = Batch(migration(1).batch_id, BatchState.OPEN, 1, T0, "api", "ann", Selection(()), Policy(), acknowledgement=given)
    ports.batches.create(opened)
    silent = (("cn-shanghai", "Cloud.NoAnswer", "Region cn-shanghai does not answer."),)
    ports.batches.create(replace(opened, batch_id="b2", state=BatchState.PLANNING, problems=silent))
    ports.batches.create(replace(opened, batch_id="b3"))
    spoil(one, tables.BATCHES, (("batch_id", "b3"),))
    driven = stand(one, 1, state=State.PRECHECKING, due_at=T0)
    ready = stand(one, 2, state=State.READY, entered_at=T0)
    for each in (driven, ready):
        spoil(one, tables.MIGRATIONS, (("migration_id", each),))
    fine = migration(3, state=State.PRECHECKING, due_at=one.now, entered_at=one.now)
    ports.migrations.create(fine, first_journal_entry(fine, by="intake", reason="asked"), [])
    late = migration(4, state=State.VALIDATING, entered_at=one.now - timedelta(hours=1), handle=DriverData(source_id="s-1"))
    ports.migrations.create(late, first_journal_entry(late, by="intake", reason="asked"), [])
    taken = step_to_state(late, State.MIGRATED, now=one.now - timedelta(hours=1), by="validate", reason="done")
    ports.migrations.commit(replace(taken, effects=(CleanUpDriver(late.handle),)))
    before = store_of(one).get(tables.MIGRATIONS, (("migration_id", driven),))
    found = stuck.stuck_rows(ports)
    assert {(each.kind, each.id) for each in found.stuck} == {
        ("unreadable migration", driven),
        ("unreadable migration", ready),
        ("unreadable batch", "b3"),
        ("planning", "b2"),
        ("owed", late.migration_id),
    }
    causes = {each.id: each.cause for each in found.stuck}
    assert "CleanUpDriver" in causes[late.migration_id]
    assert "does not answer" in causes["b2"]
    assert "is missing" in causes[driven]
    assert not found.more
    assert store_of(one).get(tables.MIGRATIONS, (("migration_id", driven),)) == before, "a look changes nothing"


@pytest.mark.parametrize(
    "state", [State.READY, State.WAITING, State.MIGRATED, State.FAILED, State.PRECHECK_FAILED, State.ROLLING_BACK, State.CONFIRMED]
)
def test_a_row_that_nobody_can_read_is_listed_in_every_state_that_has_not_ended(one: Bench, state: State) -> None:
    given = Acknowledgement("ann", T0, "1", ())
    opened = Batch(migration(1).batch_id, BatchState.OPEN, 1, T0, "api", "ann", Selection(()), Policy(), acknowledgement=given)
    one.ports.batches.create(opened)
    due = {"due_at": T0} if state in (State.ROLLING_BACK, State.CONFIRMED) else {}
    bad = stand(one, 1, state=state, entered_at=T0, **due)
    spoil(one, tables.MIGRATIONS, (("migration_id", bad),))
    assert [(each.kind, each.id) for each in stuck.stuck_rows(one.ports).stuck] == [("unreadable migration", bad)]


@pytest.mark.parametrize("state", [State.MIGRATED, State.FAILED, State.PRECHECK_FAILED])
def test_a_row_that_nobody_can_read_is_listed_in_a_closed_batch_too(one: Bench, state: State) -> None:
    """A person still has to confirm, retry or roll back such a migration, and must see what is wrong."""
    closed = Batch(migration(1).batch_id, BatchState.CLOSED, 1, T0, "api", "ann", Selection(()), Policy())
    one.ports.batches.create(closed)
    bad = stand(one, 1, state=state, entered_at=T0)
    spoil(one, tables.MIGRATIONS, (("migration_id", bad),))
    assert [(each.kind, each.id) for each in stuck.stuck_rows(one.ports).stuck] == [("unreadable migration", bad)]


def test_a_list_that_could_not_look_through_a_state_says_that_there_is_more(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Acknowledgement("ann", T0, "1", ())
    opened = Batch(migration(1).batch_id, BatchState.OPEN, 1, T0, "api", "ann", Selection(()), Policy(), acknowledgement=given)
    one.ports.batches.create(opened)
    for number in (1, 2, 3):
        stand(one, number, state=State.READY, entered_at=T0)
    assert not stuck.stuck_rows(one.ports).more
    monkeypatch.setattr(stuck, "OF_A_STATE", 2)
    assert stuck.stuck_rows(one.ports).more


def test_an_account_in_which_nothing_stands_still_has_an_empty_list(one: Bench) -> None:
    assert stuck.stuck_rows(one.ports).stuck == ()
