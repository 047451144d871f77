"""What the tick offers: who may try to start now, next hops before all others, and never more than there is room for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain import events
from shared.domain.batch import Terms
from shared.domain.errors import ReplankError
from shared.domain.hold import Hold
from shared.domain.limits import Scene, Standing, Start, room_for
from shared.domain.migration import ADMITTED, MOVING, Migration
from shared.ports.batches import Tally
from shared.ports.migrations import Waiting
from shared.ports.ports import Ports
from shared.stages.closing import close_batch
from shared.stages.slots import BEFORE_THE_SLOT

_LOG = logging.getLogger("replank")

READY_READ = 100
"""Of those that wait, the longest waiting."""
RECLAIM_EVERY_MIN = 10
LEFT_BEHIND = timedelta(minutes=10)
"""A migration that does not need its slot loses it this long after its last change of state."""


@dataclass
class _Queue:
    """One batch's queue, and how many slots this tick's offers will take of it."""

    tally: Tally
    waiting: Sequence[Waiting]
    begun: int = 0


@dataclass
class _Tick:
    """What holds for all batches of one tick."""

    ports: Ports
    now: datetime
    holders: Mapping[str, str]
    hold: Hold
    begun: int = 0


def offer_slots(batches: Sequence[Terms], ports: Ports) -> int:
    """Offer the free slots to waiting migrations. The snapshot stage takes the slot itself."""
    now = ports.clock.now()
    queues = _collect_queues(_rotated(batches, now), now, ports)
    if not queues:
        return 0
    tick = _Tick(ports, now, ports.admission.holders(), ports.admission.hold())
    _reclaim_slots(tick)
    nudge = events.reminder(now)
    # All next hops of all batches, and only then anything new: a route once begun is not left half-way for want of a slot.
    chosen = [each for first in (True, False) for queue in queues for each in _choose_or_skip(queue, first, tick)]
    ports.bus.publish([events.about(each, events.ADMISSION_DUE, stage="snapshot", nudge=nudge) for each in chosen])
    return len(chosen)


def _collect_queues(batches: Sequence[Terms], now: datetime, ports: Ports) -> list[_Queue]:
    """The batches in which something waits; one in which nothing does is closed, if nothing in it can start any more."""
    queues: list[_Queue] = []
    for terms in batches:
        try:
            waiting = ports.migrations.ready(terms.batch_id, limit=READY_READ)
            if waiting:
                queues.append(_Queue(ports.batches.tally(terms.batch_id), waiting))
            elif now.minute == 0:  # once an hour is often enough: it reads the whole batch
                close_batch(terms, ports)
        except ReplankError as error:
            _log_skipped(terms.batch_id, error)
    return queues


def _choose_or_skip(queue: _Queue, first: bool, tick: _Tick) -> list[Migration]:
    try:
        return _choose(queue, first, tick)
    except ReplankError as error:
        _log_skipped(queue.tally.terms.batch_id, error)
        return []


def _log_skipped(batch_id: str, error: ReplankError) -> None:
    """What goes wrong with one batch takes nothing from the others."""
    _LOG.error("batch %s is passed over: %s", batch_id, error)


def _rotated(batches: Sequence[Terms], now: datetime) -> list[Terms]:
    """Another batch first with every tick, so that a large one does not keep a small one waiting for days."""
    place = int(now.timestamp() // 60) % len(batches) if batches else 0
    return [*batches[place:], *batches[:place]]


def _choose(queue: _Queue, first: bool, tick: _Tick) -> list[Migration]:
    """Those that hold a slot already (a crash came between), and as many others as may start beside those begun."""
    mine = {holder for holder, owner in tick.holders.items() if owner == queue.tally.terms.batch_id}
    ids = [each.migration_id for each in queue.waiting if each.first is first]
    start = Start.HOP_SNAPSHOT if first else Start.FIRST_SNAPSHOT
    more = [each for each in ids if each not in mine][: room_for(start, _scene(queue, mine, tick))]
    held = [each for each in ids if each in mine]
    found = tick.ports.migrations.load_many(held + more) if held or more else []
    lost = set(more) - {each.migration_id for each in found}
    if lost:  # a row that cannot be read steps aside, or it would take the same place with every tick
        tick.ports.migrations.step_aside(sorted(lost), tick.now)
    still = [each for each in found if each.state in ADMITTED]
    begun = sum(each.migration_id not in mine for each in still)
    queue.begun, tick.begun = queue.begun + begun, tick.begun + begun
    return still


def _scene(queue: _Queue, mine: set[str], tick: _Tick) -> Scene:
    standing = Standing(
        queue.tally.failed,
        queue.tally.moved,
        held_by_batch=len(mine) + queue.begun,
        held_by_account=len(tick.holders) + tick.begun,
        unproved=len(mine - queue.tally.moved) + queue.begun,
    )
    return Scene(queue.tally.terms, standing, tick.hold, tick.now, tick.ports.limits.max_moving)


def _reclaim_slots(tick: _Tick) -> None:
    """Give back slots that nobody needs: in earlier versions a retry that died before its step left its slot behind."""
    if tick.now.minute % RECLAIM_EVERY_MIN:
        return
    ids = sorted(tick.holders)
    for start in range(0, len(ids), READY_READ):
        for each in tick.ports.migrations.load_many(ids[start : start + READY_READ]):
            if each.state not in MOVING | BEFORE_THE_SLOT and not each.owes and tick.now - each.entered_at > LEFT_BEHIND:
                tick.ports.admission.release_slot(each.migration_id, each.batch_id, each.attempt + 1)
