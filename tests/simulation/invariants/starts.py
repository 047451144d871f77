"""Invariant 11: every start that moves an instance is judged, not only the first one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from tests.simulation import records
from tests.simulation.invariants.approved import Approved
from tests.simulation.invariants.grouped import moving_mate
from tests.simulation.invariants.limits import RETRIED, LimitsHeld
from tests.simulation.invariants.scene import STAGES, Found, Sight, entered
from tests.simulation.invariants.times import blacked, within
from tests.simulation.policies import Policy
from tests.simulation.records import BATCHES, JOURNAL, LOCKS, MIGRATIONS, MOVING, TERMINAL, Line, Migration, State, line, numbered
from tests.simulation.truth import Change, Effect, Truth

FIRST, NEXT_HOP, RETRY = "a first try", "a next hop", "a retry"
SNAPSHOTS, JOB, LOOK = "the snapshots", "the job", "another look at the guest"
HOLD, PAUSE, ACCOUNT, ACKNOWLEDGED = "hold", "pause", "account", "acknowledgement"
APPROVAL, WINDOW, BLACKOUT, BUDGET = "approval", "window", "blackout", "failure budget"
CANARY, WAVE, GROUP, SLOT = "canary", "wave", "group", "slot"
REGION, WAVE_SLOT = "region", "wave slot"

SLOTS = frozenset({SLOT, REGION, WAVE_SLOT})
"""These limits are judged when a slot is taken: no more slots are held than allowed in total, in a region and in a wave."""
EVERY = frozenset({HOLD, PAUSE, ACCOUNT, ACKNOWLEDGED, APPROVAL, WINDOW, BLACKOUT, BUDGET, CANARY, WAVE, GROUP}) | SLOTS
HELD_BY: Mapping[str, frozenset[str]] = {
    FIRST: EVERY,
    NEXT_HOP: frozenset({HOLD, ACCOUNT, ACKNOWLEDGED, WINDOW, BLACKOUT, GROUP}) | SLOTS,
    RETRY: EVERY,
}
"""The table of docs/architecture.md, for snapshots and jobs alike (tests/simulation/test_starts_table.py compares the two)."""
STARTS: Mapping[tuple[State, State], str] = {
    (State.READY, State.SNAPSHOTTING): SNAPSHOTS,
    (State.SNAPSHOTTED, State.MIGRATING): JOB,
    (State.WAITING, State.SNAPSHOTTED): JOB,
    (State.WAITING, State.RESTARTING): LOOK,
}
OWED = timedelta(seconds=120)
"""A job that did not start with its step is judged again after a minute, by clocks that may differ by a minute."""


class EveryStart(LimitsHeld):
    """11. The limits are judged at every start, of snapshots and of jobs, as the table of starts and limits says."""

    number, name = 11, "every start"

    def __init__(self) -> None:
        super().__init__()
        self._retried: dict[str, int] = {}
        """By migration: the hop that a person asked to retry."""
        self._held_since: int | None = None
        """The row change at which the current hold began."""
        self._refused: dict[str, int] = {}
        """By member account: the row change at which its last refusal was recorded."""
        self._paused_since: dict[str, int] = {}
        """By batch: the row change since which nothing new may start."""
        self._proved: dict[str, set[str]] = {}
        """By batch: the migrations that count for the canary."""
        self._approved = Approved()
        self._disproved: dict[str, int] = {}
        """By migration: the row change at which it stopped counting for the canary."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == LOCKS and change.key[0] == records.HOLD:
            self._held_since = _since(self._held_since, change, scene)
        if change.table == LOCKS and change.key[0].startswith(records.REFUSING):
            self._refused[change.key[0].removeprefix(records.REFUSING)] = scene.truth.count
        if change.table == BATCHES and change.after is not None:
            self._note_proved(change, scene.truth)
            self._note_forgiven(change)
            self._note_pause(change, scene.truth)
            yield from self._approved.row(change, scene)
            yield from _wave_begun(change, scene)
            yield from self._approved.wave(change, scene)
        if change.table != MIGRATIONS or change.after is None:
            return
        self._note_failure(change, scene.truth)
        self._note_retry(change)
        entry = entered(change, scene.truth)
        if entry is not None and entry[0] is not None:
            yield from self._begun(entry[0], entry[1], scene)

    def _begun(self, before: State, migration: Migration, scene: Sight) -> Found:
        what = STARTS.get((before, migration.state))
        if what is None or (migration.state is State.MIGRATING and migration.driver == "console"):
            return  # a person started the job; the product only follows it
        kind = self._kind(migration)
        for limit in sorted(HELD_BY[kind]):
            reason = self._against(limit, migration, scene)
            if reason:
                yield f"{migration.migration_id} began {what} of {kind} {reason}"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        """Judge the call itself, which may come long after its step. By then only the hold, the window and a blackout can
        stop it.
        """
        migration = scene.truth.launched(effect) if effect.ours else None
        if migration is None or not self._is_owed(migration, scene):
            return
        for limit in (HOLD, WINDOW, BLACKOUT):
            reason = self._against(limit, migration, scene)
            if reason:
                yield f"the job of {migration.migration_id}, owed for a while, was started {reason}"

    @staticmethod
    def _is_owed(migration: Migration, scene: Sight) -> bool:
        """Whether an earlier invocation wrote the step, long enough ago."""
        written = [(number, ms) for number, ms, state in scene.truth.past[migration.migration_id] if state is State.MIGRATING]
        if not written or written[-1][0] > scene.began:
            return False
        return scene.asked.timestamp() * 1000 - written[-1][1] > OWED.total_seconds() * 1000

    # What the table says ------------------------------------------------------------------------------------------

    def _kind(self, migration: Migration) -> str:
        if self._retried.get(migration.migration_id) == migration.hop:
            return RETRY
        return NEXT_HOP if migration.hop else FIRST

    def _against(self, limit: str, migration: Migration, scene: Sight) -> str:
        """Why this limit should have stopped the start, in words; empty if it need not have. A change made while the stage
        ran is allowed, also a change of the policy: the limit counts if it holds by every policy that the stage may have read.
        """
        reasons = [self._against_by(policy, limit, migration, scene) for policy in scene.policies(migration.batch_id)]
        return reasons[-1] if all(reasons) else ""

    def _against_by(self, policy: Policy, limit: str, migration: Migration, scene: Sight) -> str:
        batch = scene.batch(migration)
        if limit == HOLD and self._held_since is not None and self._held_since <= scene.began:
            return "while everything was held"
        if limit == PAUSE and self._paused_since.get(batch.batch_id, scene.began + 1) <= scene.began:
            return f"while its batch was {scene.truth.brake(batch.batch_id)}"
        if limit == ACCOUNT and self._refuses(migration, scene):
            return f"while account {migration.account_id} was known to refuse"
        if limit == ACKNOWLEDGED and batch.acknowledgement is None:
            return "before anybody acknowledged its batch"
        if limit == WINDOW and not within(policy, scene.asked):
            return f"at {scene.asked:%H:%M}, outside of its window"
        if limit == BLACKOUT and (reason := blacked(policy, scene.asked)):
            return f"at {scene.asked:%H:%M}, in a blackout ({reason})"
        if limit == SLOT and migration.migration_id not in scene.truth.slots():
            return "without a slot"
        return self._against_mates(policy, limit, migration, scene)

    def _against_mates(self, policy: Policy, limit: str, migration: Migration, scene: Sight) -> str:
        """The same for the limits that depend on other migrations, or on what people said."""
        canary, batch = policy.canary, scene.batch(migration)
        if limit == GROUP:
            return moving_mate(migration, scene)
        if limit in (APPROVAL, WAVE):
            return self._approved.against(batch.batch_id, scene) if limit == APPROVAL else _before_its_wave(migration, scene)
        if limit == BUDGET:
            return self._over_budget(policy, migration, scene)
        return self._before_canary(migration, canary, scene) if limit == CANARY and canary else ""

    def _refuses(self, migration: Migration, scene: Sight) -> bool:
        """Whether the account's refusal had been known for longer than two clocks may differ."""
        found = scene.truth.refusing(migration.account_id) or {}
        until = records.moment(found.get("until"))
        known = self._refused.get(migration.account_id, scene.began + 1) <= scene.began
        return until is not None and known and scene.asked + OWED < until

    def _over_budget(self, policy: Policy, migration: Migration, scene: Sight) -> str:
        counted, budget = self._failed.get(migration.batch_id, {}), scene.batch(migration).budget_by(policy)
        failed = [id for id, number in counted.items() if number < scene.began and id != migration.migration_id]
        if len(failed) > budget:
            return f"after {len(failed)} failures of others, the budget is {budget}"
        return _over_wave_budget(failed, policy.wave_failure_budget, migration, scene)

    def _before_canary(self, migration: Migration, canary: int, scene: Sight) -> str:
        batch_id, truth = migration.batch_id, scene.truth
        proved = self._proved.get(batch_id, set())
        mates = [each.migration_id for each in truth.migrations.values() if each.batch_id == batch_id]
        through = sum(each in proved or self._disproved.get(each, -1) >= scene.began for each in mates)
        others = [each for each in mates if each not in (*proved, migration.migration_id)]
        moving = sum(truth.states_since(each, scene.began) <= MOVING for each in others)
        if through < canary <= through + moving:
            return f"beside {moving} others, with {through} of {canary} of the canary through"
        return ""

    # What is remembered -------------------------------------------------------------------------------------------

    def _note_retry(self, change: Change) -> None:
        before, after = change.before or {}, change.after or {}
        if before.get("version", 0) != after["version"]:
            written: Line = line(after[numbered(JOURNAL, after["version"])])
            if written.from_state in (State.FAILED, State.PRECHECK_FAILED) and written.to_state in RETRIED:
                assert written.by not in STAGES, "only a person tries again"
                self._retried[change.key[0]] = written.hop

    def _note_pause(self, change: Change, truth: Truth) -> None:
        if records.control(change.after or {})["brake"] == records.GOES_ON:
            self._paused_since.pop(change.key[0], None)
        else:
            self._paused_since.setdefault(change.key[0], truth.count)

    def _note_proved(self, change: Change, truth: Truth) -> None:
        row, former = change.after or {}, self._proved.get(change.key[0], set())
        moved = {name[len(records.MOVED) :]: attempt for name, attempt in row.items() if name.startswith(records.MOVED)}
        proved = {id for id, attempt in moved.items() if attempt > row.get(records.FAILED + id, 0)}
        self._disproved.update(dict.fromkeys(former - proved, truth.count))
        self._proved[change.key[0]] = proved


SETTLED = TERMINAL | {State.MIGRATED, State.CONFIRMED, State.FAILED, State.ROLLING_BACK}
"""States that count as ended for a wave."""


def _over_wave_budget(failed: Sequence[str], budget: int | None, migration: Migration, scene: Sight) -> str:
    if budget is None or len(failed) <= budget:
        return ""
    places, last = records.wave_places(scene.truth.batch_rows[migration.batch_id])
    for wave, number in sorted(Counter(places.get(each, last) for each in failed).items()):
        if number > budget:
            return f"after {number} failures of others in wave {wave + 1}, the budget of each wave is {budget}"
    return ""


def _before_its_wave(migration: Migration, scene: Sight) -> str:
    row = scene.truth.batch_rows[migration.batch_id]
    places, last = records.wave_places(row)
    place, open_one = places.get(migration.migration_id, last), records.control(row).get("wave", 0)
    return f"in wave {place + 1}, and wave {open_one + 1} is open" if place > open_one else ""


def _wave_begun(change: Change, scene: Sight) -> Found:
    """A wave begins only when all members before it have ended, the soak is over, and, if required, a person has opened the
    wave.
    """
    before, after = change.before or {}, change.after or {}
    was, now = records.control(before), records.control(after)
    if now.get("wave", 0) == was.get("wave", 0):
        return
    policies, number = scene.policies(change.key[0]), now["wave"]
    for id in (id for ids in records.waves(before)[:number] for id in ids):
        if not scene.truth.states_since(id, scene.began) & SETTLED and _settled_before(id, scene) is False:
            yield f"wave {number + 1} of {change.key[0]} began while {id} was {scene.truth.migrations[id].state.value}"
    ended = records.moment(was.get("wave_ended_at"))
    latest = max(
        scene.asked, scene.now + timedelta(milliseconds=scene.skew_ms)
    )  # the invocation reads its clock once more in between
    if ended is None or latest < ended + timedelta(minutes=min(each.soak_min for each in policies)):
        yield f"wave {number + 1} of {change.key[0]} began before the soak was over"
    gated = all(each.gate == "approval" and not each.wave_approvals for each in policies)
    if gated and scene.frame is not None and scene.frame.function != "api":
        yield f"wave {number + 1} of {change.key[0]} began, and nobody has let it"


def _settled_before(id: str, scene: Sight) -> bool:
    """Whether the migration had ended a moment ago. The tick's index lags, and a retry may have come since."""
    now = scene.truth.cloud.clock.now_ms()
    return any(state in SETTLED and now - ms < LAG_MS for _, ms, state in scene.truth.past[id])


LAG_MS = 10 * 60 * 1000
"""How far an index may lag behind."""


def _since(before: int | None, change: Change, scene: Sight) -> int | None:
    """Since when everything is on hold, after this change of the hold's row. A row that does not say "released" is a hold."""
    held = records.holds(change.after)
    return None if not held else scene.truth.count if before is None else before
