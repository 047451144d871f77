"""Taking a slot of the wave: everything that begins to move an instance passes here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.batch import Standing, Terms, closed_because, free_slots
from shared.domain.effects import ReleaseLock
from shared.domain.errors import Refused, Transient
from shared.domain.migration import Migration, State
from shared.ports.admission import Room
from shared.ports.batches import Tally
from shared.ports.ports import Ports

TRIES = 5
"""A lost race for the one slots row is repeated so often."""


def admit(migration: Migration, ports: Ports) -> str:
    """Take a slot for a migration that is to start; why not, in words, where acknowledgement, window, budget or wave forbid it."""

    def forbidden(terms: Terms, standing: Standing) -> str:
        return closed_because(terms, standing, now=ports.clock.now(), account_limit=ports.limits.max_moving)

    return _take(migration, forbidden, ports)


def readmit(migration: Migration, ports: Ports) -> None:
    """Take a slot for a retry that moves the instance again, given as its step will leave it: with the attempt it begins.

    A person asked for it by name, so only the wave's size is in the way. Raises Refused (Batch.NoFreeSlot).
    """

    def forbidden(terms: Terms, standing: Standing) -> str:
        free = free_slots(terms, standing, account_limit=ports.limits.max_moving)
        return "" if free else "every slot is taken"

    if _take(migration, forbidden, ports):
        sentence = "As many instances as the batch or the account allows are moving now."
        raise Refused("Batch.NoFreeSlot", sentence, "Retry when one of them has ended.", status=409)


def release(migration: Migration, ports: Ports) -> None:
    """Give back the slot of a migration that was seen not to move. A retry that came since keeps what it has taken.

    A retry takes its slot before its step. Where no retry can follow any more, that one goes too: its step came too late, or never.
    """
    last = migration.attempt + (migration.state in _NEVER_MOVES)
    ports.admission.give_slot(migration.migration_id, migration.batch_id, last)


def give_back(migration_id: str, ports: Ports) -> None:
    """Release what a stage or an act took for a step that came too late: the row had moved on, and had released it before."""
    migration = ports.migrations.load(migration_id)
    if migration.state in _NEVER_MOVES | {State.FAILED, State.PRECHECK_FAILED}:
        release(migration, ports)
    where = (migration.region_id, migration.instance_id)
    # Asked first: only the stages that lock, and those that end a migration, may delete a lock.
    if migration.state in _UNLOCKED and ports.admission.holder(*where) == migration_id and not unlocks_later(migration, ports):
        ports.admission.unlock(*where, migration_id, migration.attempt)


def unlocks_later(migration: Migration, ports: Ports) -> bool:
    """Whether it has ended, but its lock must stay until no job of it runs in SMC any more."""
    owed = ports.migrations.outboxes(migration.migration_id) if migration.owes else []
    return any(isinstance(effect, ReleaseLock) and effect.after_jobs for outbox in owed for effect in outbox.effects)


_NEVER_AGAIN = frozenset({State.CANCELLED, State.ROLLED_BACK, State.CONFIRMED, State.COMPLETED})
"""States without a way back: their lock and slot are nobody's."""
_NEVER_MOVES = _NEVER_AGAIN | {State.ROLLING_BACK}
"""A rollback that failed can only be tried again, and needs no slot."""
_UNLOCKED = _NEVER_AGAIN | {State.PRECHECK_FAILED}
"""After a refused precheck only a retry takes the lock again, as another attempt."""


def held_back(batch_id: str, ports: Ports) -> str:
    """Why the batch admits nothing at this moment, in words; empty where it does."""
    seen = ports.admission.room(batch_id)
    tally = ports.batches.tally(batch_id)
    return closed_because(tally.terms, _standing(seen, tally), now=ports.clock.now(), account_limit=ports.limits.max_moving)


def _take(migration: Migration, forbidden: Callable[[Terms, Standing], str], ports: Ports) -> str:
    for _ in range(TRIES):
        seen = ports.admission.room(migration.batch_id, migration.migration_id)
        # The batch is read after the slots: a failure is noted before its slot is free, so none is missed with a slot that is.
        tally = ports.batches.tally(migration.batch_id)
        reason = forbidden(tally.terms, _standing(seen, tally))
        if reason or seen.has(migration.attempt):
            return reason
        if ports.admission.take_slot(seen, migration.migration_id, migration.batch_id, migration.attempt):
            return ""
    raise Transient("Admission.Contended", "Others took slots at the same moment.")


def _standing(seen: Room, tally: Tally) -> Standing:
    """What admission asks about the batch; the migration's own slot does not count against it."""
    own = bool(seen.since)
    return Standing(tally.failed, tally.moved, held_by_batch=seen.of_batch - own, held_by_account=seen.of_account - own)
