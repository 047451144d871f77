"""Pauses, resumes and stops a batch, and begins its next wave.

An act is refused if the batch has changed since the person saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import datetime

from shared.domain import brake, seen
from shared.domain.batch import Batch
from shared.domain.brake import BatchChange
from shared.domain.caller import Caller
from shared.domain.errors import Stale
from shared.domain.migration import BEFORE_A_START, MOVING, State
from shared.domain.retry import LOST_RACE
from shared.domain.waves import (
    batch_with_next_wave_open,
    check_next_wave_can_begin,
    check_no_retry_under_way,
    is_soak_over,
    state_counts_by_wave,
    why_next_wave_waits,
)
from shared.ports.ports import Ports
from shared.stages.api import show, views
from shared.stages.api.act import contention_error
from shared.stages.waving import unfinished_migration_ids_in_begun_waves


def pause_batch(ports: Ports, batch_id: str, caller: Caller, why: str, version: int) -> views.BatchView:
    """Pause the batch: no migration starts until somebody resumes the batch."""
    return _write_brake_act(
        ports, batch_id, caller, version, "pause", lambda batch: brake.pause_batch(batch, caller, why, ports.clock.now())
    )


def resume_batch(ports: Ports, batch_id: str, caller: Caller, why: str, failed: int, version: int) -> views.BatchView:
    """Resume the batch. If the batch paused at its failure budget, the failures so far no longer count."""

    def decide_resume(batch: Batch) -> BatchChange:
        counted = ports.batches.load_tally(batch_id).attempts
        return brake.resume_batch(batch, caller, why, ports.clock.now(), counted, failed)

    return _write_brake_act(ports, batch_id, caller, version, "resume", decide_resume)


def stop_batch(ports: Ports, batch_id: str, caller: Caller, why: str, version: int) -> views.BatchView:
    """Stop the batch: moving migrations finish, and the tick cancels migrations that have not begun."""
    return _write_brake_act(
        ports, batch_id, caller, version, "stop", lambda batch: brake.stop_batch(batch, caller, why, ports.clock.now())
    )


def begin_next_wave(ports: Ports, batch_id: str, caller: Caller, version: int) -> views.BatchView:
    """Begin the next wave of the batch. A repeated act changes nothing."""
    for _ in range(LOST_RACE.calls):
        before = ports.batches.load(batch_id)
        if before.version != version:
            lines = ports.batches.journal(batch_id)
            if any((each.version, each.act, each.by) == (version + 1, "next wave", caller.name) for each in lines):
                return show.batch_view(before, own=ports.account_id, now=ports.clock.now())
            raise seen.batch_changed_refusal(before, version)
        now = ports.clock.now()
        waves = ports.batches.waves(batch_id)
        check_next_wave_can_begin(before, len(waves), now)
        check_no_retry_under_way(before, unfinished_migration_ids_in_begun_waves(before.summary, waves, ports))
        after, line = batch_with_next_wave_open(before, caller.name, now, caller.trust.value, caller.door)
        try:
            ports.batches.commit(before, after, line=line)
        except Stale:
            continue
        return show.batch_view(after, own=ports.account_id, now=ports.clock.now())
    raise contention_error("Batch.Moved", f"Batch {batch_id}")


_GROUPS = {
    "moved": frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED}),
    "moving": MOVING,
    "failed": frozenset({State.FAILED, State.ROLLING_BACK, State.ROLLED_BACK, State.PRECHECK_FAILED, State.CANCELLED}),
    "waiting": BEFORE_A_START,
}


def wave_views(
    batch: Batch, found: list[tuple[str, ...]], states: Mapping[str, str], failed: Set[str], now: datetime
) -> tuple[views.WaveView, ...]:
    """Return the batch's waves, each with the number of its migrations in each state and the reason why the wave waits.

    The argument ``failed`` holds the migrations whose failures count against the budget.
    """
    groups = {name: frozenset(each.value for each in group) for name, group in _GROUPS.items()}
    waits, is_over, opened = why_next_wave_waits(batch.summary, now), is_soak_over(batch.summary, now), batch.control.wave
    return tuple(
        views.WaveView(
            place + 1,
            ids,
            **counted,
            against_budget=sum(id in failed for id in ids),
            waits_for=waits if place > opened else "",
            soak_over=is_over and place == opened + 1,
        )
        for place, (ids, counted) in enumerate(zip(found, state_counts_by_wave(found, states, groups), strict=True))
    )


def _write_brake_act(
    ports: Ports, batch_id: str, caller: Caller, version: int, act: str, decide: Callable[[Batch], BatchChange]
) -> views.BatchView:
    """Commit a person's act on the batch, if the batch has not changed since the person saw it. A repeated act changes nothing."""
    for _ in range(LOST_RACE.calls):
        before = ports.batches.load(batch_id)
        if before.version != version:
            if brake.is_repeat_of_last_act(before, act, caller.name):
                return show.batch_view(before, own=ports.account_id, now=ports.clock.now())
            raise seen.batch_changed_refusal(before, version)
        change = decide(before)
        try:
            ports.batches.commit(before, change.after, line=change.line, forgiven=change.forgiven)
        except Stale:
            continue
        return show.batch_view(change.after, own=ports.account_id, now=ports.clock.now())
    raise contention_error("Batch.Moved", f"Batch {batch_id}")
