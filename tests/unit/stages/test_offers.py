"""The tick's offers: never more than there is room for, whatever the number of batches, and no batch is always last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection, Waves
from shared.domain.hold import NOTHING_HELD, HoldHistoryEntry
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.ports import DeploymentLimits, Ports
from shared.stages import watch
from tests.support.fakes import NOON, FakeBus, FakeClock, Fakes
from tests.support.ports import migration

TICK = Message("timer", "t", "timer", {})
SELECTION, GIVEN = Selection(("cn-hangzhou",)), Acknowledgement("ann", NOON, "1", ())
BATCHES = [
    Batch(name, BatchState.OPEN, 1, NOON, "api", "ann", SELECTION, Policy(), acknowledgement=GIVEN) for name in ("bone", "btwo")
]


@pytest.fixture
def fakes() -> Fakes:
    """Two batches with three ready migrations each; the account has room for two."""
    made = Fakes()
    for place, batch in enumerate(BATCHES):
        made.ports.batches.create(batch)
        for number in range(1 + 3 * place, 4 + 3 * place):
            ready = migration(number, state=State.READY, batch_id=batch.batch_id)
            made.ports.migrations.create(ready, first_journal_entry(ready, by="intake", reason="asked"), [])
    return made


def limited(fakes: Fakes, most: int) -> Ports:
    return replace(fakes.ports, limits=DeploymentLimits(max_moving=most))


def later(fakes: Fakes) -> None:
    """Move the clock one minute forward."""
    assert isinstance(fakes.clock, FakeClock)
    fakes.clock.at += timedelta(minutes=1)


def offered(bus: FakeBus) -> list[str]:
    """The batches of the offers since the last call."""
    found = [str(event.data["batchId"]) for event in bus.published if event.type == events.ADMISSION_DUE]
    bus.published.clear()
    return found


def test_all_batches_together_are_offered_what_there_is_room_for(fakes: Fakes) -> None:
    watch.handle_message(TICK, limited(fakes, 4))
    assert sorted(offered(fakes.bus)) in (["bone", "bone", "bone", "btwo"], ["bone", "btwo", "btwo", "btwo"])


def test_another_batch_comes_first_with_every_tick(fakes: Fakes) -> None:
    ports, first = limited(fakes, 2), set()
    for _ in range(2):
        watch.handle_message(TICK, ports)
        (batch_id,) = set(offered(fakes.bus))
        first.add(batch_id)
        later(fakes)
    assert first == {"bone", "btwo"}


def test_what_holds_a_slot_already_is_offered_where_there_is_no_room(fakes: Fakes) -> None:
    """A crash happened between the slot and the step."""
    ports = limited(fakes, 1)
    held = ports.migrations.admission_queue("btwo", limit=1)[0].migration_id
    assert ports.admission.take_slot(ports.admission.slot_use("btwo", held), held, "btwo")
    watch.handle_message(TICK, ports)
    assert offered(fakes.bus) == ["btwo"]


def test_room_is_kept_for_nothing_that_is_not_offered(fakes: Fakes) -> None:
    """Rows that cannot be read, or that are no longer ready, must not use up room."""
    ports, load_migrations = limited(fakes, 3), fakes.ports.migrations.load_migrations

    def without_one(ids: Sequence[str]) -> list[Migration]:
        return [each for each in load_migrations(ids) if each.batch_id != "bone"]

    with mock.patch.object(ports.migrations, "load_migrations", without_one):
        watch.handle_message(TICK, ports)
        later(fakes)
        watch.handle_message(TICK, ports)
    assert offered(fakes.bus) == ["btwo"] * 6


def test_a_next_hop_is_offered_before_everything_new_in_any_batch(fakes: Fakes) -> None:
    """The next hop has waited for its window with the guest half way. It came last, and its batch has used up its budget."""
    ports = limited(fakes, 1)
    hop = migration(9, state=State.READY, batch_id="btwo", hop=1, entered_at=NOON + timedelta(hours=1))
    ports.migrations.create(hop, first_journal_entry(hop, by="intake", reason="asked"), [])
    for number in (4, 5, 6):
        ports.batches.write_attempt_outcome("btwo", migration(number).migration_id, "failed")
    for _ in range(2):
        watch.handle_message(TICK, ports)
        due = [event for event in fakes.bus.published if event.type == events.ADMISSION_DUE]
        assert [event.data["migrationId"] for event in due] == [hop.migration_id]
        fakes.bus.published.clear()
        later(fakes)


def test_nothing_is_offered_while_everything_is_held(fakes: Fakes) -> None:
    fakes.admission.set_or_release_hold(NOTHING_HELD, HoldHistoryEntry("hold", "bob", NOON, "storm"))
    hop = migration(9, state=State.READY, batch_id="btwo", hop=1)
    fakes.ports.migrations.create(hop, first_journal_entry(hop, by="intake", reason="asked"), [])
    watch.handle_message(TICK, fakes.ports)
    assert offered(fakes.bus) == []


def test_what_waits_to_be_tried_again_is_offered_like_what_is_ready(fakes: Fakes) -> None:
    ports = limited(fakes, 20)
    again = migration(9, state=State.WAITING, batch_id="btwo", retried=True, resumes="validate")
    ports.migrations.create(again, first_journal_entry(again, by="intake", reason="asked"), [])
    watch.handle_message(TICK, ports)
    assert offered(fakes.bus) == ["bone"] * 3 + ["btwo"] * 4


@pytest.mark.parametrize(
    ("state", "minutes", "since", "kept"),
    [
        (State.FAILED, 60, 2, False),
        (State.MIGRATED, 60, 1, False),
        (State.FAILED, 5, 2, True),
        (State.MIGRATING, 60, 1, True),
        (State.ACCEPTED, 60, 1, True),
    ],
)
def test_a_slot_that_nobody_needs_is_given_back(fakes: Fakes, state: State, minutes: int, since: int, kept: bool) -> None:
    """A retry of an earlier version took its slot and died before its step. A moving migration keeps its slot."""
    left = migration(9, state=state, batch_id="btwo", entered_at=NOON - timedelta(minutes=minutes))
    fakes.ports.migrations.create(left, first_journal_entry(left, by="intake", reason="asked"), [])
    assert fakes.admission.take_slot(fakes.admission.slot_use("btwo", left.migration_id), left.migration_id, "btwo", since)
    watch.handle_message(TICK, fakes.ports)
    assert (left.migration_id in fakes.admission.repair_counts_and_list_slot_holders()) is kept


@pytest.fixture
def ordered() -> Fakes:
    """A batch with an order by a tag. Three migrations are ready; the one that has waited longest is last in the order."""
    made = Fakes()
    batch = replace(BATCHES[0], policy=Policy(order="tag:turn"))
    made.ports.batches.create(batch)
    ids = []
    for number in (1, 2, 3):
        ready = replace(migration(number, state=State.READY, batch_id=batch.batch_id), entered_at=NOON + timedelta(minutes=number))
        made.ports.migrations.create(ready, first_journal_entry(ready, by="intake", reason="asked"), [])
        ids.append(ready.migration_id)
    made.ports.batches.commit(batch, replace(batch, version=2), waves=[tuple(reversed(ids))])
    return made


def offered_ids(bus: FakeBus) -> list[str]:
    found = [event.subject.removeprefix("migration/") for event in bus.published if event.type == events.ADMISSION_DUE]
    bus.published.clear()
    return found


def test_slots_are_offered_in_the_order_of_the_batch(ordered: Fakes) -> None:
    waiting = [each.migration_id for each in ordered.ports.migrations.admission_queue("bone", limit=9)]
    watch.handle_message(TICK, limited(ordered, 2))
    assert offered_ids(ordered.bus) == list(reversed(waiting))[:2]
    assert list(ordered.ports.batches.waves("bone").position_by_migration) == list(reversed(waiting))


def test_a_row_that_cannot_be_read_does_not_block_the_order(ordered: Fakes) -> None:
    first = next(iter(ordered.ports.batches.waves("bone").position_by_migration))
    load_migrations = ordered.ports.migrations.load_migrations
    without = mock.patch.object(
        ordered.ports.migrations,
        "load_migrations",
        lambda ids: [each for each in load_migrations(ids) if each.migration_id != first],
    )
    with without:
        watch.handle_message(TICK, limited(ordered, 1))
    (chosen,) = offered_ids(ordered.bus)
    assert chosen == list(ordered.ports.batches.waves("bone").position_by_migration)[1]


RELEASED = Message(events.MIGRATION_VALIDATED, "e", events.SOURCE, {"migrationId": "m"})


def test_a_released_slot_is_offered_at_once_by_the_same_choice_as_a_ticks(fakes: Fakes) -> None:
    ports = limited(fakes, 3)
    for type in sorted(events.SLOT_RELEASED):
        watch.handle_message(replace(RELEASED, type=type), ports)
        at_once = offered(fakes.bus)
        watch.handle_message(TICK, ports)
        assert at_once == offered(fakes.bus)
        assert len(at_once) == 3


def test_a_release_offers_no_more_than_is_free(fakes: Fakes) -> None:
    ports = limited(fakes, 1)
    assert ports.admission.take_slot(ports.admission.slot_use("bone", "mother"), "mother", "bone")
    watch.handle_message(RELEASED, ports)
    assert offered(fakes.bus) == []
    ports.admission.release_slot("mother", "bone")
    watch.handle_message(RELEASED, ports)
    assert len(offered(fakes.bus)) == 1


def test_a_release_offers_next_hops_of_other_batches_first(fakes: Fakes) -> None:
    ports = limited(fakes, 1)
    hop = migration(9, state=State.READY, batch_id="btwo", hop=1)
    ports.migrations.create(hop, first_journal_entry(hop, by="intake", reason="asked"), [])
    watch.handle_message(replace(RELEASED, data={"migrationId": migration(1).migration_id, "batchId": "bone"}), ports)
    assert [event.data["migrationId"] for event in fakes.bus.published] == [hop.migration_id]


def test_a_release_offers_nothing_while_everything_is_held(fakes: Fakes) -> None:
    fakes.admission.set_or_release_hold(NOTHING_HELD, HoldHistoryEntry("hold", "bob", NOON, "storm"))
    watch.handle_message(RELEASED, fakes.ports)
    assert offered(fakes.bus) == []


@pytest.mark.parametrize("limit", ["SLOTS_REFILLED", "BATCHES_REFILLED", "SIZE_REFILLED"])
def test_a_large_deployment_leaves_the_offer_to_the_tick(fakes: Fakes, limit: str) -> None:
    ports = limited(fakes, 3)
    with mock.patch.object(watch, limit, -1 if limit == "SIZE_REFILLED" else 1):
        watch.handle_message(RELEASED, ports)
    assert offered(fakes.bus) == []
    watch.handle_message(TICK, ports)
    assert len(offered(fakes.bus)) == 3


def test_only_a_tick_closes_batches_and_reclaims_slots(fakes: Fakes) -> None:
    """At noon a tick does both."""
    ports = fakes.ports
    for each in [*ports.migrations.migration_page_of_batch("btwo", state=None, limit=9, token="").migrations]:
        ports.migrations.commit(step_to_state(each, State.CANCELLED, now=NOON, by="ann", reason="not wanted"))
    assert ports.admission.take_slot(ports.admission.slot_use("btwo", "mgone"), "mgone", "btwo")
    watch.handle_message(RELEASED, ports)
    assert ports.batches.load("btwo").state is BatchState.OPEN
    watch.handle_message(TICK, ports)
    assert ports.batches.load("btwo").state is not BatchState.OPEN


def test_a_tick_reads_the_states_of_a_whole_batch_only_when_its_wave_may_have_ended(fakes: Fakes) -> None:
    """With ten thousand instances, each tick would otherwise read ten thousand rows."""
    batch, store = BATCHES[0], fakes.ports.migrations
    waved = replace(batch, policy=replace(batch.policy, waves=("1", "2")), version=batch.version + 1)
    ids = sorted(
        each.migration_id for each in store.migration_page_of_batch(batch.batch_id, state=None, limit=9, token="").migrations
    )
    fakes.ports.batches.commit(batch, waved, waves=Waves([(ids[0],), tuple(ids[1:])]))
    with mock.patch.object(store, "states_by_migration_id", wraps=store.states_by_migration_id) as reads:
        watch.handle_message(TICK, fakes.ports)
        assert reads.call_count == 0, "the first wave still waits"
        first = store.load_migrations(ids[:1])[0]
        store.commit(step_to_state(first, State.CANCELLED, now=NOON, by="ann", reason="not needed"))
        watch.handle_message(TICK, fakes.ports)
        assert reads.call_count == 1
    assert fakes.ports.batches.load(batch.batch_id).control.wave_ended_at is not None
