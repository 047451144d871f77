"""Batches and ledger on Tablestore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from bench.meter import Meter
from shared.adapters import tables
from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection
from shared.domain.errors import Bug, Refused, Stale
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.policy import Policy
from shared.domain.window import Window
from shared.ports.batches import BatchTally
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from tests.support.ports import T0, Bench, CloudClock, bench, settings
from tests.support.world import World


@pytest.fixture(params=["", "drop_before", "drop_after"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    """The ports. In two of three runs every third answer of the store is lost."""
    with bench("api") as made:
        if request.param:
            made.faults({"service": "tablestore", "kind": request.param, "times": -1, "probability": 0.3})
        yield made.ports


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("api") as made:
        yield made


@contextmanager
def earlier_version() -> Iterator[None]:
    """Within the block, batches are written as before the terms had their own column."""
    columns = tables.batch_columns

    def without(made: Batch) -> dict[str, Any]:
        return {name: value for name, value in columns(made).items() if name != "terms"}

    with mock.patch.object(tables, "batch_columns", without):
        yield


def batch(number: int, **more: object) -> Batch:
    made = Batch(
        batch_id=f"b{number:016x}",
        state=BatchState.PLANNING,
        version=1,
        created_at=T0 + timedelta(minutes=number),
        origin="api",
        created_by="ann",
        selection=Selection(("cn-hangzhou",), ("i-1", "i-2")),
        policy=Policy(window=Window("22:00", "06:00"), overrides={"Fstab.Device": "known"}),
        destinations={"i-1": "alinux-3"},
        problems=(("i-9", "Instance.NotFound", "gone"),),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_batch_is_created_once_and_changed_by_version(ports: Ports) -> None:
    made = batch(1)
    assert ports.batches.create(made)
    assert not ports.batches.create(replace(made, created_by="bob"))
    after = replace(made, state=BatchState.OPEN, version=2)
    ports.batches.commit(made, after)
    assert ports.batches.load(made.batch_id) == after
    with pytest.raises(Stale) as caught:
        ports.batches.commit(made, replace(made, version=2))
    assert caught.value.code == "Batch.Moved"
    with pytest.raises(Refused) as refused:
        ports.batches.load("bnone")
    assert refused.value.code == "Batch.NotFound"


def test_only_open_and_acknowledged_batches_are_offered(ports: Ports) -> None:
    made = batch(2, state=BatchState.OPEN)
    ports.batches.create(made)
    assert made.summary not in ports.batches.open_batches(10)
    given = replace(made, acknowledgement=Acknowledgement("ann", T0, "2026-11", RISKS), version=2)
    ports.batches.commit(made, given)
    assert given.summary in ports.batches.open_batches(10)
    ports.batches.commit(given, replace(given, state=BatchState.CLOSED, version=3))
    assert made.batch_id not in [each.batch_id for each in ports.batches.open_batches(10)]


def test_terms_are_read_without_the_instances() -> None:
    """A batch of a thousand instances costs a stage no more than a batch of two."""
    ids = tuple(f"i-{number:020d}" for number in range(1000))
    made = batch(5, selection=Selection(("cn-hangzhou",), ids), acknowledgement=Acknowledgement("ann", T0, "2026-11", RISKS))
    meter = Meter()
    world = World(around=meter.around)
    with world.connected(), mock.patch.dict(os.environ, {"FC_FUNCTION_NAME": "replank-validate"}):
        batches = make_ports("validate", settings(), function_credentials(os.environ, None), CloudClock(world)).batches
        batches.create(made)
        meter.units.clear()
        assert batches.load_summary(made.batch_id) == made.summary
        assert batches.load_tally(made.batch_id) == BatchTally(made.summary, frozenset(), frozenset())
        assert meter.units == {"read": 2, "write": 0}
        assert batches.load(made.batch_id) == made
        assert meter.units["read"] > 5
        whole = meter.units["read"] - 2
        meter.units.clear()
        assert batches.load_batch_and_tally(made.batch_id) == (made, BatchTally(made.summary, frozenset(), frozenset()))
        assert meter.units["read"] == whole, "both by one call, which costs no more than the document alone"


def test_terms_of_a_row_that_an_earlier_version_wrote_come_from_its_document(one: Bench) -> None:
    """The earlier version writes no terms. When it changes the row, it leaves a later version's terms unchanged."""
    made = batch(6, state=BatchState.OPEN, acknowledgement=Acknowledgement("ann", T0, "2026-11", RISKS))
    one.ports.batches.create(made)
    after = replace(made, state=BatchState.CLOSED, version=2)
    with earlier_version():
        one.ports.batches.commit(made, after)
        old = batch(7, state=BatchState.OPEN, acknowledgement=made.acknowledgement)
        one.ports.batches.create(old)
    assert one.ports.batches.load_summary(made.batch_id) == after.summary
    assert one.ports.batches.load_tally(old.batch_id) == BatchTally(old.summary, frozenset(), frozenset())
    found = one.ports.batches.open_batches(10)
    assert old.summary in found
    assert made.batch_id not in [each.batch_id for each in found]


def test_batches_are_listed_newest_first(ports: Ports) -> None:
    made = [batch(number) for number in range(101, 106)]
    for each in made:
        ports.batches.create(each)
    first = ports.batches.batch_page(limit=3, token="")
    second = ports.batches.batch_page(limit=2, token=first.next_token)
    assert [*first.batches, *second.batches] == made[::-1]


def test_outcomes_are_sets(ports: Ports) -> None:
    made = batch(3)
    ports.batches.create(made)
    for outcome, migration in (("failed", "ma"), ("failed", "ma"), ("failed", "mb"), ("moved", "mc")):
        ports.batches.write_attempt_outcome(made.batch_id, migration, outcome)
    ports.batches.write_attempt_outcome(made.batch_id, "mb", "retried", 2)
    assert ports.batches.load_tally(made.batch_id) == BatchTally(made.summary, frozenset({"ma"}), frozenset({"mc"}))
    assert ports.batches.load(made.batch_id) == made
    assert ports.batches.load_batch_and_tally(made.batch_id) == (made, ports.batches.load_tally(made.batch_id))
    for ask in (ports.batches.load_tally, ports.batches.load_batch_and_tally):
        with pytest.raises(Refused) as refused:
            ask("bnone")
        assert refused.value.code == "Batch.NotFound"
    with pytest.raises(Bug):
        ports.batches.write_attempt_outcome(made.batch_id, "ma", "lost")


def test_a_retry_takes_back_the_failure_before_it_and_no_later_one(ports: Ports) -> None:
    made = batch(4)
    ports.batches.create(made)
    for outcome, attempt in (("failed", 1), ("retried", 2), ("retried", 2), ("failed", 2), ("retried", 2)):
        ports.batches.write_attempt_outcome(made.batch_id, "ma", outcome, attempt)
    assert ports.batches.load_tally(made.batch_id).failed == {"ma"}
    ports.batches.write_attempt_outcome(made.batch_id, "ma", "retried", 3)
    assert ports.batches.load_tally(made.batch_id).failed == frozenset()


def entry(migration_id: str, key: str, **more: object) -> LedgerEntry:
    made = LedgerEntry(migration_id, key, "cn-hangzhou", "i-1", "d-1", 0, "replank", SnapshotState.INTENDED, T0)
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_ledger_keeps_the_first_intent(ports: Ports) -> None:
    first = entry("ml", "0-1-d-1")
    assert ports.ledger.write_new_entry(first) == first
    made = replace(first, snapshot_id="s-1", state=SnapshotState.CREATING)
    ports.ledger.write_entry(made)
    assert ports.ledger.write_new_entry(first) == made
    other = entry("ml", "0-1-d-2")
    ports.ledger.write_entry(other)
    assert ports.ledger.entries_of_migration("ml") == [made, other]
    assert ports.ledger.entries_of_migration("mnone") == []


def test_an_entry_with_its_time_is_not_replaced_by_one_without(ports: Ports) -> None:
    slow = entry("mw", "0-1-d-1", snapshot_id="s-1", state=SnapshotState.CREATING)
    scheduled = replace(slow, sweep_at=T0)
    ports.ledger.write_entry(slow)
    ports.ledger.write_entry(replace(slow, size_gib=40))
    ports.ledger.write_entry(scheduled)
    with pytest.raises(Stale, match="swept"):
        ports.ledger.write_entry(replace(slow, state=SnapshotState.ACCOMPLISHED))
    assert ports.ledger.entries_of_migration("mw") == [scheduled]
    later = replace(scheduled, sweep_at=T0 + timedelta(days=1))
    ports.ledger.write_entry(later)
    assert ports.ledger.entries_of_migration("mw") == [later]


def test_due_entries_are_released_past_their_time_and_not_swept(ports: Ports) -> None:
    late, later = (entry("ms", f"k{days}", sweep_at=T0 - timedelta(days=days)) for days in (2, 1))
    kept = entry("ms", "kept")
    swept = entry("ms", "swept", sweep_at=T0 - timedelta(days=3), state=SnapshotState.SWEPT)
    future = entry("ms", "future", sweep_at=T0 + timedelta(seconds=1))
    for each in (later, late, kept, swept, future):
        ports.ledger.write_entry(each)
    assert ports.ledger.entries_due_for_sweep(T0, limit=10, token="").entries == (late, later)
    first = ports.ledger.entries_due_for_sweep(T0, limit=1, token="")
    ports.ledger.write_entry(replace(late, state=SnapshotState.SWEPT))
    rest = ports.ledger.entries_due_for_sweep(T0, limit=1, token=first.next_token)
    assert (first.entries, rest.entries, rest.next_token) == ((late,), (later,), "")
    assert ports.ledger.entries_due_for_sweep(T0, limit=10, token="").entries == (later,)
    page = ports.ledger.ledger_entry_page(limit=3, token="")
    rest = ports.ledger.ledger_entry_page(limit=100, token=page.next_token)
    assert {each.key for each in [*page.entries, *rest.entries] if each.migration_id == "ms"} == {
        "k1",
        "k2",
        "kept",
        "swept",
        "future",
    }
