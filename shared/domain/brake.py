"""Pauses, resumes and stops a batch. All functions in this module are pure. The functions that pause, resume or stop a batch return
the change as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from shared.domain.batch import Batch, BatchJournalEntry, BatchState, PauseState
from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.record import dataclass

TICK_ACTOR = "watch"
"""The name that the batch's journal shows if the tick pauses or stops the batch."""
NAMED = 5
"""Maximum number of failed migrations that an error message names."""


@dataclass(frozen=True)
class BatchChange:
    """One change of a batch: the batch before and after the change, and the line for its journal. The field ``forgiven`` contains
    the failed migrations that no longer count as failures, each with the number of its attempt.
    """

    before: Batch
    after: Batch
    line: BatchJournalEntry
    forgiven: Mapping[str, int] = field(default_factory=dict)


def pause_batch(batch: Batch, caller: Caller, why: str, now: datetime) -> BatchChange:
    """Pause the batch. First tries and retries must wait, but migrations that are under way may start their next hops. Raises
    Refused unless the batch is open, and neither paused nor stopped.
    """
    _check_batch_is_open(batch, "paused")
    if batch.control.brake is not PauseState.OFF:
        raise _refused_batch_act_error("Batch.NotRunning", batch, "paused", "Nothing to do: the batch already starts nothing new.")
    return _batch_change(batch, "pause", PauseState.PAUSED, caller, why, now)


def resume_batch(batch: Batch, caller: Caller, why: str, now: datetime, failed: Mapping[str, int], seen: int) -> BatchChange:
    """Allow a paused or stopped batch to start migrations. If the batch was paused at its failure budget, the earlier failures no
    longer count.

    The argument ``failed`` contains the migrations that count as failures now, each with the number of its attempt. The argument
    ``seen`` is the number of failures that the person saw.
    """
    _check_batch_is_open(batch, "resumed")
    if batch.control.brake is PauseState.OFF:
        raise Refused("Batch.NotPaused", f"Batch {batch.batch_id} is not paused.", "Nothing to do.", status=409)
    if len(failed) != seen:
        names = ", ".join(sorted(failed)[:NAMED]) or "none"
        sentence = f"{len(failed)} failures of batch {batch.batch_id} count now, not {seen} ({names})."
        raise Refused("Batch.FailedSince", sentence, "Look at the batch again, then resume it with the new number.", status=409)
    change = _batch_change(batch, "resume", PauseState.OFF, caller, why, now)
    return replace(change, forgiven=dict(failed)) if batch.control.brake is PauseState.BUDGET else change


def stop_batch(batch: Batch, caller: Caller, why: str, now: datetime) -> BatchChange:
    """Stop the batch: running migrations finish, and migrations that have not begun to move are cancelled."""
    _check_batch_is_open(batch, "stopped")
    if batch.control.brake is PauseState.STOPPED:
        raise _refused_batch_act_error("Batch.NotRunning", batch, "stopped", "Nothing to do: the batch is already stopped.")
    return _batch_change(batch, "stop", PauseState.STOPPED, caller, why, now)


def pause_batch_at_budget(batch: Batch, why: str, now: datetime) -> BatchChange:
    """Pause a batch in which more migrations have failed than its budget allows."""
    line = BatchJournalEntry(batch.version + 1, now, "pause", TICK_ACTOR, why)
    control = replace(batch.control, brake=PauseState.BUDGET, by=TICK_ACTOR, at=now, why=why, trust="", door="")
    return BatchChange(batch, replace(batch, control=control, version=batch.version + 1), line)


def is_repeat_of_last_act(batch: Batch, act: str, operator: str) -> bool:
    """Whether a request repeats the last act on the batch: the same act by the same operator."""
    made = {"pause": PauseState.PAUSED, "resume": PauseState.OFF, "stop": PauseState.STOPPED}[act]
    return batch.control.at is not None and batch.control.brake is made and batch.control.by == operator


def _check_batch_is_open(batch: Batch, verb: str) -> None:
    if batch.state is BatchState.PLANNING:
        sentence = f"Batch {batch.batch_id} is still being planned; it cannot be {verb}."
        raise Refused("Batch.StillPlanning", sentence, "Wait a minute and try again. No instance has moved yet.", status=409)
    if batch.state is BatchState.CLOSED:
        sentence = f"Batch {batch.batch_id} is closed; it cannot be {verb}."
        raise Refused(
            "Batch.Closed",
            sentence,
            "Nothing to do: no migration of a closed batch starts, unless somebody retries it.",
            status=409,
        )


def _batch_change(batch: Batch, act: str, brake: PauseState, caller: Caller, why: str, now: datetime) -> BatchChange:
    version = batch.version + 1
    trust = caller.trust.value
    control = replace(batch.control, brake=brake, by=caller.name, at=now, why=why, trust=trust, door=caller.door)
    line = BatchJournalEntry(version, now, act, caller.name, why, caller.trust.value, caller.door)
    return BatchChange(batch, replace(batch, control=control, version=version), line)


def _refused_batch_act_error(code: str, batch: Batch, verb: str, remedy: str) -> Refused:
    return Refused(code, f"Batch {batch.batch_id} is {batch.control.brake.value}; it cannot be {verb}.", remedy, status=409)
