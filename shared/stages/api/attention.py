"""Finds the batches that may need a person now. Each batch is returned with the number of its migrations in each state."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.batch import Batch, BatchState, PauseState
from shared.domain.migration import State
from shared.domain.waves import BY_HAND, is_soak_over, why_next_wave_waits
from shared.ports.ports import Ports
from shared.stages.api import show
from shared.stages.api.attention_views import BatchesNeedingPerson, BatchNeedingPerson, NextWave, WaveStartPolicy
from shared.stages.api.batches import number_of_jobs_to_start

SOON = timedelta(days=1)
"""An approval that expires within one day needs a person."""
STATES_FOR_A_PERSON = (State.FAILED, State.PRECHECK_FAILED, State.MIGRATED)
"""The states in which a migration waits for a person's decision."""


def page_of_batches_needing_person(ports: Ports, *, limit: int, token: str) -> BatchesNeedingPerson:
    """Check ``limit`` batches, newest first, and return the batches that may need a person.

    For each batch, the states of its migrations are read. For some batches, the waves and the snapshotted migrations are read too.
    A page may be empty although more pages follow.
    """
    now, found = ports.clock.now(), list[BatchNeedingPerson]()
    page = ports.batches.batch_page(limit=limit, token=token)
    for batch in page.batches:
        counts = ports.migrations.state_counts(batch.batch_id) if batch.size else {}
        need = _batch_needing_person(
            batch,
            {state.value: number for state, number in counts.items()},
            _next_wave_that_person_begins(batch, ports, now),
            ports,
            now,
        )
        if _could_batch_need_person(batch, need, now):
            found.append(need)
    return BatchesNeedingPerson(tuple(found), page.next_token, len(page.batches) + len(page.unreadable))


def _batch_needing_person(
    batch: Batch, counts: dict[str, int], waves: tuple[NextWave, ...], ports: Ports, now: datetime
) -> BatchNeedingPerson:
    shown, opens = show.batch_view(batch, own="", now=now), batch.policy.time_limits.next_opening(now)
    return BatchNeedingPerson(
        shown.batch_id,
        shown.state,
        shown.dry_run,
        shown.size,
        WaveStartPolicy(batch.policy.gate, batch.policy.wave_approvals),
        shown.acknowledgement,
        shown.brake,
        shown.approvals,
        counts,
        number_of_jobs_to_start(batch, counts, ports),
        None if opens == now else opens,
        waves,
    )


def _could_batch_need_person(batch: Batch, need: BatchNeedingPerson, now: datetime) -> bool:
    """Whether the batch may need a person. The check is rough: sometimes it returns True for a batch that needs nobody."""
    if any(need.counts.get(state.value) for state in STATES_FOR_A_PERSON) or batch.control.brake in (
        PauseState.PAUSED,
        PauseState.BUDGET,
    ):
        return True
    if batch.state is BatchState.CLOSED or batch.dry_run or batch.control.brake is PauseState.STOPPED:
        return False
    if batch.state is BatchState.OPEN and batch.size and batch.acknowledgement is None:
        return True
    return bool(
        need.jobs_to_start or need.waves or any(each.missing or _is_within_a_day(each.expires_at, now) for each in need.approvals)
    )


def _is_within_a_day(at: datetime | None, now: datetime) -> bool:
    return at is not None and at - now < SOON


def _next_wave_that_person_begins(batch: Batch, ports: Ports, now: datetime) -> tuple[NextWave, ...]:
    """Return a tuple with the next wave if the open wave has ended and a person must begin the next wave; otherwise, an empty
    tuple.
    """
    by_person = batch.policy.gate == BY_HAND or batch.policy.wave_approvals
    if batch.state is not BatchState.OPEN or not by_person or batch.control.wave_ended_at is None:
        return ()
    following = batch.control.wave + 1
    if following >= len(ports.batches.waves(batch.batch_id)):
        return ()
    return (NextWave(following + 1, why_next_wave_waits(batch.summary, now), is_soak_over(batch.summary, now)),)
