"""Which limits hold which start: one table for every stage that starts something, printed in docs/architecture.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from shared.domain.batch import BatchTerms, Brake
from shared.domain.effects import ReleaseSlot, post_command_effects
from shared.domain.hold import Hold
from shared.domain.migration import ADMITTED, Migration, State, Step, step


class Limit(Enum):
    """What may hold a start back, in the order of the messages."""

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


class Start(Enum):
    """A start: what begins to move an instance or to move it back."""

    FIRST_SNAPSHOT = "the snapshots of a first try"
    FIRST_JOB = "the job of a first try"
    HOP_SNAPSHOT = "the snapshots of a next hop"
    HOP_JOB = "the job of a next hop"
    RETRY_SNAPSHOT = "the snapshots of a retry"
    RETRY_JOB = "the job of a retry"
    RETRY_LOOK = "another look at the guest (a retry of the validation)"
    ROLLBACK = "a rollback"


EVERY = frozenset(Limit)
TIMES = frozenset({Limit.WINDOW, Limit.BLACKOUT})
"""Limits of time. A blackout holds everything that a window holds."""
SLOTS = frozenset({Limit.REGION, Limit.WAVE_SLOT, Limit.SLOT})
"""Limits of how many move at once."""
ROUTE_BEGUN = TIMES | {Limit.HOLD, Limit.ACCOUNT, Limit.ACKNOWLEDGEMENT, Limit.GROUP} | SLOTS
"""A route once begun is not left half-way because others failed. It needs a slot like any start, and gets one before the others."""

HELD_BY: Mapping[Start, frozenset[Limit]] = {
    Start.FIRST_SNAPSHOT: EVERY,
    Start.FIRST_JOB: EVERY,
    Start.HOP_SNAPSHOT: ROUTE_BEGUN,
    Start.HOP_JOB: ROUTE_BEGUN,
    Start.RETRY_SNAPSHOT: EVERY,
    Start.RETRY_JOB: EVERY,
    Start.RETRY_LOOK: EVERY,
    Start.ROLLBACK: frozenset(),
}
"""The table start x limit. Nothing holds a rollback: it is the way out."""


@dataclass(frozen=True)
class Standing:
    """What admission knows about a batch besides its row: outcomes so far and slots held now."""

    failed: frozenset[str]
    moved: frozenset[str]
    """Number of validated migrations; counted only until the canary has passed."""
    held_by_batch: int
    held_by_account: int
    has_slot: bool = False
    """Whether this migration already holds a slot; that slot is not counted."""
    unproved: int | None = None
    """Other migrations of the batch that hold a slot and have not moved; None if not counted, then every holder counts."""
    held_in_region: int = 0
    """Slots that others of the batch hold in the migration's region; counted only if the policy limits them."""
    held_in_wave: int = 0
    """The same in its wave."""

    @property
    def ahead(self) -> int:
        """How many other migrations may still count for the canary. A migration validated a moment ago may still hold its slot."""
        return self.held_by_batch if self.unproved is None else self.unproved


@dataclass(frozen=True)
class Scene:
    """Everything that decides whether a start is held."""

    terms: BatchTerms
    standing: Standing
    hold: Hold
    now: datetime
    account_limit: int
    trouble: str = ""
    """Why the migration's account cannot be used now, in words; empty if it can."""
    wave: int = 0
    """The number of the migration's wave."""
    mate: str = ""
    """Which other member of its redundancy group it waits for, in words; empty if the group's place is free, or its own."""
    offered: bool = True
    """Whether the tick has chosen the migration. In a batch with time limits only the tick chooses, so that a next hop comes
    first."""


@dataclass(frozen=True)
class Held:
    """Why a start is held now."""

    limit: Limit
    reason: str


def held_back(start: Start, scene: Scene) -> Held | None:
    """What holds this start back now; None if it may go on."""
    for limit in Limit:
        reason = _CHECKS[limit](scene) if limit in HELD_BY[start] else ""
        if reason:
            return Held(limit, reason)
    return None


def start_of(migration: Migration) -> Start:
    """The start that the migration makes next in its present state."""
    job = migration.state in (State.SNAPSHOTTED, State.MIGRATING, State.WAITING)
    if migration.state is State.WAITING and migration.resumes == "validate":
        return Start.RETRY_LOOK
    if migration.retried:
        return Start.RETRY_JOB if job else Start.RETRY_SNAPSHOT
    if migration.hop:
        return Start.HOP_JOB if job else Start.HOP_SNAPSHOT
    return Start.FIRST_JOB if job else Start.FIRST_SNAPSHOT


def comes_first(migration: Migration) -> bool:
    """Whether it is a next hop, which goes before everything that has not begun."""
    return migration.hop > 0 and not migration.retried


def requeue(migration: Migration, reason: str, *, by: str, now: datetime, missed: bool = False) -> Step:
    """Release the slot and wait for admission again, as another attempt. Late work of the earlier attempt cannot release the
    slot of the new one.

    If nothing has run in this hop, it is prechecked and snapshotted again, because its snapshots will be old by then.
    ``missed``: whether the snapshots were ready too late for their window.
    """
    unbegun = replace(migration.handle, began_at=None)
    changes: dict[str, object] = {"attempt": migration.attempt + 1, "handle": unbegun, "stalled_at": None}
    to = migration.state
    if to not in ADMITTED:
        ran = bool(migration.resumes) or migration.handle.started_at is not None
        to = State.WAITING if ran else State.READY
        again = {"prechecked_at": None, "windows_missed": migration.windows_missed + missed}
        changes |= {"resumes": "migrate"} if ran else again
    taken = step(migration, to, now=now, by=by, reason=f"gave its slot back: {reason}"[:500], **changes)
    return replace(taken, effects=(ReleaseSlot(), *post_command_effects(migration, unmoved=True)))


def has_outlived_window(migration: Migration, terms: BatchTerms, now: datetime) -> bool:
    """Whether a window has opened or a blackout has ended since the snapshots were ready; then new ones are made first."""
    opened = terms.policy.times.open_since(now)
    ran = bool(migration.resumes) or migration.handle.started_at is not None
    return opened is not None and not ran and migration.entered_at < opened


def has_missed_window(migration: Migration, terms: BatchTerms, now: datetime) -> bool:
    """Whether the snapshots were ready only after the window in which they were begun had closed. Blackouts are not counted."""
    ran = bool(migration.resumes) or migration.handle.started_at is not None
    times = terms.policy.times
    opened = times.window_since(now)
    return bool(times.windows) and not ran and (opened is None or migration.entered_at < opened)


def room_for(start: Start, scene: Scene) -> int:
    """How many more migrations of the batch may make this start now."""
    if held_back(start, scene):
        return 0
    free = free_slots(scene.terms, scene.standing, account_limit=scene.account_limit)
    if Limit.CANARY in HELD_BY[start] and len(scene.standing.moved) < scene.terms.policy.canary:
        free = min(free, scene.terms.policy.canary - len(scene.standing.moved) - scene.standing.ahead)
    return free


def free_slots(terms: BatchTerms, standing: Standing, *, account_limit: int) -> int:
    """Free slots of the batch, by its own limit and the account's."""
    return max(min(terms.policy.max_moving - standing.held_by_batch, account_limit - standing.held_by_account), 0)


def _hold(scene: Scene) -> str:
    return scene.hold.reason


def _pause(scene: Scene) -> str:
    control, batch_id = scene.terms.control, scene.terms.batch_id
    if control.brake is Brake.OFF or control.at is None:
        return ""
    since = f"since {control.at:%Y-%m-%d %H:%M} UTC" + (f": {control.why}" if control.why else "")
    if control.brake is Brake.BUDGET:
        return f"the batch paused at its failure budget {since}. See what failed, then: replank resume {batch_id}"
    return f"the batch is {control.brake.value} by {control.by} {since}. To let it go on: replank resume {batch_id}"


def _account(scene: Scene) -> str:
    return scene.trouble


def _acknowledgement(scene: Scene) -> str:
    if scene.terms.dry_run:
        return "the batch is a dry run"
    return "" if scene.terms.acknowledgement else "the risks are not acknowledged yet"


def _approval(scene: Scene) -> str:
    if not scene.terms.policy.approvals:
        return ""
    from shared.domain.approvals import BATCH, approval_status, missing_in_words  # only batches with approvals need it

    return missing_in_words(approval_status(scene.terms, BATCH, scene.now), scene.terms.batch_id)


def _window(scene: Scene) -> str:
    times = scene.terms.policy.times
    closed = times.why_closed(scene.now)
    if closed or not (times.windows or times.blackouts):
        return closed
    return "" if scene.offered or scene.standing.has_slot else "its turn: the next minute's look"


def _blackout(scene: Scene) -> str:
    return scene.terms.policy.times.why_blacked_out(scene.now)


def budget_spent(scene: Scene) -> str:
    """That more migrations failed than the batch's budget allows, in words; empty if not."""
    failed, budget = sorted(scene.standing.failed), scene.terms.failure_budget
    if len(failed) <= budget:
        return ""
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    count = "1 migration" if len(failed) == 1 else f"{len(failed)} migrations"
    return f"{count} failed ({', '.join(failed[:NAMED])}{more}), the budget is {budget}"


NAMED = 5
"""Maximum migrations that a reason names."""


def _canary(scene: Scene) -> str:
    canary, moved = scene.terms.policy.canary, len(scene.standing.moved)
    if moved >= canary or moved + scene.standing.ahead < canary:
        return ""
    return f"the canary is not through: {moved} of {canary} validated"


def _wave(scene: Scene) -> str:
    if scene.wave <= scene.terms.control.wave:
        return ""
    from shared.domain.waves import waits_for_next  # only batches with waves need it

    return f"wave {scene.wave + 1} has not begun: {waits_for_next(scene.terms, scene.now)}"


def _group(scene: Scene) -> str:
    return scene.mate


def _region(scene: Scene) -> str:
    most = scene.terms.policy.max_moving_per_region
    full = most is not None and scene.standing.held_in_region >= most and not scene.standing.has_slot
    return f"as many of the batch move in its region as may at once ({most}, maxMovingPerRegion)" if full else ""


def _wave_slot(scene: Scene) -> str:
    most = scene.terms.policy.max_moving_per_wave
    full = most is not None and scene.standing.held_in_wave >= most and not scene.standing.has_slot
    return f"as many of its wave move as may at once ({most}, maxMovingPerWave)" if full else ""


def _slot(scene: Scene) -> str:
    taken = free_slots(scene.terms, scene.standing, account_limit=scene.account_limit) < 1
    return "every slot is taken" if taken and not scene.standing.has_slot else ""


_CHECKS: Mapping[Limit, Callable[[Scene], str]] = {
    Limit.HOLD: _hold,
    Limit.PAUSE: _pause,
    Limit.ACCOUNT: _account,
    Limit.ACKNOWLEDGEMENT: _acknowledgement,
    Limit.APPROVAL: _approval,
    Limit.WINDOW: _window,
    Limit.BLACKOUT: _blackout,
    Limit.BUDGET: budget_spent,
    Limit.CANARY: _canary,
    Limit.WAVE: _wave,
    Limit.GROUP: _group,
    Limit.REGION: _region,
    Limit.WAVE_SLOT: _wave_slot,
    Limit.SLOT: _slot,
}
