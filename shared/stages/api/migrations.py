"""Migrations: look at them, read their journal, act on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.domain import acts
from shared.domain.errors import Refused, Stale
from shared.domain.migration import MOVING, Migration, State, Step
from shared.domain.waiting import waits_for
from shared.ports.migrations import Page
from shared.ports.ports import Ports
from shared.stages.advance import advance
from shared.stages.api import show, views
from shared.stages.closing import reopen
from shared.stages.slots import give_back, held_back, readmit

OF_ONE_INSTANCE = 100
ATTEMPTS = 5
"""A lost race is repeated so often before the caller is told."""


def listed(
    ports: Ports, *, batch_id: str = "", state: str = "", instance_id: str = "", limit: int = 50, token: str = ""
) -> views.MigrationList:
    """A page of migrations that meet every filter given; those of one instance come as one page, newest first."""
    wanted = State(state) if state else None
    if instance_id:
        page = _of_instance(ports, instance_id, batch_id, wanted, limit)
    elif batch_id:
        page = ports.migrations.of_batch(batch_id, state=wanted, limit=limit, token=token)
    else:
        page = ports.migrations.all(state=wanted, limit=limit, token=token)
    return views.MigrationList(tuple(map(show.migration, page.migrations)), page.next_token)


def _of_instance(ports: Ports, instance_id: str, batch_id: str, state: State | None, limit: int) -> Page:
    found = ports.migrations.of_instance(instance_id, limit=OF_ONE_INSTANCE)
    meeting = [each for each in found if batch_id in ("", each.batch_id) and state in (None, each.state)]
    newest_first = sorted(meeting, key=lambda each: each.created_at, reverse=True)
    return Page(tuple(newest_first[:limit]))


def get(ports: Ports, migration_id: str) -> views.MigrationDetail:
    """One migration; raises Refused (Migration.NotFound)."""
    found = ports.migrations.load(migration_id)
    return show.detail(found, ports.migrations.restarts(migration_id), _waits_for(found, ports))


def _waits_for(migration: Migration, ports: Ports) -> str:
    terms = ports.batches.terms(migration.batch_id)
    closed = held_back(migration.batch_id, ports) if migration.state is State.READY else ""
    return waits_for(migration, terms, closed, now=ports.clock.now(), catalog=ports.catalog)


def journal(ports: Ports, migration_id: str) -> views.Journal:
    """The complete history; raises Refused (Migration.NotFound)."""
    return views.Journal(migration_id, tuple(map(show.line, ports.migrations.journal(migration_id))))


def confirm(ports: Ports, migration_id: str, operator: str) -> views.MigrationDetail:
    """Accept the outcome; the snapshots go once the batch's retention has passed."""

    def decide(migration: Migration, now: datetime) -> Step:
        retention_days = ports.batches.terms(migration.batch_id).policy.retention_days
        return acts.confirm(migration, operator, now, retention_days=retention_days)

    return _act(ports, migration_id, decide)


def retry(ports: Ports, migration_id: str, operator: str) -> views.MigrationDetail:
    """Try again where it failed; raises Refused (Batch.NoFreeSlot) where that would move the instance while the wave is full."""

    def decide(migration: Migration, now: datetime) -> Step:
        taken = acts.retry(migration, operator, now)
        reopen(ports.batches.terms(migration.batch_id), ports)
        if taken.after.state in MOVING:
            readmit(taken.after, ports)
        return taken

    try:
        return _act(ports, migration_id, decide)
    except Refused:
        give_back(migration_id, ports)
        raise


def cancel(ports: Ports, migration_id: str, operator: str) -> views.MigrationDetail:
    """Give up before anything has moved."""
    return _act(ports, migration_id, lambda migration, now: acts.cancel(migration, operator, now))


def roll_back(ports: Ports, migration_id: str, operator: str) -> views.MigrationDetail:
    """Take every disk back to its snapshot from before the first hop."""
    return _act(ports, migration_id, lambda migration, now: acts.roll_back(migration, operator, now))


def _act(ports: Ports, migration_id: str, decide: Callable[[Migration, datetime], Step]) -> views.MigrationDetail:
    """Load, decide, write; again where somebody else wrote meanwhile. An act done already is answered with what is."""
    for _ in range(ATTEMPTS):
        try:
            advance(ports, decide(ports.migrations.load(migration_id), ports.clock.now()))
        except Stale as stale:
            if not stale.code.startswith("Migration.Already"):
                continue
        return get(ports, migration_id)
    raise moved("Migration.Moved", f"Migration {migration_id}")


def moved(code: str, what: str) -> Refused:
    """The error for a row that kept changing under the caller."""
    return Refused(code, f"{what} changed while you acted on it.", "Look at it again and repeat the request.", status=409)
