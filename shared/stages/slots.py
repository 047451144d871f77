"""Takes and releases slots. A migration needs a slot before it may change its instance."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import limits
from shared.domain.batch import Batch, BatchSummary, Waves
from shared.domain.effects import ReleaseLock
from shared.domain.errors import Transient
from shared.domain.hold import Hold
from shared.domain.limits import AdmissionCounts, BlockingLimit, StartContext, StartKind
from shared.domain.migration import Migration, State
from shared.domain.retry import LOST_RACE
from shared.ports.admission import SlotUse
from shared.ports.batches import BatchTally
from shared.ports.ports import Ports


def admit_migration(migration: Migration, ports: Ports, *, offered: bool = True) -> BlockingLimit | None:
    """Take a slot for a migration that is about to start. Return the limit that forbids the start; None if the migration has its
    slot.

    A migration that already has a slot keeps it.
    """
    for _ in range(LOST_RACE.calls):
        seen, scene = slot_use_and_start_context(migration, ports)
        held = limits.blocking_limit(
            limits.kind_of_next_start(migration), replace(scene, offered=offered or limits.has_admission_priority(migration))
        )
        if held:
            return held
        mine = (migration.migration_id, migration.batch_id, migration.attempt)
        account, region = migration.account_id, migration.region_id
        if seen.is_held_by_this_or_later_attempt(migration.attempt) or ports.admission.take_slot(
            seen, *mine, account=account, region=region
        ):
            return acquire_group_lock_if_grouped(migration, ports)
    raise Transient("Admission.Contended", "Others took slots at the same moment.")


def acquire_group_lock_if_grouped(migration: Migration, ports: Ports) -> BlockingLimit | None:
    """Take the lock of the migration's redundancy group. If another member holds the lock, return the limit that blocks the start.

    A migration takes its slot before it takes the group's lock.
    """
    if not migration.group:
        return None
    from shared.stages.groups import acquire_group_lock  # only batches with groups need it

    return acquire_group_lock(migration, ports)


def _context_with_blocking_member(scene: StartContext, migration: Migration, ports: Ports) -> StartContext:
    if not migration.group:
        return scene
    from shared.stages.groups import blocking_member_in_words  # only batches with groups need it

    return replace(scene, mate=blocking_member_in_words(migration, ports))


def current_blocking_limit(migration: Migration, ports: Ports) -> BlockingLimit | None:
    """Return the limit that now forbids the migration's next start; None if the migration may start. No slot is taken."""
    return limits.blocking_limit(limits.kind_of_next_start(migration), slot_use_and_start_context(migration, ports)[1])


def slot_use_and_start_context(migration: Migration, ports: Ports) -> tuple[SlotUse, StartContext]:
    """Return the slots in use, and the facts that decide whether the migration may start."""
    seen, hold = ports.admission.slot_use_and_current_hold(migration.batch_id, migration.migration_id, account=migration.account_id)
    # The batch is read after the slots. A failure is counted before its slot is released, so a free slot never hides an uncounted
    # failure.
    tally = ports.batches.load_tally(migration.batch_id)
    scene = _context_for_start_of_migration(seen, hold, tally, migration, ports)
    return seen, _context_with_blocking_member(scene, migration, ports)


def batch_and_start_context(migration: Migration, ports: Ports) -> tuple[Batch, StartContext]:
    """Return the whole batch, and the facts that decide whether the migration may start."""
    seen, hold = ports.admission.slot_use_and_current_hold(migration.batch_id, migration.migration_id, account=migration.account_id)
    batch, tally = ports.batches.load_batch_and_tally(migration.batch_id)
    return batch, _context_with_blocking_member(
        _context_for_start_of_migration(seen, hold, tally, migration, ports), migration, ports
    )


def release_slot(migration: Migration, ports: Ports) -> None:
    """Release the slot of a migration that no longer moves. If a later retry has taken the slot, the slot is not released.

    If the migration has ended for good, also release the slot of an unrecorded retry. In earlier versions, a retry took its slot
    before the retry was recorded.
    """
    last = migration.attempt + (migration.state in _STATES_WITHOUT_SLOT)
    ports.admission.release_slot(migration.migration_id, migration.batch_id, last, account=migration.account_id)


def release_slot_of_earlier_attempt(migration: Migration, ports: Ports) -> None:
    """Release the slot of an earlier attempt. The present attempt takes its own slot when it is admitted."""
    if migration.attempt > 1:
        last = migration.attempt - 1
        ports.admission.release_slot(migration.migration_id, migration.batch_id, last, account=migration.account_id)


def release_unneeded_slot_and_lock(migration_id: str, ports: Ports) -> None:
    """Release the slot, the instance's lock and the group's lock if the migration no longer needs them.

    A stage may have taken a slot or a lock for a step that could not be committed, because the row had changed.
    """
    migration = ports.migrations.load(migration_id)
    if migration.state in _STATES_WITHOUT_SLOT | {State.FAILED, State.PRECHECK_FAILED}:
        release_slot(migration, ports)
    elif migration.state in STATES_BEFORE_ADMISSION:
        release_slot_of_earlier_attempt(migration, ports)
    if migration.group and not is_lock_kept_for_jobs(migration, ports):
        release_group_lock_if_grouped(migration, ports)
    where = (migration.region_id, migration.instance_id)
    # The lock's holder is checked before the lock is deleted. Only stages that lock, and stages that end a migration, may delete a
    # lock.
    if (
        migration.state not in _STATES_WITHOUT_LOCK
        or ports.admission.instance_lock_holder(*where, account=migration.account_id) != migration_id
    ):
        return
    if not is_lock_kept_for_jobs(migration, ports):
        ports.admission.release_instance_lock(*where, migration_id, migration.attempt, account=migration.account_id)


def release_group_lock_if_grouped(migration: Migration, ports: Ports) -> None:
    """Release the lock of the migration's redundancy group, unless the migration still needs the lock."""
    if migration.group:
        from shared.stages.groups import release_group_lock  # only batches with groups need it

        # The effect before this one may have ended the post command after the migration was read. The migration is therefore read
        # again.
        release_group_lock(ports.migrations.load(migration.migration_id) if migration.commands.phase else migration, ports)


def is_lock_kept_for_jobs(migration: Migration, ports: Ports) -> bool:
    """Whether the migration has ended, but still keeps its lock because a job in SMC has not ended."""
    owed = ports.migrations.outboxes(migration.migration_id) if migration.owes else []
    return any(isinstance(effect, ReleaseLock) and effect.after_jobs for outbox in owed for effect in outbox.effects)


STATES_BEFORE_ADMISSION = frozenset({State.ACCEPTED, State.PRECHECKING, State.READY, State.WAITING})
"""The states before a migration's admission. Before the admission, only an earlier attempt's slot is released, because the present
attempt may have just taken a new slot.
"""
_FINAL_STATES = frozenset({State.CANCELLED, State.ROLLED_BACK, State.CONFIRMED, State.COMPLETED})
"""The final states, in which a migration needs neither lock nor slot."""
_STATES_WITHOUT_SLOT = _FINAL_STATES | {State.ROLLING_BACK}
"""The states in which a migration never needs a slot again. Neither a rollback nor its retry needs a slot."""
_STATES_WITHOUT_LOCK = _FINAL_STATES | {State.PRECHECK_FAILED}
"""The states in which a migration needs no lock. After a refused precheck the next attempt takes a new lock."""


def why_batch_cannot_start(tally: BatchTally, ports: Ports) -> str:
    """Return, in words, why the batch cannot start a new migration now; empty if the batch can start one."""
    reasons = []
    for account_id in tally.summary.account_ids:
        seen, hold = ports.admission.slot_use_and_current_hold(tally.summary.batch_id, account=account_id)
        held = limits.blocking_limit(StartKind.FIRST_SNAPSHOT, _context_for_start_of_migration(seen, hold, tally, None, ports))
        reasons.append(held.reason if held else "")
    return "; ".join(dict.fromkeys(reasons)) if all(reasons) else ""


def _context_for_start_of_migration(
    seen: SlotUse, hold: Hold, tally: BatchTally, own: Migration | None, ports: Ports
) -> StartContext:
    """Return the limits, counts and times that decide whether a migration of the batch may start."""
    now = ports.clock.now()
    trouble = seen.trouble.why_unusable if seen.trouble is not None and seen.trouble.is_account_blocked(now) else ""
    mine = own.migration_id if own is not None else ""
    wave, standing = wave_number(tally, mine, ports), _counts_for_limits(seen, tally, mine, ports)
    if own is not None and tally.summary.policy.has_region_or_wave_limit:
        from shared.stages.crowds import slot_counts  # only batches that limit regions or waves need it

        # The holders are read after the slots. If a slot is taken in between, the version of the slots changes, and this migration
        # gets no slot.
        standing = slot_counts(tally.summary, ports, without=mine).admission_counts_with_slot_holders(own, standing)
    standing = counts_with_failures_by_wave(standing, tally.summary, ports)
    return StartContext(tally.summary, standing, hold, now, ports.limits.max_moving, trouble, wave)


def counts_with_failures_by_wave(standing: AdmissionCounts, summary: BatchSummary, ports: Ports) -> AdmissionCounts:
    """Return a copy of ``standing`` that also counts the failures of each wave. Return ``standing`` if no wave can have spent its
    budget.
    """
    if not limits.can_wave_budget_be_spent(summary, len(standing.failed)):
        return standing
    cut = ports.batches.waves(summary.batch_id) if summary.policy.waves else Waves()
    return replace(standing, failed_by_wave=limits.failure_counts_by_wave(standing.failed, cut))


def wave_number(tally: BatchTally, own: str, ports: Ports) -> int:
    """Return the number of the migration's wave; 0 if the batch has no waves.

    Wave numbers start at 0. The argument ``own`` is the migration's id. If ``own`` is empty, return the number of the open wave.
    """
    if not tally.summary.policy.waves or tally.summary.acknowledgement is None:
        return 0
    return ports.batches.waves(tally.summary.batch_id).wave_number(own) if own else tally.summary.control.wave


def _counts_for_limits(seen: SlotUse, tally: BatchTally, own: str, ports: Ports) -> AdmissionCounts:
    """Return the counts that admission compares with the batch's limits.

    The migration's own slot and its own failure do not count.
    """
    has_slot = bool(seen.since)
    return AdmissionCounts(
        tally.failed - {own},
        tally.moved,
        held_by_batch=seen.of_batch - has_slot,
        held_by_account=seen.of_account - has_slot,
        has_slot=has_slot,
        unproved=_unvalidated_migration_count(tally, own, ports),
    )


def _unvalidated_migration_count(tally: BatchTally, own: str, ports: Ports) -> int | None:
    """Return the number of other migrations that hold a slot and are not validated yet. Return None once the canary has passed."""
    if len(tally.moved) >= tally.summary.policy.canary:
        return None
    holders = {
        holder
        for holder, batch_id in ports.admission.repair_counts_and_list_slot_holders().items()
        if batch_id == tally.summary.batch_id
    }
    return len(holders - tally.moved - {own})
