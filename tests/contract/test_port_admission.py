"""Locks and slots: the same promises by the adapter on Tablestore, also where answers are lost, and by the fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.store import Store
from shared.ports.admission import Admission, Slots
from tests.support.fakes import FakeAdmission
from tests.support.ports import Bench, bench

ROW = (("lock_id", "slots"),)


@pytest.fixture(params=["fake", "", "drop_before", "drop_after"])
def admission(request: pytest.FixtureRequest) -> Iterator[Admission]:
    """The port; in two of four runs every third answer of the store is lost."""
    if request.param == "fake":
        yield FakeAdmission()
        return
    with bench("api") as made:
        if request.param:
            made.faults({"service": "tablestore", "kind": request.param, "times": -1, "probability": 0.3})
        yield made.ports.admission


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench("api") as made:
        yield made


def test_a_lock_has_one_holder(admission: Admission) -> None:
    assert admission.holder("cn-hangzhou", "i-1") == ""
    assert admission.lock("cn-hangzhou", "i-1", "ma") == "ma"
    assert admission.lock("cn-hangzhou", "i-1", "ma") == "ma"
    assert admission.lock("cn-hangzhou", "i-1", "mb") == "ma"
    assert admission.lock("cn-beijing", "i-1", "mb") == "mb"
    admission.unlock("cn-hangzhou", "i-1", "mb")
    assert admission.holder("cn-hangzhou", "i-1") == "ma"
    admission.unlock("cn-hangzhou", "i-1", "ma")
    admission.unlock("cn-hangzhou", "i-1", "ma")
    assert admission.holder("cn-hangzhou", "i-1") == ""


def test_an_earlier_attempt_cannot_give_back_what_a_retry_has_taken(admission: Admission) -> None:
    where = ("cn-hangzhou", "i-2")
    assert admission.lock(*where, "ma", 1) == "ma"
    assert admission.lock(*where, "ma", 2) == "ma"
    assert admission.lock(*where, "ma", 1) == "ma"  # a duplicate that comes late
    admission.unlock(*where, "ma", 1)
    assert admission.holder(*where) == "ma"
    admission.unlock(*where, "ma", 3)  # the end of an attempt that did not lock by itself
    assert admission.holder(*where) == ""


def test_an_earlier_attempts_lock_is_given_back_though_the_first_call_is_lost() -> None:
    """The repeated call fails its condition, which says nothing of the lock: it names the attempt that took it."""
    with bench("api") as made:
        admission, where = made.ports.admission, ("cn-hangzhou", "i-3")
        assert admission.lock(*where, "ma", 1) == "ma"
        made.faults({"service": "tablestore", "operation": "DeleteRow", "kind": "drop_before", "times": 1})
        admission.unlock(*where, "ma", 2)
        assert admission.holder(*where) == ""


def test_slots_are_taken_on_the_latest_picture_only(admission: Admission) -> None:
    nothing = admission.slots()
    assert nothing == Slots(0, {})
    admission.give_slot("ma")
    assert admission.take_slot(nothing, "ma", "b1")
    assert not admission.take_slot(nothing, "mb", "b1")
    seen = admission.slots()
    assert seen == Slots(1, {"ma": "b1"}, {"ma": 1})
    assert admission.take_slot(seen, "ma", "b1")
    assert admission.take_slot(seen, "mb", "b2", 3)
    assert not admission.take_slot(seen, "mc", "b2")
    admission.give_slot("ma")
    admission.give_slot("ma")
    assert admission.slots() == Slots(2, {"mb": "b2"}, {"mb": 3})


def test_an_earlier_attempt_cannot_give_back_the_slot_that_a_retry_has_taken(admission: Admission) -> None:
    assert admission.take_slot(admission.slots(), "ma", "b1", 1)
    admission.give_slot("ma", 1)
    assert admission.take_slot(admission.slots(), "ma", "b1", 2)
    admission.give_slot("ma", 1)
    assert admission.slots().held == {"ma": "b1"}
    admission.give_slot("ma", 3)  # the end of an attempt that took none by itself
    assert admission.slots().held == {}


def test_a_retry_makes_a_slot_that_is_still_held_its_own(admission: Admission) -> None:
    assert admission.take_slot(admission.slots(), "ma", "b1", 1)
    seen = admission.slots()
    assert (seen.has("ma", 1), seen.has("ma", 2)) == (True, False)
    assert admission.take_slot(seen, "ma", "b1", 2)
    admission.give_slot("ma", 1)
    assert admission.slots().has("ma", 2)
    assert admission.take_slot(admission.slots(), "ma", "b1", 1)  # a duplicate that comes late
    assert admission.slots().since == {"ma": 2}


def test_a_slot_is_taken_and_given_back_by_one_call_each(one: Bench) -> None:
    admission = one.ports.admission
    seen = admission.slots()
    assert one.calls(lambda: admission.take_slot(seen, "mone", "b1")) in (["PutRow"], ["UpdateRow"])
    assert one.calls(lambda: admission.give_slot("mone", 1)) == ["UpdateRow"]
    assert "mone" not in admission.slots().held


def test_a_slot_taken_before_slots_named_their_attempt_is_held_and_given_back(one: Bench) -> None:
    """A deployment goes on with the row it finds."""
    adapter = one.ports.admission
    assert isinstance(adapter, TablestoreAdmission)
    store: Store = adapter._store
    store.put(tables.LOCKS, ROW, {tables.HELD + "mold": "b1", tables.HELD + "mkept": "b1", "version": 70})
    seen = adapter.slots()
    assert seen == Slots(70, {"mold": "b1", "mkept": "b1"})
    assert not seen.has("mkept", 1)
    adapter.give_slot("mold", 1)
    assert adapter.take_slot(seen, "mkept", "b1", 2)
    adapter.give_slot("mkept", 1)
    assert adapter.slots() == Slots(71, {"mkept": "b1"}, {"mkept": 2})
