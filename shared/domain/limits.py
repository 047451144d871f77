"""The limits that can delay each kind of start, in one table that all stages use. The page docs/architecture.md shows the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache

from shared.domain.batch import BatchSummary, PauseState, Waves
from shared.domain.effects import ReleaseSlot, effects_to_run_post_command
from shared.domain.hold import Hold
from shared.domain.migration import ADMITTED, Migration, State, Step, step_to_state
from shared.domain.record import dataclass


class Limit(Enum):
    """The limits that can hold back a start, in the order in which they are checked."""

    HOLD = "hold"
    PAUSE = "pause"
    ACCOUNT = "account"
    ACKNOWLEDGEMENT = "acknowledgement"
    APPROVAL = "approval"
    WINDOW = "window"
    BLACKOUT = "blackout"
    BUDGET = "failure budget"
    CANARY = "canary"
    WAVE = "wave"
    GROUP = "group"
    REGION = "region"
    WAVE_SLOT = "wave slot"
    SLOT = "slot"


class StartKind(Enum):
    """The kinds of start. Each start begins or continues the migration of an instance, or begins its rollback."""

    FIRST_SNAPSHOT = "the snapshots of a first try"
    FIRST_JOB = "the job of a first try"
    HOP_SNAPSHOT = "the snapshots of a next hop"
    HOP_JOB = "the job of a next hop"
    RETRY_SNAPSHOT = "the snapshots of a retry"
    RETRY_JOB = "the job of a retry"
    RETRY_LOOK = "another look at the guest (a retry of the validation)"
    ROLLBACK = "a rollback"


EVERY = frozenset(Limit)
TIME_DEPENDENT_LIMITS = frozenset({Limit.WINDOW, Limit.BLACKOUT})
"""The limits that depend on the time. A blackout holds back the same starts as a closed window."""
SLOTS = frozenset({Limit.REGION, Limit.WAVE_SLOT, Limit.SLOT})
"""Limits on the number of instances that migrate at once."""
ROUTE_BEGUN = TIME_DEPENDENT_LIMITS | {Limit.HOLD, Limit.ACCOUNT, Limit.ACKNOWLEDGEMENT, Limit.GROUP} | SLOTS
"""The limits that apply to a next hop. Failures of other migrations do not hold back a next hop. A next hop also needs a slot, but
gets the slot before any migration that has not begun.
"""

LIMITS_OF_START: Mapping[StartKind, frozenset[Limit]] = {
    StartKind.FIRST_SNAPSHOT: EVERY,
    StartKind.FIRST_JOB: EVERY,
    StartKind.HOP_SNAPSHOT: ROUTE_BEGUN,
    StartKind.HOP_JOB: ROUTE_BEGUN,
    StartKind.RETRY_SNAPSHOT: EVERY,
    StartKind.RETRY_JOB: EVERY,
    StartKind.RETRY_LOOK: EVERY,
    StartKind.ROLLBACK: frozenset(),
}
"""For each kind of start, the limits that can hold back the start. Nothing holds back a rollback, because a rollback must always be
possible.
"""


@dataclass(frozen=True)
class AdmissionCounts:
    """The counts on which the limits depend: the outcomes of migrations so far, and the slots in use now."""

    failed: frozenset[str]
    moved: frozenset[str]
    """Ids of validated migrations; they are collected only until the canary has passed."""
    held_by_batch: int
    held_by_account: int
    has_slot: bool = False
    """Whether this migration already holds a slot. The other counts leave out the migration's own slot."""
    unproved: int | None = None
    """Number of other migrations that hold a slot and are not validated yet; None if these migrations were not counted."""
    held_in_region: int = 0
    """Number of slots that other migrations of the batch hold in the same region; counted only if the policy limits these slots."""
    held_in_wave: int = 0
    """Number of slots that other migrations of the batch hold in the same wave; counted only if the policy limits these slots."""
    failed_by_wave: Mapping[int, int] = field(default_factory=dict)
    """Maps the number of each wave, which starts at 0, to the number of its failed migrations. The mapping is empty if no wave
    can have spent its budget.
    """

    @property
    def canary_candidate_count(self) -> int:
        """The number of other migrations that may still become part of the canary. The number may include a migration that was
        validated a moment ago.
        """
        return self.held_by_batch if self.unproved is None else self.unproved


@dataclass(frozen=True)
class StartContext:
    """The facts that decide whether a start is held back."""

    summary: BatchSummary
    standing: AdmissionCounts
    hold: Hold
    now: datetime
    account_limit: int
    trouble: str = ""
    """Why the migration's account cannot be used now, in words; empty if the account is usable."""
    wave: int = 0
    """The number of the migration's wave."""
    mate: str = ""
    """The other member of the redundancy group that the migration waits for, in words; empty if the migration need not wait."""
    offered: bool = True
    """Whether the tick has offered a slot to the migration. In a batch with time limits or an order, only the tick offers slots, so
    that next hops come first.
    """


@dataclass(frozen=True)
class BlockingLimit:
    """A limit that holds back a start now, and the reason in words."""

    limit: Limit
    reason: str


def blocking_limit(start: StartKind, scene: StartContext) -> BlockingLimit | None:
    """The first limit that holds back the start now; None if no limit holds the start back."""
    for limit, why_blocked in _checks_in_order(LIMITS_OF_START[start]):
        reason = why_blocked(scene)
        if reason:
            return BlockingLimit(limit, reason)
    return None


@lru_cache  # a forecast asks some hundred thousand times
def _checks_in_order(limits: frozenset[Limit]) -> tuple[tuple[Limit, Callable[[StartContext], str]], ...]:
    return tuple((limit, _CHECKS[limit]) for limit in Limit if limit in limits)


def kind_of_next_start(migration: Migration) -> StartKind:
    """The kind of start that the migration needs next."""
    job = migration.state in (State.SNAPSHOTTED, State.MIGRATING, State.WAITING)
    if migration.state is State.WAITING and migration.resumes == "validate":
        return StartKind.RETRY_LOOK
    if migration.retried:
        return StartKind.RETRY_JOB if job else StartKind.RETRY_SNAPSHOT
    if migration.hop:
        return StartKind.HOP_JOB if job else StartKind.HOP_SNAPSHOT
    return StartKind.FIRST_JOB if job else StartKind.FIRST_SNAPSHOT


def has_admission_priority(migration: Migration) -> bool:
    """Whether the migration has begun its route, so that its next hop is admitted before migrations that have not begun."""
    return migration.hop > 0 and not migration.retried


def requeue_migration(migration: Migration, reason: str, *, by: str, now: datetime, missed: bool = False) -> Step:
    """The step by which a migration releases its slot and waits for admission again, as a new attempt. An earlier attempt that
    still runs cannot release a slot that the new attempt takes.

    If no job has run in this hop, the precheck and the snapshots count as too old, and are repeated before the next start. The
    argument ``missed`` says whether the snapshots were ready too late for their window.
    """
    unbegun = replace(migration.handle, began_at=None)
    changes: dict[str, object] = {"attempt": migration.attempt + 1, "handle": unbegun, "stalled_at": None}
    to = migration.state
    if to not in ADMITTED:
        ran = bool(migration.resumes) or migration.handle.started_at is not None
        to = State.WAITING if ran else State.READY
        again = {"prechecked_at": None, "windows_missed": migration.windows_missed + missed}
        changes |= {"resumes": "migrate"} if ran else again
    taken = step_to_state(migration, to, now=now, by=by, reason=f"released its slot: {reason}"[:500], **changes)
    return replace(taken, effects=(ReleaseSlot(), *effects_to_run_post_command(migration, unmoved=True)))


def needs_new_snapshots(migration: Migration, summary: BatchSummary, now: datetime) -> bool:
    """Whether new snapshots are needed, because a window opened or a blackout ended after the snapshots were ready."""
    opened = summary.policy.time_limits.starts_allowed_since(now)
    ran = bool(migration.resumes) or migration.handle.started_at is not None
    return opened is not None and not ran and migration.entered_at < opened


def has_missed_window(migration: Migration, summary: BatchSummary, now: datetime) -> bool:
    """Whether the window closed before the snapshots were ready. Blackouts do not count."""
    ran = bool(migration.resumes) or migration.handle.started_at is not None
    times = summary.policy.time_limits
    opened = times.window_opened_at(now)
    return bool(times.windows) and not ran and (opened is None or migration.entered_at < opened)


def allowed_start_count(start: StartKind, scene: StartContext) -> int:
    """How many more starts of the given kind the batch may make now."""
    free = free_slot_count(scene.summary, scene.standing, account_limit=scene.account_limit)
    if not free or blocking_limit(start, scene):
        return 0
    if Limit.CANARY in LIMITS_OF_START[start] and len(scene.standing.moved) < scene.summary.policy.canary:
        free = min(free, scene.summary.policy.canary - len(scene.standing.moved) - scene.standing.canary_candidate_count)
    return free


def free_slot_count(summary: BatchSummary, standing: AdmissionCounts, *, account_limit: int) -> int:
    """How many more slots the batch may take now, by its own limit and by the account's limit."""
    return free_slots(summary.policy.max_moving, account_limit, standing.held_by_batch, standing.held_by_account)


def free_slots(batch_limit: int, account_limit: int, held_by_batch: int, held_by_account: int) -> int:
    """How many more slots may be taken, by the limits of the batch and of the account, and by the slots held in each."""
    return max(min(batch_limit - held_by_batch, account_limit - held_by_account), 0)


def _why_on_hold(scene: StartContext) -> str:
    return scene.hold.reason


def _why_paused(scene: StartContext) -> str:
    control, batch_id = scene.summary.control, scene.summary.batch_id
    if control.brake is PauseState.OFF or control.at is None:
        return ""
    since = f"since {control.at:%Y-%m-%d %H:%M} UTC" + (f": {control.why}" if control.why else "")
    if control.brake is PauseState.BUDGET:
        return f"the batch paused at its failure budget {since}. See what failed, then: replank resume {batch_id}"
    return f"the batch is {control.brake.value} by {control.by} {since}. To resume the batch: replank resume {batch_id}"


def _why_account_unusable(scene: StartContext) -> str:
    return scene.trouble


def _why_not_acknowledged(scene: StartContext) -> str:
    if scene.summary.dry_run:
        return "the batch is a dry run"
    return "" if scene.summary.acknowledgement else "the risks are not acknowledged yet"


def _why_not_approved(scene: StartContext) -> str:
    if not scene.summary.policy.approvals:
        return ""
    # Imported here, because only batches with approvals need this module.
    from shared.domain.approvals import BATCH, approval_status, missing_approvals_in_words

    return missing_approvals_in_words(approval_status(scene.summary, BATCH, scene.now), scene.summary.batch_id)


def _why_window_closed(scene: StartContext) -> str:
    times = scene.summary.policy.time_limits
    closed = times.why_window_closed(scene.now)
    if closed or not (times.windows or times.blackouts):
        return closed
    return "" if scene.offered or scene.standing.has_slot else _TURN


def _why_blacked_out(scene: StartContext) -> str:
    return scene.summary.policy.time_limits.why_blacked_out(scene.now)


def why_budget_spent(scene: StartContext) -> str:
    """The sentence for a batch in which more migrations failed than its budget, or the budget of a wave, allows; empty for any
    other batch.
    """
    budget = scene.summary.failure_budget
    if len(scene.standing.failed) <= budget:
        return _why_wave_budget_spent(scene)
    failed = sorted(scene.standing.failed)
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return f"{_migrations_in_words(len(failed))} failed ({', '.join(failed[:NAMED])}{more}), the budget is {budget}"


def first_wave_over_budget(scene: StartContext) -> tuple[int, int] | None:
    """The first wave in which more migrations failed than ``waveFailureBudget`` allows: its number, counted from 0, and how many
    failed. None if there is no such wave, or if the batch's own budget is spent.
    """
    budget = scene.summary.policy.wave_failure_budget
    if budget is None or len(scene.standing.failed) > scene.summary.failure_budget:
        return None
    return min(((wave, failed) for wave, failed in scene.standing.failed_by_wave.items() if failed > budget), default=None)


def _why_wave_budget_spent(scene: StartContext) -> str:
    spent = first_wave_over_budget(scene)
    if spent is None:
        return ""
    wave, failed = spent
    budget = scene.summary.policy.wave_failure_budget
    return f"{_migrations_in_words(failed)} of wave {wave + 1} failed, the budget of each wave is {budget}"


def _migrations_in_words(number: int) -> str:
    return "1 migration" if number == 1 else f"{number} migrations"


def can_wave_budget_be_spent(summary: BatchSummary, failed: int) -> bool:
    """Whether the number of failed migrations in the whole batch is large enough to spend the budget of a wave."""
    budget = summary.policy.wave_failure_budget
    return budget is not None and failed > budget


def failure_counts_by_wave(failed: Iterable[str], cut: Waves) -> Counter[int]:
    """The number of the failed migrations in each wave. If the batch has no waves, every failed migration counts in wave 0."""
    return Counter(map(cut.wave_number, failed))


NAMED = 5
"""Maximum number of migrations that the reason for a delay names; the reason only counts the others."""


def _why_canary_waits(scene: StartContext) -> str:
    canary, moved = scene.summary.policy.canary, len(scene.standing.moved)
    if moved >= canary or moved + scene.standing.canary_candidate_count < canary:
        return ""
    return f"the canary has not passed: {moved} of {canary} validated"


def _why_wave_waits(scene: StartContext) -> str:
    if scene.wave <= scene.summary.control.wave:
        return ""
    from shared.domain.waves import why_next_wave_waits  # imported here, because only batches with waves need this module

    return f"wave {scene.wave + 1} has not begun: {why_next_wave_waits(scene.summary, scene.now)}"


def _why_group_waits(scene: StartContext) -> str:
    return scene.mate


def _why_region_full(scene: StartContext) -> str:
    most = scene.summary.policy.max_moving_per_region
    full = most is not None and scene.standing.held_in_region >= most and not scene.standing.has_slot
    return f"the maximum of the batch's instances already move in this region ({most}, maxMovingPerRegion)" if full else ""


def _why_wave_full(scene: StartContext) -> str:
    most = scene.summary.policy.max_moving_per_wave
    full = most is not None and scene.standing.held_in_wave >= most and not scene.standing.has_slot
    return f"the maximum of this wave's instances already move ({most}, maxMovingPerWave)" if full else ""


def _why_no_slot(scene: StartContext) -> str:
    if scene.standing.has_slot:
        return ""
    if free_slot_count(scene.summary, scene.standing, account_limit=scene.account_limit) < 1:
        return "every slot is taken"
    return _TURN if scene.summary.policy.order and not scene.offered else ""


_TURN = "its turn: the next minute's look"


_CHECKS: Mapping[Limit, Callable[[StartContext], str]] = {
    Limit.HOLD: _why_on_hold,
    Limit.PAUSE: _why_paused,
    Limit.ACCOUNT: _why_account_unusable,
    Limit.ACKNOWLEDGEMENT: _why_not_acknowledged,
    Limit.APPROVAL: _why_not_approved,
    Limit.WINDOW: _why_window_closed,
    Limit.BLACKOUT: _why_blacked_out,
    Limit.BUDGET: why_budget_spent,
    Limit.CANARY: _why_canary_waits,
    Limit.WAVE: _why_wave_waits,
    Limit.GROUP: _why_group_waits,
    Limit.REGION: _why_region_full,
    Limit.WAVE_SLOT: _why_wave_full,
    Limit.SLOT: _why_no_slot,
}
