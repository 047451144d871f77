"""The limits per region and per wave: the tick offers slots within them, and each start checks them again."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchProgress, BatchState, Selection
from shared.domain.limits import Limit
from shared.domain.message import Message
from shared.domain.migration import State, first_journal_entry
from shared.domain.policy import Policy
from shared.stages import watch
from shared.stages.slots import admit_migration
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

TICK = Message("timer", "t", "timer", {})
REGIONS = ("cn-hangzhou", "cn-beijing")
ACK = Acknowledgement("ann", NOON, "1", ())
BATCH = Batch("b1", BatchState.OPEN, 1, NOON, "api", "ann", Selection(REGIONS), Policy(max_moving=9), acknowledgement=ACK)
IDS = [migration(number).migration_id for number in range(1, 7)]


def fleet(*cut: tuple[str, ...], **policy: object) -> Fakes:
    """Six ready migrations of one batch. The first four are in cn-hangzhou, the others in cn-beijing."""
    made = Fakes()
    batch = replace(BATCH, policy=replace(BATCH.policy, **policy))  # type: ignore[arg-type]
    made.ports.batches.create(batch)
    if cut:
        after = replace(batch, version=2, control=BatchProgress(wave=len(cut) - 1))
        made.ports.batches.commit(batch, after, waves=cut)
    for number in range(1, 7):
        ready = migration(number, state=State.READY, batch_id="b1", region_id=REGIONS[number > 4])
        made.ports.migrations.create(ready, first_journal_entry(ready, by="intake", reason="asked"), [])
    return made


def offered(made: Fakes) -> list[str]:
    found = [str(each.data["migrationId"]) for each in made.bus.published if each.type == events.ADMISSION_DUE]
    made.bus.published.clear()
    return found


def start(made: Fakes, number: int) -> Limit | None:
    held = admit_migration(made.ports.migrations.load(IDS[number - 1]), made.ports)
    return held.limit if held else None


def test_the_tick_offers_as_many_of_each_region_as_may_move() -> None:
    made = fleet(max_moving_per_region=1)
    watch.handle_message(TICK, made.ports)
    assert offered(made) == [IDS[0], IDS[4]]


def test_where_every_region_is_full_no_row_is_read_for_an_offer() -> None:
    made = fleet(max_moving_per_region=1)
    assert (start(made, 1), start(made, 5)) == (None, None)
    with mock.patch.object(made.migrations, "load_migrations", side_effect=made.migrations.load_migrations) as read:
        watch.handle_message(TICK, made.ports)
    assert offered(made) == [IDS[0], IDS[4]], "who holds a slot is offered its turn again"
    assert {each for call in read.call_args_list for each in call.args[0]} == {IDS[0], IDS[4]}


def test_whoever_starts_is_judged_by_the_slots_of_its_region() -> None:
    made = fleet(max_moving_per_region=2)
    assert [start(made, number) for number in (1, 2, 3, 5)] == [None, None, Limit.REGION, None]
    assert start(made, 1) is None, "a slot that it holds already stays"
    made.ports.admission.release_slot(IDS[1], "b1")
    assert [start(made, number) for number in (3, 4)] == [None, Limit.REGION]


def test_a_slot_that_an_older_version_took_counts_in_its_region() -> None:
    made = fleet(max_moving_per_region=1)
    assert made.ports.admission.take_slot(made.ports.admission.slot_use("b1", IDS[0]), IDS[0], "b1")
    assert (start(made, 2), start(made, 5)) == (Limit.REGION, None)


@pytest.mark.parametrize("most", [1, 2])
def test_a_retry_in_an_earlier_wave_takes_no_room_of_the_open_one(most: int) -> None:
    made = fleet(tuple(IDS[:2]), tuple(IDS[2:]), waves=("2", "4"), max_moving_per_wave=most)
    watch.handle_message(TICK, made.ports)
    assert sorted(offered(made)) == sorted([*IDS[:most], *IDS[2 : 2 + most]])
    taken = [start(made, number) for number in range(1, 7)]
    assert taken == [None] * most + [Limit.WAVE_SLOT] * (2 - most) + [None] * most + [Limit.WAVE_SLOT] * (4 - most)


def test_without_waves_the_whole_batch_is_one_wave() -> None:
    made = fleet(max_moving_per_wave=3)
    assert [start(made, number) for number in range(1, 6)] == [None] * 3 + [Limit.WAVE_SLOT] * 2
