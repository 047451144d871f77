"""The migrations' port on Tablestore: conditional steps, outboxes, lanes, indexes, and the small number of calls for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from localcloud.account import service
from shared.domain import events
from shared.domain.effects import CleanUpDriver, CountOutcome, ReleaseLock
from shared.domain.errors import Refused, Stale, Transient
from shared.domain.migration import DriverData, Migration, State, first_journal_entry, replay_journal, step_to_state
from shared.ports.migrations import Migrations, WaitingMigration
from tests.support.ports import T0, Bench, bench, migration


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def rows(one: Bench, request: pytest.FixtureRequest) -> Iterator[Migrations]:
    one.faults()
    yield one.ports.migrations
    one.faults()


_numbers = iter(range(1, 10_000))


def create(rows: Migrations, **more: Any) -> Migration:
    made = migration(next(_numbers), **more)
    assert rows.create(
        made,
        first_journal_entry(made, by="intake", reason="asked"),
        [events.migration_event(made, events.MIGRATION_REQUESTED, stage="precheck")],
    )
    return replace(made, owes=(1,))


def settled(rows: Migrations, made: Migration) -> Migration:
    """The same with its first outbox settled."""
    rows.remove_outbox(made, 1)
    return replace(made, owes=())


def test_a_row_is_created_once_with_its_journal_and_outbox(rows: Migrations) -> None:
    made = create(rows)
    assert rows.load(made.migration_id) == made
    assert not rows.create(replace(made, source="another"), first_journal_entry(made, by="x", reason="y"), [])
    assert rows.load(made.migration_id).source == ""
    (outbox,) = rows.outboxes(made.migration_id)
    assert (outbox.version, [event.type for event in outbox.events]) == (1, [events.MIGRATION_REQUESTED])
    assert replay_journal(rows.journal(made.migration_id)) is State.ACCEPTED


def test_a_step_is_one_call_and_holds_only_once(rows: Migrations, one: Bench) -> None:
    made = create(rows)
    taken = step_to_state(
        made, State.PRECHECKING, now=T0 + timedelta(minutes=1), by="precheck", reason="begun", due_at=T0 + timedelta(hours=1)
    )
    assert one.calls(lambda: rows.commit(taken)) == ["UpdateRow"]
    with pytest.raises(Stale) as caught:
        rows.commit(step_to_state(made, State.CANCELLED, now=T0, by="ann", reason="late"))
    assert caught.value.code == "Migration.Moved"
    assert rows.load(made.migration_id) == taken.after
    assert [entry.to_state for entry in rows.journal(made.migration_id)] == [State.ACCEPTED, State.PRECHECKING]


def test_a_step_on_a_row_that_is_not_there_is_stale(rows: Migrations) -> None:
    with pytest.raises(Stale):
        rows.commit(step_to_state(migration(9_999), State.PRECHECKING, now=T0, by="x", reason="y"))


def test_effects_come_back_as_they_were_written(rows: Migrations) -> None:
    made = create(rows)
    handle = DriverData(token_id="at-1", started_at=T0)
    effects = (ReleaseLock("cn-hangzhou", made.instance_id), CountOutcome("failed"), CleanUpDriver(handle))
    taken = replace(step_to_state(made, State.FAILED, now=T0, by="precheck", reason="no"), effects=effects, events=())
    rows.commit(taken)
    assert [(box.version, box.effects) for box in rows.outboxes(made.migration_id)] == [(1, ()), (2, effects)]


def test_an_outbox_makes_the_row_due_until_it_is_settled(rows: Migrations, one: Bench) -> None:
    made = create(rows)
    soon = T0 + timedelta(minutes=2)
    assert made not in rows.list_due_and_postpone_unreadable(soon - timedelta(seconds=1), 100)
    assert made in rows.list_due_and_postpone_unreadable(soon, 100)
    assert one.calls(lambda: rows.remove_outbox(made, 1)) == ["UpdateRow"]
    assert made not in rows.list_due_and_postpone_unreadable(soon, 100)
    assert rows.outboxes(made.migration_id) == []


def test_settling_an_old_outbox_leaves_the_new_step_alone(rows: Migrations) -> None:
    made = create(rows)
    due = T0 + timedelta(hours=1)
    taken = step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="begun", due_at=due)
    rows.commit(taken)
    assert rows.load(made.migration_id).owes == (1,)
    rows.remove_outbox(made, 1)
    assert rows.outboxes(made.migration_id) == []
    assert replace(taken.after, owes=()) in rows.list_due_and_postpone_unreadable(due, 100)


def test_a_row_owing_two_outboxes_is_due_until_both_are_settled(rows: Migrations) -> None:
    made = create(rows)
    taken = step_to_state(made, State.FAILED, now=T0, by="precheck", reason="no")
    rows.commit(replace(taken, effects=(CountOutcome("failed"),)))
    both = rows.load(made.migration_id)
    assert both.owes == (1, 2)
    for version in (2, 1):
        assert both.migration_id in [
            each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 + timedelta(minutes=2), 200)
        ]
        rows.remove_outbox(both, version)
    assert both.migration_id not in [
        each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 + timedelta(days=999), 200)
    ]


def test_an_older_outbox_stays_due_if_two_writers_settle_the_same_step(rows: Migrations) -> None:
    made = create(rows)
    taken = step_to_state(made, State.FAILED, now=T0, by="precheck", reason="no")
    rows.commit(replace(taken, effects=(CountOutcome("failed"),)))
    both = rows.load(made.migration_id)
    rows.remove_outbox(both, 2)
    rows.remove_outbox(both, 2)  # its answer was lost, so the other writer takes the step for its own
    assert both.migration_id in [
        each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 + timedelta(minutes=2), 200)
    ]


def test_a_row_left_on_the_lane_by_a_settled_outbox_is_taken_off_it(rows: Migrations, one: Bench) -> None:
    made = create(rows)
    rows.commit(step_to_state(made, State.FAILED, now=T0, by="precheck", reason="no"))
    rows.remove_outbox(made, 1)  # called by whoever wrote it, after the row has moved on
    soon = T0 + timedelta(minutes=2)
    assert one.calls(lambda: rows.list_due_and_postpone_unreadable(soon, 200)).count("UpdateRow") >= 1
    assert one.calls(lambda: rows.list_due_and_postpone_unreadable(soon, 200)).count("UpdateRow") == 0


def test_a_row_that_a_lagging_index_shows_twice_is_one_row(rows: Migrations, one: Bench) -> None:
    """The index shows the old entry and the new one. Tablestore refuses a read with both, which used to end the tick."""
    index = service(one.world.cloud, "tablestore")
    made = settled(rows, create(rows, batch_id="btwice", due_at=T0))
    index.set_index_lag(60_000)
    taken = step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="begun", due_at=T0 + timedelta(hours=1))
    rows.commit(taken)
    index.set_index_lag(0)
    rows.change_due_time(taken.after, T0 + timedelta(hours=2))
    assert [each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 + timedelta(hours=3), 200)].count(
        made.migration_id
    ) == 1
    assert rows.migration_page_of_batch("btwice", state=None, limit=10, token="").migrations == (taken.after,)


def test_due_rows_come_longest_overdue_first_and_bounded(rows: Migrations) -> None:
    later, first = (create(rows, due_at=T0 - timedelta(days=days)) for days in (30, 31))
    later, first = (settled(rows, each) for each in (later, first))
    assert rows.list_due_and_postpone_unreadable(T0 - timedelta(days=29), 10) == [first, later]
    assert rows.list_due_and_postpone_unreadable(T0 - timedelta(days=29), 1) == [first]


def test_confirmed_rows_wait_for_the_end_of_their_retention_page_by_page(rows: Migrations, one: Bench) -> None:
    over = T0 - timedelta(days=90)
    made = [create(rows, state=State.CONFIRMED, due_at=over + timedelta(minutes=number)) for number in range(3)]
    running = create(rows, state=State.CONFIRMED, due_at=over + timedelta(days=1))
    elsewhere = create(rows, state=State.MIGRATED, due_at=over)
    made, [running, elsewhere] = ([settled(rows, each) for each in some] for some in (made, [running, elsewhere]))
    now = over + timedelta(hours=1)
    page = rows.migration_page_past_retention(now, limit=2, token="")
    rest = rows.migration_page_past_retention(now, limit=2, token=page.next_token)
    assert ([*page.migrations, *rest.migrations], rest.next_token) == (made, "")
    assert not set(rows.list_due_and_postpone_unreadable(now, 100)) & {*made, running}
    rows.commit(step_to_state(made[0], State.COMPLETED, now=now, by="sweep", reason="swept"))
    assert list(rows.migration_page_past_retention(now, limit=9, token="").migrations) == made[1:]


def test_ready_rows_wait_for_admission_in_the_order_of_their_readiness(rows: Migrations) -> None:
    batch = {"batch_id": "bready", "state": State.READY}
    second, first = (create(rows, entered_at=T0 + timedelta(minutes=minutes), **batch) for minutes in (2, 1))
    assert rows.admission_queue("bready", 10) == []  # the outbox comes first
    for each in (second, first):
        rows.remove_outbox(each, 1)
    assert rows.admission_queue("bready", 10) == [
        WaitingMigration(first.migration_id, False),
        WaitingMigration(second.migration_id, False),
    ]
    assert rows.admission_queue("bready", 1) == [WaitingMigration(first.migration_id, False)]
    taken = step_to_state(first, State.SNAPSHOTTING, now=T0, by="snapshot", reason="admitted", due_at=T0 + timedelta(days=1))
    rows.commit(taken)
    assert rows.admission_queue("bready", 10) == [WaitingMigration(second.migration_id, False)]


def test_next_hops_wait_before_all_others_and_retries_among_them(rows: Migrations) -> None:
    late = T0 + timedelta(days=400)
    new = settled(rows, create(rows, batch_id="bhops", state=State.READY, entered_at=T0))
    hop = settled(rows, create(rows, batch_id="bhops", state=State.READY, entered_at=late, hop=1, attempt=3))
    again = settled(rows, create(rows, batch_id="bhops", state=State.WAITING, entered_at=late, hop=1, retried=True))
    expected = [
        WaitingMigration(hop.migration_id, True),
        WaitingMigration(new.migration_id, False),
        WaitingMigration(again.migration_id, False),
    ]
    assert rows.admission_queue("bhops", 10) == expected
    assert rows.admission_queue("bhops", 1) == expected[:1]
    assert [each.migration_id for each in rows.list_due_and_postpone_unreadable(late, 1000) if each.batch_id == "bhops"] == []


def test_a_nudge_and_progress_change_no_version_and_miss_a_row_that_moved(rows: Migrations) -> None:
    made = settled(rows, create(rows, due_at=T0 + timedelta(days=5)))
    rows.change_due_time(made, T0 - timedelta(days=60))
    assert made in rows.list_due_and_postpone_unreadable(T0 - timedelta(days=60), 10)
    rows.change_due_time(made, T0 - timedelta(days=60), percent=55)
    assert rows.load(made.migration_id) == replace(made, progress=55)
    taken = step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="begun", progress=0)
    rows.commit(taken)
    rows.change_due_time(made, T0 - timedelta(days=60), percent=80)
    assert rows.load(made.migration_id) == taken.after
    assert made.migration_id not in [
        each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 - timedelta(days=60), 10)
    ]


def test_restarts_count_each_event_once(rows: Migrations, one: Bench) -> None:
    made = create(rows)
    states = (State.MIGRATING, State.ACCEPTED, State.RESTARTING)
    for event_id in ("2256A988-1", "2256A988-1", "ein Ereignis/2"):
        assert rows.add_restart(made.migration_id, event_id, T0, states)
    one.faults({"service": "tablestore", "operation": "UpdateRow", "kind": "drop_after"})
    assert rows.add_restart(made.migration_id, "its answer is lost", T0, states)
    assert rows.restart_count(made.migration_id) == 3
    assert not rows.add_restart("mnone", "e", T0, states)
    assert rows.load_migrations(["mnone", made.migration_id]) == [made]


def test_restarts_are_those_of_a_migration_under_way(rows: Migrations, one: Bench) -> None:
    """Checked and recorded in one call."""
    made = create(rows)
    noted: list[bool] = []
    assert one.calls(lambda: noted.append(rows.add_restart(made.migration_id, "e", T0, (State.MIGRATING,)))) == ["UpdateRow"]
    assert (noted, rows.restart_count(made.migration_id)) == ([False], 0)


def test_documents_lie_beside_the_row(rows: Migrations) -> None:
    made = create(rows)
    assert rows.stored_document(made.migration_id, "instance-0") is None
    rows.put_document(made.migration_id, "instance-0", {"name": "größer"})
    rows.put_document(made.migration_id, "baseline", {"a": [1]})
    assert rows.stored_document(made.migration_id, "instance-0") == {"name": "größer"}
    assert rows.load(made.migration_id) == made
    with pytest.raises(Refused) as caught:
        rows.put_document(made.migration_id, "baseline", {"a": "x" * (2 * 1024 * 1024)})
    assert caught.value.code == "Document.TooLarge"


def test_documents_of_a_step_stand_if_the_step_does(rows: Migrations) -> None:
    made = settled(rows, create(rows))
    seen = step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="probe sent")
    slow = replace(seen, documents={"instance-0": {"seen": "by the slow one"}})
    rows.commit(replace(seen, documents={"instance-0": {"seen": "first"}, "baseline-0": {"a": [1]}}))
    with pytest.raises(Stale):
        rows.commit(slow)
    assert rows.stored_document(made.migration_id, "instance-0") == {"seen": "first"}
    assert rows.stored_document(made.migration_id, "baseline-0") == {"a": [1]}
    assert rows.load(made.migration_id) == seen.after


def test_pages_of_a_batch(rows: Migrations) -> None:
    made = [create(rows, batch_id="bpages") for _ in range(5)]
    failed = create(rows, batch_id="bpages", state=State.FAILED)
    found: list[Migration] = []
    token, pages = "", 0
    while True:
        page = rows.migration_page_of_batch("bpages", state=State.ACCEPTED, limit=2, token=token)
        found, token, pages = [*found, *page.migrations], page.next_token, pages + 1
        if not token:
            break
    assert (found, pages) == (made, 3)
    everything = rows.migration_page_of_batch("bpages", state=None, limit=100, token="")
    assert {each.migration_id for each in everything.migrations} == {each.migration_id for each in [*made, failed]}
    assert [each.state.value for each in everything.migrations] == ["accepted"] * 5 + ["failed"]
    assert _backward_pages(rows) == everything.migrations[::-1]
    some = rows.migration_page_of_batch("bpages", state=State.ACCEPTED, limit=2, token="").next_token
    for token in (some, "rubbish", "W1tdXQ"):
        with pytest.raises(Refused) as caught:
            rows.migration_page_of_batch("bother", state=None, limit=2, token=token)
        assert caught.value.code == "Token.Invalid"


def _backward_pages(rows: Migrations) -> tuple[Migration, ...]:
    first = rows.migration_page_of_batch("bpages", state=None, limit=4, token="", backward=True)
    second = rows.migration_page_of_batch("bpages", state=None, limit=4, token=first.next_token, backward=True)
    assert second.next_token == ""
    return (*first.migrations, *second.migrations)


def test_a_batch_is_counted_by_its_index_alone(rows: Migrations, one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.migrations.COUNTED_AT_ONCE", 2)
    for _ in range(3):
        create(rows, batch_id="bcounts")
    create(rows, batch_id="bcounts", state=State.MIGRATED)
    create(rows, batch_id="bcountsother")
    assert rows.state_counts("bcounts") == {State.ACCEPTED: 3, State.MIGRATED: 1}
    assert set(one.calls(lambda: rows.state_counts("bcounts"))) == {"GetRange"}
    assert rows.state_counts("bnone") == {}


def test_all_migrations_by_state_and_those_of_an_instance(rows: Migrations) -> None:
    made = [create(rows, state=State.ROLLED_BACK, instance_id="i-again") for _ in range(3)]
    first = rows.migration_page(state=State.ROLLED_BACK, limit=2, token="")
    rest = rows.migration_page(state=State.ROLLED_BACK, limit=2, token=first.next_token)
    assert [*first.migrations, *rest.migrations] == made
    assert rest.next_token == ""
    assert rows.migrations_of_instance("i-again", limit=10) == made
    assert len(rows.migrations_of_instance("i-again", limit=2)) == 2


def test_unknown_migrations_are_refused(rows: Migrations) -> None:
    for ask in (rows.load, rows.journal):
        with pytest.raises(Refused) as caught:
            ask("mnone")
        assert caught.value.code == "Migration.NotFound"
    assert rows.outboxes("mnone") == []


def test_throttling_is_waited_out_and_a_broken_connection_is_transient(rows: Migrations, one: Bench) -> None:
    made = create(rows)
    one.faults({"service": "tablestore", "kind": "error", "code": "OTSServerBusy", "status": 503, "times": 2})
    assert rows.load(made.migration_id) == made
    one.faults({"service": "tablestore", "kind": "error", "code": "OTSServerBusy", "status": 503, "times": -1})
    with pytest.raises(Transient) as caught:
        rows.load(made.migration_id)
    assert caught.value.code == "Store.Unavailable"
    one.faults({"service": "tablestore", "kind": "drop_before", "times": -1})
    with pytest.raises(Transient):
        rows.load(made.migration_id)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_step_whose_answer_is_lost_is_taken_once(rows: Migrations, one: Bench, kind: str) -> None:
    one.faults({"service": "tablestore", "kind": kind, "times": 1})
    made = create(rows)
    taken = step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="begun")
    one.faults({"service": "tablestore", "kind": kind, "times": 1})
    rows.commit(taken)
    assert rows.load(made.migration_id) == taken.after
    one.faults({"service": "tablestore", "kind": kind, "times": 1})
    with pytest.raises(Stale):
        rows.commit(step_to_state(made, State.CANCELLED, now=T0, by="ann", reason="late"))
    one.faults({"service": "tablestore", "kind": kind, "times": 1})
    rows.remove_outbox(taken.after, 1)
    one.faults()
    assert rows.outboxes(made.migration_id) == []


def test_a_row_that_cannot_be_read_does_not_hide_the_others(rows: Migrations, one: Bench) -> None:
    good, bad = create(rows, instance_id="i-torn"), create(rows, instance_id="i-torn")
    rows._store.update("migrations", (("migration_id", bad.migration_id),), {"doc": "{"})  # type: ignore[attr-defined]
    assert rows.migrations_of_instance("i-torn", limit=10) == [good]
