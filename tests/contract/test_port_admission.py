"""Locks and slots: the adapter on Tablestore, even with lost answers, and the fake keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.store import Store
from shared.domain.hold import NOTHING_HELD, Hold, HoldHistoryEntry
from shared.ports.admission import Admission, LockHolder, SlotUse
from tests.support.fakes import FakeAdmission
from tests.support.ports import T0, Bench, bench

ROW = (("lock_id", "slots"),)


@pytest.fixture(params=["fake", "", "drop_before", "drop_after"])
def admission(request: pytest.FixtureRequest) -> Iterator[Admission]:
    """The port. In two of four runs every third answer of the store is lost."""
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
    assert admission.instance_lock_holder("cn-hangzhou", "i-1") == ""
    assert admission.acquire_instance_lock("cn-hangzhou", "i-1", "ma") == "ma"
    assert admission.acquire_instance_lock("cn-hangzhou", "i-1", "ma") == "ma"
    assert admission.acquire_instance_lock("cn-hangzhou", "i-1", "mb") == "ma"
    assert admission.acquire_instance_lock("cn-beijing", "i-1", "mb") == "mb"
    admission.release_instance_lock("cn-hangzhou", "i-1", "mb")
    assert admission.instance_lock_holder("cn-hangzhou", "i-1") == "ma"
    admission.release_instance_lock("cn-hangzhou", "i-1", "ma")
    admission.release_instance_lock("cn-hangzhou", "i-1", "ma")
    assert admission.instance_lock_holder("cn-hangzhou", "i-1") == ""


def test_an_earlier_attempt_cannot_give_back_what_a_retry_has_taken(admission: Admission) -> None:
    where = ("cn-hangzhou", "i-2")
    assert admission.acquire_instance_lock(*where, "ma", 1) == "ma"
    assert admission.acquire_instance_lock(*where, "ma", 2) == "ma"
    assert admission.acquire_instance_lock(*where, "ma", 1) == "ma"  # a late duplicate
    admission.release_instance_lock(*where, "ma", 1)
    assert admission.instance_lock_holder(*where) == "ma"
    admission.release_instance_lock(*where, "ma", 3)  # the end of an attempt that did not take the lock itself
    assert admission.instance_lock_holder(*where) == ""


def test_an_earlier_attempts_lock_is_given_back_though_the_first_call_is_lost() -> None:
    """The repeated call fails its condition. That says nothing about the lock, so the lock names the attempt that took it."""
    with bench("api") as made:
        admission, where = made.ports.admission, ("cn-hangzhou", "i-3")
        assert admission.acquire_instance_lock(*where, "ma", 1) == "ma"
        made.faults({"service": "tablestore", "operation": "DeleteRow", "kind": "drop_before", "times": 1})
        admission.release_instance_lock(*where, "ma", 2)
        assert admission.instance_lock_holder(*where) == ""


def test_slots_are_taken_on_the_latest_picture_only(admission: Admission) -> None:
    nothing = admission.slot_use("b1", "ma")
    assert nothing == SlotUse(0, 0, 0)
    admission.release_slot("ma", "b1")
    assert admission.take_slot(nothing, "ma", "b1")
    assert not admission.take_slot(nothing, "mb", "b1")
    assert admission.slot_use("b1", "ma") == SlotUse(1, 1, 1, since=1)
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1")
    seen = admission.slot_use("b2", "mb")
    assert seen == SlotUse(1, 1, 0)
    assert admission.take_slot(seen, "mb", "b2", 3)
    assert not admission.take_slot(seen, "mc", "b2")
    assert admission.repair_counts_and_list_slot_holders() == {"ma": "b1", "mb": "b2"}
    admission.release_slot("ma", "b1")
    admission.release_slot("ma", "b1")
    assert admission.repair_counts_and_list_slot_holders() == {"mb": "b2"}
    assert (admission.slot_use("b1"), admission.slot_use("b2", "mb")) == (SlotUse(2, 1, 0), SlotUse(2, 1, 1, since=3))


def test_each_slot_of_a_batch_tells_its_region_and_one_of_an_older_version_tells_none(admission: Admission) -> None:
    assert admission.regions_of_slot_holders("b1") == {}
    for name, batch, region in (("ma", "b1", "cn-hangzhou"), ("mb", "b2", "cn-beijing"), ("mc", "b1", "")):
        assert admission.take_slot(admission.slot_use(batch, name), name, batch, region=region)
    assert admission.regions_of_slot_holders("b1") == {"ma": "cn-hangzhou", "mc": ""}
    admission.release_slot("ma", "b1")
    assert admission.regions_of_slot_holders("b1") == {"mc": ""}
    assert admission.regions_of_slot_holders("b2") == {"mb": "cn-beijing"}


def test_an_earlier_attempt_cannot_give_back_the_slot_that_a_retry_has_taken(admission: Admission) -> None:
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 1)
    admission.release_slot("ma", "b1", 1)
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 2)
    admission.release_slot("ma", "b1", 1)
    assert admission.repair_counts_and_list_slot_holders() == {"ma": "b1"}
    admission.release_slot("ma", "b1", 3)  # the end of an attempt that took no slot itself
    assert (admission.repair_counts_and_list_slot_holders(), admission.slot_use("b1").of_account) == ({}, 0)


def test_a_retry_makes_a_slot_that_is_still_held_its_own(admission: Admission) -> None:
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 1)
    seen = admission.slot_use("b1", "ma")
    assert (seen.is_held_by_this_or_later_attempt(1), seen.is_held_by_this_or_later_attempt(2)) == (True, False)
    assert admission.take_slot(seen, "ma", "b1", 2)
    admission.release_slot("ma", "b1", 1)
    assert admission.slot_use("b1", "ma").is_held_by_this_or_later_attempt(2)
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 1)  # a late duplicate
    assert admission.slot_use("b1", "ma") == SlotUse(2, 1, 1, since=2)


def test_a_slot_that_went_while_a_retry_took_it_over_is_not_counted_as_held(admission: Admission) -> None:
    """Releasing a slot does not change the version, so the picture looks fresh."""
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 1)
    seen = admission.slot_use("b1", "ma")
    admission.release_slot("ma", "b1", 1)
    assert not admission.take_slot(seen, "ma", "b1", 2)
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1", 2)
    assert admission.slot_use("b1", "ma") == SlotUse(2, 1, 1, since=2)


def test_a_batch_that_holds_nothing_leaves_nothing_behind(one: Bench) -> None:
    admission = one.ports.admission
    assert isinstance(admission, TablestoreAdmission)
    store: Store = admission._store
    assert admission.take_slot(admission.slot_use("bgone", "mgone"), "mgone", "bgone")
    admission.delete_slot_count("bgone")
    assert admission.slot_use("bgone").of_batch == 1, "one is held: it stays"
    admission.release_slot("mgone", "bgone")
    admission.delete_slot_count("bgone")
    assert not [name for name in store.get(tables.LOCKS, ROW) or {} if name.endswith("gone")]
    assert admission.slot_use("bgone").of_batch == 0


def old(one: Bench, **columns: Any) -> TablestoreAdmission:
    """The slots row as a version without counts left it."""
    admission = one.ports.admission
    assert isinstance(admission, TablestoreAdmission)
    admission._store.put(tables.LOCKS, ROW, {"version": 70, **columns})
    return admission


def test_a_deployment_counts_the_slots_that_it_finds(one: Bench) -> None:
    """Some slots name the attempt that took them; older ones do not."""
    admission = old(one, m_mold="b1", m_mkept="b1", a_mkept=2)
    assert admission.slot_use("b1", "mkept") == SlotUse(71, 2, 2, since=2)
    assert admission.take_slot(admission.slot_use("b2", "mnew"), "mnew", "b2")
    for each in (("mold", "b1", 1), ("mkept", "b1", 2), ("mnew", "b2", 1)):
        admission.release_slot(*each)
    assert (admission.repair_counts_and_list_slot_holders(), admission.slot_use("b1")) == ({}, SlotUse(72, 0, 0))


@pytest.mark.parametrize("wrong", [{"n_": 5, "n_b1": 1, "n_b9": 3}, {"n_": -1, "n_b1": -1}, {"n_": 0}])
def test_what_another_version_has_left_wrong_is_counted_again(one: Bench, wrong: dict[str, int]) -> None:
    """The tick counts the holders of slots before it offers any."""
    admission = old(one, m_ma="b1", a_ma=1, **wrong)
    assert one.calls(admission.slot_holders) == ["GetRow"]  # a look, such as a plan, corrects nothing
    assert admission.slot_holders() == {"ma": "b1"}
    assert admission.repair_counts_and_list_slot_holders() == {"ma": "b1"}
    assert (admission.slot_use("b1", "ma"), admission.slot_use("b9").of_batch) == (SlotUse(71, 1, 1, since=1), 0)
    assert one.calls(admission.repair_counts_and_list_slot_holders) == ["GetRow"]


def test_the_count_waits_for_whoever_takes_or_gives_meanwhile(one: Bench) -> None:
    """The count that it would write belongs to the old row."""
    admission = old(one, m_ma="b1", a_ma=1)
    read = admission._store.get

    def overtaken(*arguments: Any, **options: Any) -> Any:
        row = read(*arguments, **options)
        admission.release_slot("ma", "b1")
        return row

    with mock.patch.object(admission._store, "get", overtaken):
        admission._recalculate_slot_counts()
    assert admission.repair_counts_and_list_slot_holders() == {}
    assert admission.slot_use("b1") == SlotUse(71, 0, 0)


def test_a_slot_is_taken_and_given_back_by_one_call_each(one: Bench) -> None:
    admission = one.ports.admission
    seen = admission.slot_use("b1", "mone")
    assert one.calls(lambda: admission.take_slot(seen, "mone", "b1")) in (["PutRow"], ["UpdateRow"])
    assert one.calls(lambda: admission.release_slot("mone", "b1")) == ["UpdateRow"]
    assert "mone" not in admission.repair_counts_and_list_slot_holders()


def test_the_room_is_as_cheap_with_many_slots_as_with_one(one: Bench) -> None:
    """Every admission and every start of a job reads the room. Reading the whole row of a thousand slots costs 16 capacity
    units.
    """
    admission = one.ports.admission
    assert isinstance(admission, TablestoreAdmission)
    ids = [f"m{number:026d}" for number in range(150)]
    for each in ids:
        assert admission.take_slot(admission.slot_use("bmany", each), each, "bmany")
    answers: list[Any] = []
    send = admission._store._send_request

    def heard(*arguments: Any, **options: Any) -> Any:
        answers.append(send(*arguments, **options))
        return answers[-1]

    with mock.patch.object(admission._store, "_send_request", heard):
        assert admission.slot_use("bmany", ids[7]) == replace(admission.slot_use("bmany"), of_batch=len(ids), since=1)
        assert list(admission.repair_counts_and_list_slot_holders()) == ids
    assert [consumed.read for consumed, *_ in answers] == [1, 1, 2]


# Groups ---------------------------------------------------------------------------------------------------------------


def test_the_place_of_a_group_has_one_holder(admission: Admission) -> None:
    assert admission.group_lock_holders(["app=shop"]) == {}
    assert admission.acquire_group_lock("app=shop", "ma") == LockHolder("ma", 1)
    assert admission.acquire_group_lock("app=shop", "mb", 4) == LockHolder("ma", 1)
    assert admission.acquire_group_lock("app=bank", "mb", 4) == LockHolder("mb", 4)
    assert admission.group_lock_holders(["app=shop", "app=none", "app=bank", "app=shop"]) == {
        "app=shop": LockHolder("ma", 1),
        "app=bank": LockHolder("mb", 4),
    }
    admission.release_group_lock("app=shop", "mb", 9)
    assert admission.acquire_group_lock("app=shop", "mb") == LockHolder("ma", 1)
    admission.release_group_lock("app=shop", "ma")
    admission.release_group_lock("app=shop", "ma")
    assert admission.acquire_group_lock("app=shop", "mb") == LockHolder("mb", 1)


def test_an_earlier_attempt_cannot_give_back_the_place_that_a_retry_has_taken(admission: Admission) -> None:
    assert admission.acquire_group_lock("app=shop", "ma", 1) == LockHolder("ma", 1)
    assert admission.acquire_group_lock("app=shop", "ma", 2) == LockHolder("ma", 2)
    assert admission.acquire_group_lock("app=shop", "ma", 1) == LockHolder("ma", 2)  # a late duplicate
    admission.release_group_lock("app=shop", "ma", 1)
    assert admission.group_lock_holders(["app=shop"]) == {"app=shop": LockHolder("ma", 2)}


def test_a_place_is_taken_and_given_back_by_one_call_each_and_looked_at_by_one(one: Bench) -> None:
    """Tags may contain characters that keys may not, and may be longer than a key."""
    admission, group = one.ports.admission, "应用=" + "x" * 5000 + "\n/"
    assert one.calls(lambda: admission.acquire_group_lock(group, "ma")) == ["PutRow"]
    assert one.calls(lambda: admission.group_lock_holders([group, "app=other"])) == ["BatchGetRow"]
    assert admission.group_lock_holders([group]) == {group: LockHolder("ma", 1)}
    assert one.calls(lambda: admission.release_group_lock(group, "ma")) == ["DeleteRow"]
    assert one.calls(lambda: admission.group_lock_holders([])) == []


# The hold -------------------------------------------------------------------------------------------------------------

HOLD_ROW = (("lock_id", "hold"),)
STORM = HoldHistoryEntry("hold", "bob", T0, "storm")
OVER = HoldHistoryEntry("release", "ann", T0 + timedelta(hours=1), "it is over")


def test_nothing_is_held_until_somebody_says_so(admission: Admission) -> None:
    assert admission.current_hold() == NOTHING_HELD
    assert admission.set_or_release_hold(NOTHING_HELD, STORM)
    held = admission.current_hold()
    assert (held.reason, held.version) == ("everything is held by bob since 2026-11-23 12:00 UTC: storm", 1)
    assert admission.set_or_release_hold(held, OVER)
    assert admission.current_hold() == Hold("", 2, True, (STORM, OVER))


def test_an_act_on_a_hold_that_has_changed_is_not_made(admission: Admission) -> None:
    assert admission.set_or_release_hold(NOTHING_HELD, STORM)
    seen = admission.current_hold()
    assert not admission.set_or_release_hold(NOTHING_HELD, replace(STORM, by="eve"))
    assert admission.set_or_release_hold(seen, replace(STORM, by="carl", why="another storm"))
    assert not admission.set_or_release_hold(seen, OVER)
    assert admission.current_hold().reason.endswith("another storm")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"state": "held"}, "everything is held, by the row set in the Tablestore console"),
        ({"state": "held", "why": "storm"}, "everything is held, by the row set in the Tablestore console: storm"),
        ({"note": "x"}, "everything is held, by the row set in the Tablestore console"),
        ({"state": "Released "}, "cannot be read (column state is neither held nor released)"),
        ({"state": 1}, "cannot be read (column state is neither held nor released)"),
        ({"state": "released", "version": "two"}, "cannot be read (column version is not a whole number)"),
        ({"state": "released"}, ""),
        ({"state": "held", "change_00000001": "no line"}, "everything is held, by the row set in the Tablestore console"),
    ],
)
def test_a_row_set_by_hand_holds_unless_it_says_released(one: Bench, columns: dict[str, Any], reason: str) -> None:
    """An act of ours makes any row readable again."""
    admission = one.ports.admission
    assert isinstance(admission, TablestoreAdmission)
    admission._store.put(tables.LOCKS, HOLD_ROW, columns)
    seen = admission.current_hold()
    assert (reason in seen.reason, seen.is_held) == (True, bool(reason))
    assert admission.slot_use_and_current_hold("b1")[1].reason == seen.reason
    assert admission.set_or_release_hold(seen, OVER)
    assert not admission.current_hold().is_held
    assert admission.set_or_release_hold(admission.current_hold(), STORM)
    assert admission.current_hold().is_held


def test_a_row_that_cannot_be_read_is_released_only_as_it_was_seen(one: Bench) -> None:
    """Before, a hold that somebody set between the look and the release was lost, because the release named no version."""
    admission = one.ports.admission
    assert isinstance(admission, TablestoreAdmission)
    admission._store.put(tables.LOCKS, HOLD_ROW, {"state": "released", "version": "two"})
    seen = admission.current_hold()
    assert admission.set_or_release_hold(seen, STORM)
    assert not admission.set_or_release_hold(seen, OVER)
    assert admission.current_hold().reason.endswith("storm")


def test_a_hold_that_may_not_be_read_holds(one: Bench) -> None:
    one.faults({"service": "tablestore", "operation": "GetRow", "kind": "error", "code": "OTSNoPermissionAccess", "status": 403})
    held = one.ports.admission.current_hold()
    one.faults()
    assert held.is_held
    assert "cannot be read" in held.reason


def test_the_hold_is_read_by_one_call(one: Bench) -> None:
    assert one.calls(one.ports.admission.current_hold) == ["GetRow"]


def test_one_call_looks_at_the_slots_and_the_hold(one: Bench) -> None:
    admission = one.ports.admission
    assert admission.take_slot(admission.slot_use("b1", "ma"), "ma", "b1")
    for line in (STORM, OVER):
        assert admission.set_or_release_hold(admission.current_hold(), line)
    assert admission.slot_use_and_current_hold("b1", "ma") == (
        admission.slot_use("b1", "ma"),
        replace(admission.current_hold(), lines=()),
    )
    assert one.calls(lambda: admission.slot_use_and_current_hold("b1", "ma")) == ["BatchGetRow"]


def test_a_look_sees_the_hold_that_there_is(admission: Admission) -> None:
    assert admission.slot_use_and_current_hold("b1") == (SlotUse(0, 0, 0), NOTHING_HELD)
    assert admission.set_or_release_hold(NOTHING_HELD, STORM)
    assert admission.slot_use_and_current_hold("b1") == (SlotUse(0, 0, 0), admission.current_hold())
    assert admission.slot_use_and_current_hold("b1")[1].reason.endswith("storm")
