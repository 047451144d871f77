"""Waves. The module divides a batch into waves, which migrate one after the other, and decides when the next wave may begin. All
functions in this module are pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.batch import Batch, BatchJournalEntry, BatchSummary, PauseState
from shared.domain.errors import Refused

BY_HAND, BY_ITSELF = "approval", "automatic"
GATES = (BY_ITSELF, BY_HAND)
SIZE = "^([1-9][0-9]{0,3}|[1-9][0-9]?%|x[2-9])$"
"""The pattern of a wave's size: a number, or a percentage of the batch. The last size may also be a factor, such as ``x2``, by
which each later wave grows.
"""
MOST_SIZES = 50
NEXT_LOOK = "the next minute's look"
MOST_WAVES = 900
"""Maximum number of waves in a batch. All waves are written at once, and Tablestore accepts 1,024 columns in one write."""


def check_wave_sizes(sizes: Sequence[str], gate: str) -> None:
    """Raise Refused (Policy.Invalid) if a batch cannot be divided into waves of these sizes."""
    for place, size in enumerate(sizes):
        grows = size.startswith("x")
        if not re.match(SIZE, size) or (grows and not 0 < place == len(sizes) - 1):
            what = f"policy.waves has {size[:20]!r} at place {place + 1}."
            remedy = 'Write sizes like "1", "10" and "25%". The last size may be "x2", which doubles each wave.'
            raise Refused("Policy.Invalid", what, remedy)
    if len(sizes) > MOST_SIZES:
        raise Refused(
            "Policy.Invalid",
            f"policy.waves has more than {MOST_SIZES} sizes.",
            "Leave out sizes at the end: the last size repeats.",
        )
    if gate not in GATES:
        raise Refused("Policy.Invalid", f"policy.gate {gate[:20]!r} is unknown.", f"Use {' or '.join(GATES)}.")


def divide_into_waves(ids: Sequence[str], sizes: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids divided into waves, in order. If more ids are left after the last size, this size applies to all later waves. Raises
    Refused (Wave.TooMany) if the sizes are too small.
    """
    waves: list[tuple[str, ...]] = []
    place = size = 0
    while place < len(ids):
        size = _wave_size(sizes[min(len(waves), len(sizes) - 1)], len(ids), size)
        waves.append(tuple(ids[place : place + size]))
        place += size
        if len(waves) > MOST_WAVES:
            sentence = f"policy.waves divides the {len(ids)} instances into more than {MOST_WAVES} waves."
            raise Refused(
                "Wave.TooMany", sentence, "Submit the batch again with larger waves, or with a growing size such as x2.", status=409
            )
    return waves


def _wave_size(written: str, total: int, before: int) -> int:
    if written.startswith("x"):
        return before * int(written[1:])
    return -(-total * int(written[:-1]) // 100) if written.endswith("%") else int(written)


def soak_ends_at(summary: BatchSummary) -> datetime | None:
    """The time at which the soak time of the open wave ends; None while the wave is under way."""
    ended = summary.control.wave_ended_at
    return ended + timedelta(minutes=summary.policy.soak_min) if ended is not None else None


def is_soak_over(summary: BatchSummary, now: datetime) -> bool:
    """Whether the open wave has ended, and its soak time is over."""
    ends = soak_ends_at(summary)
    return ends is not None and now >= ends


def why_next_wave_waits(summary: BatchSummary, now: datetime) -> str:
    """A text that says what must happen before the next wave begins."""
    number, begins = summary.control.wave + 1, soak_ends_at(summary)
    if begins is None:
        return f"wave {number} is under way"
    if now < begins:
        return f"wave {number} has ended and soaks until {begins:%Y-%m-%d %H:%M} UTC"
    if summary.policy.wave_approvals:
        from shared.domain.approvals import approval_status, missing_approvals_in_words, next_wave_subject

        missing = missing_approvals_in_words(approval_status(summary, next_wave_subject(summary), now), summary.batch_id)
        return f"wave {number} has ended: {missing or NEXT_LOOK}"
    if summary.policy.gate == BY_HAND:
        return f"wave {number} has ended, and a person begins the next: replank next-wave {summary.batch_id}"
    return f"wave {number} has ended: {NEXT_LOOK}"


def may_next_wave_begin(summary: BatchSummary, now: datetime) -> bool:
    """Whether the next wave may begin by itself: the soak time is over, and the approvals that the policy requires are given."""
    begins = soak_ends_at(summary)
    if begins is None or now < begins:
        return False
    if summary.policy.wave_approvals:
        from shared.domain.approvals import approval_status, next_wave_subject

        return not approval_status(summary, next_wave_subject(summary), now).missing_approval_count
    return summary.policy.gate != BY_HAND


def batch_with_wave_ended(batch: Batch, now: datetime) -> Batch:
    """The batch with its open wave marked as ended."""
    return replace(batch, control=replace(batch.control, wave_ended_at=now), version=batch.version + 1)


def batch_with_next_wave_open(
    batch: Batch, by: str, now: datetime, trust: str = "", door: str = ""
) -> tuple[Batch, BatchJournalEntry]:
    """The batch with its next wave open, and the line for the batch's journal."""
    still = tuple(each for each in batch.control.approvals if not each.about.startswith("wave"))
    asked = tuple(each for each in batch.control.asked if not each.startswith("wave"))
    control = replace(batch.control, wave=batch.control.wave + 1, wave_ended_at=None, approvals=still, asked=asked)
    after = replace(batch, control=control, version=batch.version + 1)
    return after, BatchJournalEntry(after.version, now, "next wave", by, f"wave {control.wave + 1} begins", trust, door)


def check_next_wave_can_begin(batch: Batch, waves: int, now: datetime) -> None:
    """Raise Refused unless a person may let the next wave begin now."""
    summary = batch.summary
    if summary.control.brake is not PauseState.OFF:
        sentence = f"Batch {batch.batch_id} is {summary.control.brake.value}."
        raise Refused("Wave.Paused", sentence, f"Resume it first: replank resume {batch.batch_id}", status=409)
    if summary.control.wave + 1 >= waves:
        raise Refused("Wave.NoNext", f"Batch {batch.batch_id} has no further wave.", "Nothing to do.", status=409)
    begins = soak_ends_at(summary)
    if begins is None or now < begins:
        raise Refused("Wave.NotEnded", f"{why_next_wave_waits(summary, now).capitalize()}.", "Wait until then.", status=409)
    if summary.policy.wave_approvals:
        from shared.domain.approvals import batch_approval_status, check_enough_approvals, next_wave_subject

        check_enough_approvals(batch_approval_status(batch, next_wave_subject(summary), now), batch.batch_id)


def check_no_retry_under_way(batch: Batch, under_way: Sequence[str]) -> None:
    """Raise Refused (Wave.NotEnded) if migrations of an ended wave are under way again after a retry."""
    if under_way:
        more = f" and {len(under_way) - 1} more" if len(under_way) > 1 else ""
        sentence = f"Wave {batch.control.wave + 1} is under way again: {under_way[0]}{more} was retried and has not ended."
        raise Refused("Wave.NotEnded", sentence, "Wait until then.", status=409)


def state_counts_by_wave(
    waves: Sequence[Sequence[str]], states: Mapping[str, str], groups: Mapping[str, frozenset[str]]
) -> list[dict[str, int]]:
    """For each wave, the number of migrations in each of the given sets of states."""
    return [{name: sum(states.get(id, "") in group for id in ids) for name, group in groups.items()} for ids in waves]
