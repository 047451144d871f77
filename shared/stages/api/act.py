"""Carries out a person's act on a migration. The act is refused if the migration has changed since the person saw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.domain import seen
from shared.domain.caller import Caller
from shared.domain.errors import Refused, Stale
from shared.domain.migration import Migration, Step
from shared.domain.record import dataclass
from shared.domain.retry import LOST_RACE
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration


@dataclass(frozen=True)
class RequestedAct:
    """A person's request for an act on a migration. The field ``seen`` is the version of the migration that the person saw."""

    name: str
    caller: Caller
    seen: int
    decide: Callable[[Migration, datetime], Step]


class _ActAlreadyDone(Exception):
    """Raised if the journal shows that the person has already done the requested act."""


def carry_out_act(ports: Ports, migration: Migration, act: RequestedAct) -> None:
    """Decide which step carries out the act, and commit this step. A repeated act changes nothing.

    If somebody else writes the row at the same time, the step is decided again.

    Raises Refused if the act is impossible, and Refused (Migration.Moved) if the migration has changed since the person saw it.
    """
    for _ in range(LOST_RACE.calls):
        try:
            advance_migration(ports, _decide_step(ports, migration, act))
            return
        except _ActAlreadyDone:
            return
        except Stale:
            migration = ports.migrations.load(migration.migration_id)
    raise contention_error("Migration.Moved", f"Migration {migration.migration_id}")


def _decide_step(ports: Ports, migration: Migration, act: RequestedAct) -> Step:
    if not seen.is_state_unchanged_since(migration, act.seen):
        journal = ports.migrations.journal(migration.migration_id)
        if seen.is_act_done(act.name, act.caller.name, act.seen, journal):
            raise _ActAlreadyDone
        raise seen.migration_changed_refusal(migration, act.seen, journal)
    try:
        taken = act.decide(migration, ports.clock.now())
        return replace(taken, entry=replace(taken.entry, trust=act.caller.trust.value, door=act.caller.door))
    except Refused:
        if seen.is_act_done(act.name, act.caller.name, act.seen, ports.migrations.journal(migration.migration_id)):
            raise _ActAlreadyDone from None
        raise


def contention_error(code: str, what: str) -> Refused:
    """Return the error for an act that failed because somebody else changed the row during each attempt."""
    return Refused(code, f"{what} changed while you acted on it.", "Look at it again and repeat the request.", status=409)
