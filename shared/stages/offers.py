"""Chooses which waiting migrations may start in this tick. Each free slot is offered to one migration.

A migration that waits for its next hop comes before a migration that waits for its first hop.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from shared.domain import events
from shared.domain.batch import BatchSummary, PauseState
from shared.domain.errors import ReplankError
from shared.domain.hold import Hold
from shared.domain.limits import (
    AdmissionCounts,
    StartContext,
    StartKind,
    allowed_start_count,
    has_admission_priority,
    why_budget_spent,
)
from shared.domain.migration import ADMITTED, MOVING, Migration
from shared.domain.record import dataclass
from shared.ports.ports import Ports
from shared.stages.batch_queue import READY_READ, BatchQueue, fronts_of_queues
from shared.stages.closing import close_batch_if_settled
from shared.stages.slots import STATES_BEFORE_ADMISSION, counts_with_failures_by_wave

if TYPE_CHECKING:
    from shared.domain.accounts import UnusableAccount
    from shared.stages.crowds import SlotCounts

_LOG = logging.getLogger("replank")

RECLAIM_EVERY_MIN = 10
"""In one tick of these minutes the rows of all slot holders are read. In every tick they would cost a read for each slot."""
UNNEEDED_SLOT_KEPT_FOR = timedelta(minutes=10)
"""An unneeded slot is released if the state of its migration has not changed for this long."""


@dataclass
class _TickState:
    """The facts and counts that are common to all batches of one tick."""

    ports: Ports
    now: datetime
    queues: Sequence[BatchQueue]
    holders: Mapping[str, str]
    hold: Hold
    homes: Mapping[str, str]
    """For each migration that holds a slot, the id of its member account."""
    troubles: Mapping[str, UnusableAccount]
    begun: Counter[tuple[str, str]] = field(default_factory=Counter)
    """For each batch and account, the number of slots that this tick has offered."""
    waiting_holders: dict[str, list[Migration]] = field(default_factory=dict)
    """The waiting migrations that hold a slot, by batch. Filled only in the ticks that look for unneeded slots."""
    crowds: dict[str, SlotCounts] = field(default_factory=dict)
    """The slot holders of each batch, counted by region and wave. Only batches that limit regions or waves are counted."""

    def offered_slot_count(self, batch_id: str | None = None, account_id: str | None = None) -> int:
        """Return the number of slots that this tick has offered to one batch, to one account, or to one batch in one account."""
        return sum(n for (batch, account), n in self.begun.items() if batch_id in (None, batch) and account_id in (None, account))

    def slot_holders_of_batch(self, batch_id: str) -> set[str]:
        """Return the ids of the batch's migrations that hold a slot."""
        return {holder for holder, owner in self.holders.items() if owner == batch_id}


def offer_slots(batches: Sequence[BatchSummary], ports: Ports, *, at_tick: bool = True) -> int:
    """Offer the free slots to waiting migrations: for each offer, publish an event to the snapshot stage. Return the number of
    offers.

    An offer takes no slot; the snapshot stage takes the slot later. If ``at_tick`` is false, no batch is closed and no slot is
    released.
    """
    now = ports.clock.now()
    queues = _collect_queues_and_close_batches(_batches_in_rotated_order(batches, now), now, ports, at_tick=at_tick)
    if not queues:
        return 0
    tick = _TickState(
        ports,
        now,
        queues,
        ports.admission.repair_counts_and_list_slot_holders(),
        ports.admission.current_hold(),
        *_accounts_of_slot_holders(queues, ports),
    )
    if at_tick and not now.minute % RECLAIM_EVERY_MIN:
        _release_unneeded_slots_and_note_waiting_holders(tick)
    nudge = events.reminder_id(now)
    # The next hops of all batches come before every first hop, so that no instance stays between two hops for lack of a slot.
    chosen = [
        each
        for next_hops in (True, False)
        for queue in queues
        for each in _prepare_queue_and_choose_migrations(queue, next_hops, tick)
    ]
    ports.bus.publish([events.migration_event(each, events.ADMISSION_DUE, stage="snapshot", nudge=nudge) for each in chosen])
    return len(chosen)


def _accounts_of_slot_holders(
    queues: Sequence[BatchQueue], ports: Ports
) -> tuple[Mapping[str, str], Mapping[str, UnusableAccount]]:
    """Return two mappings: from each slot holder to its member account, and from each unusable account to the reason.

    Without member accounts, both mappings are empty.
    """
    waiting = sorted({queue.account_id for queue in queues} - {""})
    if not waiting and not ports.member_accounts:
        return {}, {}
    return ports.admission.accounts_of_slot_holders(), ports.admission.unusable_accounts(waiting)


def _collect_queues_and_close_batches(
    batches: Sequence[BatchSummary], now: datetime, ports: Ports, *, at_tick: bool
) -> list[BatchQueue]:
    """Return the queues of batches with waiting migrations. Close batches in which no migration can start any more."""
    queues: list[BatchQueue] = []
    for summary in batches:
        try:
            if summary.control.brake is PauseState.STOPPED:
                _cancel_unstarted_migrations(summary, ports)
            fronts = fronts_of_queues(summary, ports)
            if fronts:
                tally = ports.batches.load_tally(summary.batch_id)
                queues += [BatchQueue(tally, account_id, front, ports) for account_id, front in fronts.items()]
            elif at_tick and now.minute == 0:  # only once an hour, because this reads the whole batch
                close_batch_if_settled(summary, ports)
        except ReplankError as error:
            _log_skipped_batch(summary.batch_id, error)
    return queues


def _prepare_queue_and_choose_migrations(queue: BatchQueue, next_hops: bool, tick: _TickState) -> list[Migration]:
    """Return the migrations of one queue that get an offer. If ``next_hops`` is true, return only migrations that have finished a
    hop; otherwise, return only migrations before their first hop.

    Before first hops are chosen, prepare the batch: pause it if it has spent its failure budget, advance its wave, and report
    approvals. If any of these preparations fails, log the error and return no migration.
    """
    try:
        if not next_hops and queue.has_first_hops():
            _pause_batch_if_budget_spent(_context_for_start_from_queue(queue, set(), tick), tick.ports)
            _end_wave_or_begin_next(queue, tick)
            _report_approval_or_stop_batch(queue.tally.summary, tick.ports)
        return _choose_migrations(queue, next_hops, tick)
    except ReplankError as error:
        _log_skipped_batch(queue.tally.summary.batch_id, error)
        return []


def _cancel_unstarted_migrations(summary: BatchSummary, ports: Ports) -> None:
    # rarely needed: this import would slow down every start of the function
    from shared.stages.braking import cancel_unstarted_migrations

    cancel_unstarted_migrations(summary, ports)


def _pause_batch_if_budget_spent(scene: StartContext, ports: Ports) -> None:
    if why_budget_spent(scene) and scene.summary.control.brake is PauseState.OFF:
        # rarely needed: this import would slow down every start of the function
        from shared.stages.braking import pause_batch_if_budget_spent

        pause_batch_if_budget_spent(scene, ports)


def _end_wave_or_begin_next(queue: BatchQueue, tick: _TickState) -> None:
    """If the open wave has ended, record its end. Begin the next wave if it may begin."""
    summary = queue.tally.summary
    if not summary.policy.waves or summary.acknowledgement is None:
        return
    from shared.stages.waving import (
        end_wave_or_begin_next,  # rarely needed: this import would slow down every start of the function
    )

    if not why_budget_spent(_context_for_start_from_queue(queue, set(), tick)):
        # A slot holder comes first: in most ticks it proves that the wave goes on, and then no queue is read to its end.
        waiting = (each.migration_id for other in tick.queues if other.tally.summary.batch_id == summary.batch_id for each in other)
        end_wave_or_begin_next(summary, chain(tick.slot_holders_of_batch(summary.batch_id), waiting), tick.ports)


def _ids_in_order_of_start(queue: BatchQueue, next_hops: bool, ports: Ports) -> Iterator[str]:
    """Yield the ids of the migrations that wait for their next hop, or of those that wait for their first hop.

    Migrations whose wave has not begun are left out. The queue is read only as far as the caller iterates.
    """
    summary = queue.tally.summary
    if next_hops:
        return (each.migration_id for each in queue.next_hops())
    ids: Iterator[str] = (each.migration_id for each in queue if not each.first)
    if summary.acknowledgement is None:
        return ids
    if summary.policy.waves:
        ids = _ids_of_begun_waves(ids, summary, ports)
    return _ids_in_order_of_policy(ids, summary, ports) if summary.policy.order else ids


def _ids_of_begun_waves(ids: Iterator[str], summary: BatchSummary, ports: Ports) -> Iterator[str]:
    found = ports.batches.waves(summary.batch_id)
    return (each for each in ids if found.wave_number(each) <= summary.control.wave)


def _ids_in_order_of_policy(ids: Iterator[str], summary: BatchSummary, ports: Ports) -> Iterator[str]:
    """Yield the ids in the policy's order.

    Unreadable rows at the front are moved to the end, because they would block the queue.
    """
    places = ports.batches.waves(summary.batch_id).position_by_migration
    in_order = sorted(ids, key=lambda each: places.get(each, len(places)))
    front = in_order[:READY_READ]
    unreadable = set(front) - {each.migration_id for each in ports.migrations.load_migrations(front)}
    yield from sorted(in_order, key=lambda each: each in unreadable)


def _report_approval_or_stop_batch(summary: BatchSummary, ports: Ports) -> None:
    """Report one missing or expiring approval of the batch, or stop the batch if an approval has expired.

    Each missing or expiring approval is reported only once.
    """
    if summary.policy.approvals or summary.policy.wave_approvals:
        # rarely needed: this import would slow down every start of the function
        from shared.stages.approvals_due import report_approval_or_stop_batch

        report_approval_or_stop_batch(summary, ports)


def _log_skipped_batch(batch_id: str, error: ReplankError) -> None:
    """Log an error that makes the tick skip one batch. The tick continues with the other batches."""
    _LOG.error("batch %s is skipped in this tick: %s", batch_id, error)


def _batches_in_rotated_order(batches: Sequence[BatchSummary], now: datetime) -> list[BatchSummary]:
    """Return the batches in an order that changes with every tick.

    In a fixed order, a large batch could block a small batch for days.
    """
    place = int(now.timestamp() // 60) % len(batches) if batches else 0
    return [*batches[place:], *batches[:place]]


def _choose_migrations(queue: BatchQueue, next_hops: bool, tick: _TickState) -> list[Migration]:
    """Return the migrations of the queue that may start now.

    A migration that took a slot just before a crash is always included.
    """
    mine = tick.slot_holders_of_batch(queue.tally.summary.batch_id)
    start = StartKind.HOP_SNAPSHOT if next_hops else StartKind.FIRST_SNAPSHOT
    room = allowed_start_count(start, _context_for_start_from_queue(queue, mine, tick))
    ids = _ids_in_order_of_start(queue, next_hops, tick.ports)
    more = _migration_ids_that_may_start(queue, (each for each in ids if each not in mine), room, tick) if room else []
    held = _waiting_slot_holders(queue, next_hops, mine, tick)
    found = tick.ports.migrations.load_migrations(held + more) if held or more else []
    lost = set(more) - {each.migration_id for each in found}
    if lost:  # the row goes to the end of the queue; otherwise it would use up an offer in every tick
        tick.ports.migrations.postpone_unreadable_rows(sorted(lost), tick.now)
    still = [each for each in found if each.state in ADMITTED]
    begun = sum(each.migration_id not in mine for each in still)
    tick.begun[queue.tally.summary.batch_id, queue.account_id] += begun
    return still


def _waiting_slot_holders(queue: BatchQueue, next_hops: bool, mine: set[str], tick: _TickState) -> list[str]:
    """Return the ids of the migrations that wait although they hold a slot, because the function that took it has crashed.

    Such a migration may be behind the part of the queue that is read. It is found every ``RECLAIM_EVERY_MIN`` minutes.
    """
    read = {each.migration_id: each.first for each in queue.migrations_read()}
    held = [each for each, first in read.items() if first is next_hops and each in mine]
    behind = [
        each.migration_id
        for each in tick.waiting_holders.get(queue.tally.summary.batch_id, ())
        if each.migration_id not in read and each.account_id == queue.account_id and has_admission_priority(each) is next_hops
    ]
    return held + behind


def _migration_ids_that_may_start(queue: BatchQueue, ids: Iterator[str], room: int, tick: _TickState) -> list[str]:
    """Return the ids of the first migrations that may start, at most ``room`` ids.

    A migration may start only if its redundancy group, region and wave allow the start.
    """
    summary = queue.tally.summary
    if not (summary.policy.group or summary.policy.has_region_or_wave_limit):
        return list(islice(ids, room))
    first = next(ids, None)
    if first is None:
        return []
    ids = chain([first], ids)
    from shared.stages.groups import (
        migration_ids_whose_group_allows_start,
    )  # rarely needed: this import would slow down every start of the function

    if not summary.policy.has_region_or_wave_limit:
        return migration_ids_whose_group_allows_start(ids, room, tick.ports)
    from shared.stages.crowds import slot_counts

    # all queues of a batch share one count, so that each queue counts what the others have begun
    if summary.batch_id not in tick.crowds:
        tick.crowds[summary.batch_id] = slot_counts(summary, tick.ports)
    return migration_ids_whose_group_allows_start(ids, room, tick.ports, tick.crowds[summary.batch_id])


def _context_for_start_from_queue(queue: BatchQueue, mine: set[str], tick: _TickState) -> StartContext:
    batch_id, account_id = queue.tally.summary.batch_id, queue.account_id
    there = sum(tick.homes.get(each, "") == account_id for each in tick.holders)
    begun = tick.offered_slot_count(batch_id)
    standing = AdmissionCounts(
        queue.tally.failed,
        queue.tally.moved,
        held_by_batch=len(mine) + begun,
        held_by_account=there + tick.offered_slot_count(account_id=account_id),
        unproved=len(mine - queue.tally.moved) + begun,
    )
    standing = counts_with_failures_by_wave(standing, queue.tally.summary, tick.ports)
    trouble = tick.troubles.get(account_id)
    reason = trouble.why_unusable if trouble is not None and trouble.is_account_blocked(tick.now) else ""
    return StartContext(queue.tally.summary, standing, tick.hold, tick.now, tick.ports.limits.max_moving, reason)


def _release_unneeded_slots_and_note_waiting_holders(tick: _TickState) -> None:
    """Release slots that no migration needs. Note the migrations that hold a slot and wait.

    In earlier versions, a retry could crash before its step was committed, and then keep its slot.
    """
    ids = sorted(tick.holders)
    for start in range(0, len(ids), READY_READ):
        for each in tick.ports.migrations.load_migrations(ids[start : start + READY_READ]):
            if each.state in ADMITTED:
                tick.waiting_holders.setdefault(each.batch_id, []).append(each)
            elif (
                each.state not in MOVING | STATES_BEFORE_ADMISSION
                and not each.owes
                and tick.now - each.entered_at > UNNEEDED_SLOT_KEPT_FOR
            ):
                tick.ports.admission.release_slot(each.migration_id, each.batch_id, each.attempt + 1, account=each.account_id)
