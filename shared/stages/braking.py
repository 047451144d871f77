"""Pauses a batch that has spent its failure budget, and cancels the migrations of a stopped batch that have not begun."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from shared.domain import acts, brake, events, limits
from shared.domain.batch import BatchProgress, BatchSummary, PauseState
from shared.domain.errors import Refused, Stale
from shared.domain.migration import BEFORE_A_START, Migration, Step
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration

CANCELLED_AT_ONCE = 100
"""Maximum migrations of a stopped batch that one tick cancels. The next tick continues with the rest of the batch."""


def pause_batch_if_budget_spent(scene: limits.StartContext, ports: Ports) -> None:
    """Pause a batch if more of its migrations have failed than its budget allows. Only a person can resume the batch."""
    summary, why = scene.summary, limits.why_budget_spent(scene)
    if not why or summary.control.brake is not PauseState.OFF:
        return
    batch = ports.batches.load(summary.batch_id)
    if batch.version != summary.version:
        return  # the next tick reads the changed batch
    failed = sorted(scene.standing.failed)
    change = brake.pause_batch_at_budget(batch, why, scene.now)
    # The event is published before the batch is paused. A repeated event is harmless, because it has the same id. A crash between
    # the two calls then loses no event.
    told = {"reason": why, "failed": len(failed), "budget": summary.failure_budget, "version": change.after.version}
    spent = limits.first_wave_over_budget(scene)
    if spent is not None:
        wave, of_wave = spent
        told |= {"wave": wave + 1, "waveFailed": of_wave, "waveBudget": summary.policy.wave_failure_budget}
    ports.bus.publish([events.batch_event(summary.batch_id, events.BATCH_PAUSED, **told)])
    with suppress(Stale):
        ports.batches.commit(batch, change.after, line=change.line)


def cancel_unstarted_migrations(summary: BatchSummary, ports: Ports) -> int:
    """Cancel the migrations of a stopped batch that have not begun. Return how many migrations were cancelled.

    The journal names the person who stopped the batch.
    """
    done = 0
    for state in sorted(BEFORE_A_START, key=lambda each: each.value):
        token = ""
        while done < CANCELLED_AT_ONCE:
            page = ports.migrations.migration_page_of_batch(summary.batch_id, state=state, limit=CANCELLED_AT_ONCE, token=token)
            done += sum(_cancel_migration(each, summary.control, ports) for each in page.migrations)
            token = page.next_token
            if not token:
                break
    return done


def _cancel_migration(migration: Migration, control: BatchProgress, ports: Ports) -> bool:
    """Cancel one migration. Return whether the migration was cancelled.

    A migration that has finished a hop is not cancelled, nor is a retry whose job has already run.
    """
    try:
        advance_migration(
            ports, _step_attributed_to_person(acts.cancel_migration(migration, control.by, ports.clock.now()), control)
        )
    except (Refused, Stale):
        return False
    return True


def _step_attributed_to_person(taken: Step, control: BatchProgress) -> Step:
    reason = f"{taken.entry.reason}: {control.by} stopped the batch"
    return replace(taken, entry=replace(taken.entry, reason=reason, trust=control.trust, door=control.door))
