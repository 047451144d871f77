"""A tick reads a queue only as far as it needs: its front, and the rest if the front may not start or is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchProgress, BatchState, Selection
from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.domain.migration import State, first_journal_entry
from shared.domain.policy import Policy
from shared.domain.window import Window
from shared.stages import batch_queue, groups, watch
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

TICK = Message("timer", "t", "timer", {})
ACK = Acknowledgement("ann", NOON, "1", ())
REGIONS = ("cn-hangzhou", "cn-beijing")
BATCH = Batch("b1", BatchState.OPEN, 1, NOON, "api", "ann", Selection(REGIONS), Policy(max_moving=2), acknowledgement=ACK)
NEVER = Window("22:00", "04:00")
"""A window that is closed at noon."""
IDS = [migration(number).migration_id for number in range(1, 7)]


@pytest.fixture(autouse=True)
def short_front() -> Iterator[None]:
    with mock.patch.object(batch_queue, "FRONT_READ", 2):
        yield


def fleet(*cut: tuple[str, ...], hops: tuple[int, ...] = (), beijing: tuple[int, ...] = (), **policy: Any) -> Fakes:
    """Six ready migrations of one batch with waves, at one minute past noon. Those in ``hops`` wait for their second hop."""
    made = Fakes()
    made.clock.pass_time(minutes=1)
    batch = replace(BATCH, policy=replace(BATCH.policy, waves=tuple("2" for _ in cut), **policy))
    made.ports.batches.create(batch)
    made.ports.batches.commit(batch, replace(batch, version=2, control=BatchProgress(wave=0)), waves=cut)
    for number in range(1, 7):
        ready = replace(
            migration(number, state=State.READY, batch_id="b1", region_id=REGIONS[number in beijing]), hop=int(number in hops)
        )
        made.ports.migrations.create(ready, first_journal_entry(ready, by="intake", reason="asked"), [])
    return made


def tick(made: Fakes) -> tuple[list[str], int]:
    """The offered ids, and the number of times that a whole queue was read."""
    made.bus.published.clear()
    with mock.patch.object(made.migrations, "admission_queue", side_effect=made.migrations.admission_queue) as read:
        watch.handle_message(TICK, made.ports)
    offered = [str(each.data["migrationId"]) for each in made.bus.published if each.type == events.ADMISSION_DUE]
    return offered, sum(call.args[1] > batch_queue.FRONT_READ for call in read.call_args_list)


def take_slots(made: Fakes, *numbers: int) -> None:
    for number in numbers:
        id = IDS[number - 1]
        assert made.ports.admission.take_slot(made.ports.admission.slot_use("b1", id), id, "b1", region="cn-hangzhou")


def test_while_every_slot_is_taken_only_the_front_is_read() -> None:
    made = fleet(tuple(IDS[:3]), tuple(IDS[3:]))
    take_slots(made, 1, 2)
    assert tick(made) == (IDS[:2], 0)


def test_a_front_of_later_waves_is_passed() -> None:
    made = fleet(tuple(IDS[3:]), tuple(IDS[:3]))
    assert tick(made) == (IDS[3:5], 1)


def test_a_front_that_fills_the_slots_is_enough() -> None:
    made = fleet(tuple(IDS[:3]), tuple(IDS[3:]))
    assert tick(made) == (IDS[:2], 0)


def test_a_wave_goes_on_while_one_of_it_waits_behind_the_front() -> None:
    made = fleet(tuple(IDS[4:]), tuple(IDS[:4]), windows=(NEVER,))
    assert tick(made) == ([], 1)
    assert made.ports.batches.load("b1").control.wave_ended_at is None


def test_a_slot_holder_proves_that_the_wave_goes_on() -> None:
    made = fleet(tuple(IDS[4:]), tuple(IDS[:4]), windows=(NEVER,))
    take_slots(made, 5)
    assert tick(made) == ([], 0)
    assert made.ports.batches.load("b1").control.wave_ended_at is None


def test_a_wave_without_members_left_ends_although_others_wait() -> None:
    made = fleet(("gone",), tuple(IDS))
    tick(made)
    assert made.ports.batches.load("b1").control.wave_ended_at is None, "a row that is not there yet may still come"


@pytest.mark.parametrize("hops", [(4, 6), (1, 2, 4)])
def test_a_next_hop_behind_the_front_comes_before_every_first_hop(hops: tuple[int, ...]) -> None:
    made = fleet(tuple(IDS), hops=hops, max_moving=len(hops))
    assert sorted(tick(made)[0]) == [IDS[each - 1] for each in hops]


def test_an_order_is_the_order_of_the_whole_queue() -> None:
    made = fleet(tuple(reversed(IDS)), order="name")
    assert tick(made) == ([IDS[5], IDS[4]], 1)


@pytest.mark.parametrize("waves", [(tuple(IDS),), ()])
def test_a_waiting_slot_holder_behind_the_front_is_offered_its_turn_again(waves: tuple[tuple[str, ...], ...]) -> None:
    made = fleet(*waves)
    take_slots(made, 5, 6)
    with mock.patch.object(made.migrations, "load_migrations", side_effect=made.migrations.load_migrations) as load:
        assert tick(made) == ([], 0)
        load.assert_not_called()  # in most ticks the rows of slot holders are not worth their reads
    made.clock.pass_time(minutes=9)
    assert tick(made) == (IDS[4:], 0)


def test_regions_with_free_slots_are_found_behind_the_first_hundred() -> None:
    made = fleet(max_moving_per_region=1, beijing=(5, 6))
    with mock.patch.object(batch_queue, "READY_READ", 3):
        take_slots(made, 1)
        assert tick(made) == ([IDS[0], IDS[4]], 1)


def test_of_a_batch_without_waves_order_or_groups_a_hundred_are_read() -> None:
    made = fleet()
    assert tick(made) == (IDS[:2], 0)
    made = fleet(max_moving=4)
    assert tick(made) == (IDS[:4], 1)
    with mock.patch.object(batch_queue, "READY_READ", 3):
        made = fleet(max_moving=4)
        assert tick(made) == (IDS[:3], 1)


def test_an_unreadable_holder_blocks_its_own_group_only() -> None:
    made = fleet(tuple(IDS))
    members = {number: replace(made.ports.migrations.load(IDS[number - 1]), group=f"g{number}") for number in (1, 2)}
    for each in members.values():
        made.migrations.rows[each.migration_id].migration = each
    assert made.ports.admission.acquire_group_lock("g1", "unreadable", 1)
    damaged = Permanent("Store.RowInvalid", "The row is damaged.", "Ask.")
    with mock.patch.object(groups, "_active_holder_of_group_lock", side_effect=damaged):
        assert groups.migration_ids_whose_group_allows_start(IDS[:2], 2, made.ports) == [IDS[1]]
