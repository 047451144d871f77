"""Several accounts in the rows: locks, slots, queues and troubles, and rows from before there were accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.store import Store
from shared.domain.accounts import MemberAccount, first_refusal_record, role_refused_error
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.migration import State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.admission import Admission
from tests.support.fakes import FakeAdmission
from tests.support.ports import T0, Bench, bench, migration

A, B = "1000000000000001", "1000000000000002"
SLOTS = (("lock_id", "slots"),)
WHERE = ("cn-hangzhou", "i-1")


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench("watch") as made:
        yield made


def store_of(one: Bench) -> Store:
    found: Store = one.ports.migrations._store  # type: ignore[attr-defined]
    return found


@pytest.fixture(params=["fake", "store"])
def admission(request: pytest.FixtureRequest) -> Iterator[Admission]:
    if request.param == "fake":
        yield FakeAdmission()
        return
    with bench("watch") as made:
        yield TablestoreAdmission(store_of(made), (A, B))


def test_one_instance_id_in_two_accounts_is_two_locks(admission: Admission) -> None:
    assert admission.acquire_instance_lock(*WHERE, "m1") == "m1"
    assert admission.acquire_instance_lock(*WHERE, "m2", account=A) == "m2"
    assert admission.acquire_instance_lock(*WHERE, "m3", account=A) == "m2"
    assert [admission.instance_lock_holder(*WHERE, account=each) for each in ("", A, B)] == ["m1", "m2", ""]
    admission.release_instance_lock(*WHERE, "m2", account=B)
    admission.release_instance_lock(*WHERE, "m2")
    assert admission.instance_lock_holder(*WHERE, account=A) == "m2"
    admission.release_instance_lock(*WHERE, "m2", account=A)
    assert [admission.instance_lock_holder(*WHERE, account=each) for each in ("", A)] == ["m1", ""]


def take(admission: Admission, name: str, account: str, batch: str = "b1") -> bool:
    return admission.take_slot(admission.slot_use(batch, name, account=account), name, batch, account=account)


def test_slots_count_for_their_account_and_for_their_batch(admission: Admission) -> None:
    for name, account in (("m1", ""), ("m2", A), ("m3", A), ("m4", B)):
        assert take(admission, name, account)
    found = {account: admission.slot_use("b1", "", account=account) for account in ("", A, B)}
    assert {account: (room.of_account, room.of_batch) for account, room in found.items()} == {"": (1, 4), A: (2, 4), B: (1, 4)}
    assert admission.accounts_of_slot_holders() == {"m2": A, "m3": A, "m4": B}
    admission.release_slot("m2", "b1", account=A)
    admission.release_slot("m2", "b1", account=A)
    assert admission.slot_use_and_current_hold("b1", account=A)[0].of_account == 1
    assert (admission.slot_use("b1").of_account, admission.slot_use("b1").of_batch) == (1, 3)
    assert admission.accounts_of_slot_holders() == {"m3": A, "m4": B}
    assert not take(admission, "m5", "") or admission.slot_use("b1").of_account == 2


def test_a_trouble_is_seen_with_the_room_of_its_account_only(admission: Admission) -> None:
    trouble = first_refusal_record(role_refused_error(MemberAccount(A, f"acs:ram::{A}:role/r"), "gone."), T0)
    admission.write_account_refusal(trouble)
    assert admission.slot_use_and_current_hold("b1", account=A)[0].trouble == trouble
    assert [admission.slot_use_and_current_hold("b1", account=each)[0].trouble for each in ("", B)] == [None, None]
    assert admission.unusable_accounts([A, B, ""]) == {A: trouble}
    later = replace(trouble, until=T0 + timedelta(hours=1))
    admission.write_account_refusal(later)
    assert admission.unusable_accounts([A]) == {A: later}
    admission.delete_account_refusal(A)
    admission.delete_account_refusal(A)
    assert admission.unusable_accounts([A]) == {}


def test_counts_that_a_version_without_accounts_left_are_set_right(one: Bench) -> None:
    """That version releases a member's slot and updates only the counts it knows. The correction counts again."""
    admission = TablestoreAdmission(store_of(one), (A,))
    for name, account in (("m1", ""), ("m2", A), ("m3", A)):
        assert take(admission, name, account)
    TablestoreAdmission(store_of(one)).release_slot("m2", "b1")
    assert admission.slot_use("b1", account=A).of_account == 2
    admission.repair_counts_and_list_slot_holders()
    assert (admission.slot_use("b1", account=A).of_account, admission.slot_use("b1").of_account) == (1, 1)
    store_of(one).update(tables.LOCKS, SLOTS, {}, (tables.COUNT + A,))
    admission.repair_counts_and_list_slot_holders()
    assert admission.slot_use("b1", account=A).of_account == 1


def test_without_members_the_columns_and_calls_are_those_of_before() -> None:
    with bench("snapshot") as made:
        admission = made.ports.admission
        calls = made.calls(lambda: take(admission, "m1", ""))
        assert calls == ["GetRow", "PutRow"]
        row = store_of(made).get(tables.LOCKS, SLOTS) or {}
        assert set(row) == {"lock_id", "m_m1", "a_m1", "n_", "n_b1", "version"}
        assert made.calls(lambda: admission.slot_use_and_current_hold("b1", "m1")) == ["BatchGetRow"]
        assert made.calls(lambda: admission.unusable_accounts([""])) == []
        assert admission.acquire_instance_lock(*WHERE, "m1") == "m1"
        assert store_of(made).get(tables.LOCKS, (("lock_id", "instance:cn-hangzhou:i-1"),))


def test_a_row_from_before_is_of_the_own_account(one: Bench) -> None:
    """The row as version 1 wrote it, letter by letter."""
    document = (
        '{"migration_id":"m-old","batch_id":"b-old","instance_id":"i-1","region_id":"cn-hangzhou","state":"ready","version":3,'
        '"entered_version":3,"entered_at":"2026-11-23T12:00:00Z","created_at":"2026-11-23T12:00:00Z","disks":[]}'
    )
    columns = {"doc": document, "version": 3, "state": "ready", "batch_id": "b-old", "instance_id": "i-1", "progress": 0}
    queue = {"due_lane": "admit:b-old", "due_at": 1, "created_at": 1}
    store_of(one).put(tables.MIGRATIONS, (("migration_id", "m-old"),), {**columns, **queue})
    found = one.ports.migrations.load("m-old")
    assert found.account_id == ""
    assert [each.migration_id for each in one.ports.migrations.admission_queue("b-old", 10)] == ["m-old"]
    assert "home_account" not in tables.migration_columns(found)
    assert "account_id" not in tables.migration_columns(found)["doc"]


def test_a_batch_from_before_is_of_the_own_account(one: Bench) -> None:
    made = Batch("b-older", BatchState.OPEN, 1, T0, "api", "ann", Selection(("cn-hangzhou",), ("i-1",)), Policy())
    columns = tables.batch_columns(made)
    assert "accounts" not in columns["doc"] + columns["terms"]
    store_of(one).put(tables.BATCHES, (("batch_id", "b-older"),), columns)
    assert one.ports.batches.load_summary("b-older").account_ids == ("",)
    members = replace(made, batch_id="b-new", selection=replace(made.selection, accounts=("", A)))
    one.ports.batches.create(members)
    assert one.ports.batches.load_summary("b-new").account_ids == ("", A)


def test_a_version_without_accounts_does_not_lose_the_account(one: Bench) -> None:
    """That version writes only the document fields that it knows. The separate column stays."""
    made = migration(1, migration_id="m-mixed", account_id=A, state=State.READY)
    one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), [])
    key = (("migration_id", "m-mixed"),)
    row = store_of(one).get(tables.MIGRATIONS, key) or {}
    known = {name: value for name, value in json.loads(row["doc"]).items() if name != "account_id"}
    store_of(one).update(tables.MIGRATIONS, key, {"doc": json.dumps(known)})
    assert one.ports.migrations.load("m-mixed").account_id == A


def test_each_account_of_a_batch_has_a_queue_of_its_own(one: Bench) -> None:
    for number, account in ((11, ""), (12, A), (13, A)):
        made = migration(number, batch_id="b-queues", account_id=account)
        one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), [])
        one.ports.migrations.commit(step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="r"))
        checking = one.ports.migrations.load(made.migration_id)
        one.ports.migrations.commit(step_to_state(checking, State.READY, now=T0, by="precheck", reason="r"))

    def queue(account: str) -> list[str]:
        return [each.migration_id for each in one.ports.migrations.admission_queue("b-queues", 10, account)]

    assert (queue(""), queue(B)) == ([migration(11).migration_id], [])
    assert sorted(queue(A)) == [migration(12).migration_id, migration(13).migration_id]
