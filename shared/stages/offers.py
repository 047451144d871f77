"""Chooses which waiting migrations may start in this tick. Each free slot is offered to one migration.

A migration that waits for its next hop comes before a migration that waits for its first hop.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
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
    why_budget_spent,
)
from shared.domain.migration import ADMITTED, MOVING, Migration
from shared.domain.record import dataclass
from shared.ports.batches import BatchTally
from shared.ports.migrations import WaitingMigration
from shared.ports.ports import Ports
from shared.stages.closing import close_batch_if_settled
from shared.stages.slots import STATES_BEFORE_ADMISSION, counts_with_failures_by_wave

if TYPE_CHECKING:
    from shared.domain.accounts import UnusableAccount
    from shared.stages.crowds import SlotCounts

_LOG = logging.getLogger("replank")

READY_READ = 100
"""Maximum waiting migrations that one tick reads from a queue. The migrations that have waited longest are read first."""
MANY_READ = 20_000
"""Maximum waiting migrations that one tick reads from the queue of a batch with waves, groups or an order.

More rows are read than for other batches, because the migrations that have waited longest may have to wait for others.
"""
RECLAIM_EVERY_MIN = 10
UNNEEDED_SLOT_KEPT_FOR = timedelta(minutes=10)
"""An unneeded slot is released if the state of its migration has not changed for this long."""


@dataclass
class _BatchQueue:
    """The migrations of one batch that wait for a slot in one account."""

    tally: BatchTally
    waiting: Sequence[WaitingMigration]
    account_id: str = ""


@dataclass
class _TickState:
    """The facts and counts that are common to all batches of one tick."""

    ports: Ports
    now: datetime
    holders: Mapping[str, str]
    hold: Hold
    homes: Mapping[str, str]
    """For each migration that holds a slot, the id of its member account."""
    troubles: Mapping[str, UnusableAccount]
    begun: Counter[tuple[str, str]] = field(default_factory=Counter)
    """For each batch and account, the number of slots that this tick has offered."""
    crowds: dict[str, SlotCounts] = field(default_factory=dict)
    """The slot holders of each batch, counted by region and wave. Only batches that limit regions or waves are counted."""

    def offered_slot_count(self, batch_id: str | None = None, account_id: str | None = None) -> int:
        """Return the number of slots that this tick has offered to one batch, to one account, or to one batch in one account."""
        return sum(n for (batch, account), n in self.begun.items() if batch_id in (None, batch) and account_id in (None, account))


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
        ports.admission.repair_counts_and_list_slot_holders(),
        ports.admission.current_hold(),
        *_accounts_of_slot_holders(queues, ports),
    )
    if at_tick:
        _release_unneeded_slots(tick)
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
    queues: Sequence[_BatchQueue], ports: Ports
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
) -> list[_BatchQueue]:
    """Return the queues of batches with waiting migrations. Close batches in which no migration can start any more."""
    queues: list[_BatchQueue] = []
    for summary in batches:
        try:
            if summary.control.brake is PauseState.STOPPED:
                _cancel_unstarted_migrations(summary, ports)
            most = MANY_READ if summary.policy.stores_order or summary.policy.group else READY_READ
            found = [(each, ports.migrations.admission_queue(summary.batch_id, most, each)) for each in summary.account_ids]
            tally = ports.batches.load_tally(summary.batch_id) if any(waiting for _, waiting in found) else None
            if tally is not None:
                queues += [_BatchQueue(tally, waiting, account_id) for account_id, waiting in found if waiting]
            elif at_tick and now.minute == 0:  # only once an hour, because this reads the whole batch
                close_batch_if_settled(summary, ports)
        except ReplankError as error:
            _log_skipped_batch(summary.batch_id, error)
    return queues


def _prepare_queue_and_choose_migrations(queue: _BatchQueue, next_hops: bool, tick: _TickState) -> list[Migration]:
    """Return the migrations of one queue that get an offer. If ``next_hops`` is true, return only migrations that have finished a
    hop; otherwise, return only migrations before their first hop.

    Before first hops are chosen, prepare the queue: pause a batch that has spent its failure budget, advance its wave, sort it, and
    report approvals. If any of these preparations fails, log the error and return no migration.
    """
    try:
        if not next_hops and any(not each.first for each in queue.waiting):
            _pause_batch_if_budget_spent(_context_for_start_from_queue(queue, set(), tick), tick.ports)
            _remove_later_waves_from_queue(queue, tick)
            _sort_queue(queue, tick.ports)
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


def _remove_later_waves_from_queue(queue: _BatchQueue, tick: _TickState) -> None:
    """Remove from the queue the migrations whose wave has not begun. If the open wave has ended, record its end."""
    summary = queue.tally.summary
    if not summary.policy.waves or summary.acknowledgement is None:
        return
    from shared.stages.waving import (
        end_wave_or_begin_next,  # rarely needed: this import would slow down every start of the function
    )

    if not why_budget_spent(_context_for_start_from_queue(queue, set(), tick)):
        end_wave_or_begin_next(summary, [each.migration_id for each in queue.waiting], tick.ports)
    found = tick.ports.batches.waves(summary.batch_id)
    queue.waiting = [each for each in queue.waiting if each.first or found.wave_number(each.migration_id) <= summary.control.wave]


def _sort_queue(queue: _BatchQueue, ports: Ports) -> None:
    """Sort the queue by the policy's order.

    Unreadable rows at the front are moved to the end, because they would block the queue.
    """
    summary = queue.tally.summary
    if not summary.policy.order or summary.acknowledgement is None:
        return
    places = ports.batches.waves(summary.batch_id).position_by_migration
    in_order = sorted(queue.waiting, key=lambda each: places.get(each.migration_id, len(places)))
    front = [each.migration_id for each in in_order if not each.first][:READY_READ]
    unreadable = set(front) - {each.migration_id for each in ports.migrations.load_migrations(front)}
    queue.waiting = sorted(in_order, key=lambda each: each.migration_id in unreadable)


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


def _choose_migrations(queue: _BatchQueue, next_hops: bool, tick: _TickState) -> list[Migration]:
    """Return the migrations of the queue that may start now.

    A migration that took a slot just before a crash is always included.
    """
    mine = {holder for holder, owner in tick.holders.items() if owner == queue.tally.summary.batch_id}
    ids = [each.migration_id for each in queue.waiting if each.first is next_hops]
    start = StartKind.HOP_SNAPSHOT if next_hops else StartKind.FIRST_SNAPSHOT
    more = _migration_ids_that_may_start(
        queue,
        [each for each in ids if each not in mine],
        allowed_start_count(start, _context_for_start_from_queue(queue, mine, tick)),
        tick,
    )
    held = [each for each in ids if each in mine]
    found = tick.ports.migrations.load_migrations(held + more) if held or more else []
    lost = set(more) - {each.migration_id for each in found}
    if lost:  # the row goes to the end of the queue; otherwise it would use up an offer in every tick
        tick.ports.migrations.postpone_unreadable_rows(sorted(lost), tick.now)
    still = [each for each in found if each.state in ADMITTED]
    begun = sum(each.migration_id not in mine for each in still)
    tick.begun[queue.tally.summary.batch_id, queue.account_id] += begun
    return still


def _migration_ids_that_may_start(queue: _BatchQueue, ids: Sequence[str], room: int, tick: _TickState) -> list[str]:
    """Return the ids of the first migrations that may start, at most ``room`` ids.

    A migration may start only if its redundancy group, region and wave allow the start.
    """
    summary = queue.tally.summary
    if not (summary.policy.group or summary.policy.has_region_or_wave_limit) or not room:
        return list(ids[:room])
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


def _context_for_start_from_queue(queue: _BatchQueue, mine: set[str], tick: _TickState) -> StartContext:
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


def _release_unneeded_slots(tick: _TickState) -> None:
    """Release slots that no migration needs.

    In earlier versions, a retry could crash before its step was committed, and then keep its slot.
    """
    if tick.now.minute % RECLAIM_EVERY_MIN:
        return
    ids = sorted(tick.holders)
    for start in range(0, len(ids), READY_READ):
        for each in tick.ports.migrations.load_migrations(ids[start : start + READY_READ]):
            if (
                each.state not in MOVING | STATES_BEFORE_ADMISSION
                and not each.owes
                and tick.now - each.entered_at > UNNEEDED_SLOT_KEPT_FOR
            ):
                tick.ports.admission.release_slot(each.migration_id, each.batch_id, each.attempt + 1, account=each.account_id)
