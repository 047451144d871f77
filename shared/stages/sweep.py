"""Sweep: delete the snapshots that are ours, released by a named person and past their retention; nothing else, ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain import events
from shared.domain.errors import Stale
from shared.domain.ledger import LedgerEntry, SnapshotState, may_sweep
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, step
from shared.ports.ports import Ports
from shared.stages.advance import advance

ROUNDS = 50
"""Pages of the ledger in one run at most; the next day's run goes on."""
KEPT = frozenset({State.ROLLED_BACK, State.CANCELLED})
"""States that a sweep only notes in the journal."""


def run(message: Message, ports: Ports) -> Outcome:
    """Delete what may go, page by page; then complete the migrations that hold nothing any more."""
    deleted, refused = 0, set[tuple[str, str]]()
    touched: set[str] = set()
    for _ in range(ROUNDS):
        due = ports.ledger.due_for_sweep(ports.clock.now(), limit=ports.limits.sweep_page)
        todo = [entry for entry in due if (entry.migration_id, entry.key) not in refused]
        if not todo:
            break
        owners = {each.migration_id: each for each in _load(sorted({entry.migration_id for entry in todo}), ports)}
        for entry in todo:
            if _swept(entry, owners.get(entry.migration_id), ports):
                deleted += 1
                touched.add(entry.migration_id)
            else:
                refused.add((entry.migration_id, entry.key))
    completed = _complete(touched, ports)
    return Outcome("done", {"deleted": deleted, "kept": len(refused), "completed": completed})


def _load(migration_ids: list[str], ports: Ports) -> list[Migration]:
    return [
        each
        for start in range(0, len(migration_ids), 100)
        for each in ports.migrations.load_many(migration_ids[start : start + 100])
    ]


def _swept(entry: LedgerEntry, owner: Migration | None, ports: Ports) -> bool:
    """Delete one snapshot if every condition of invariant 2 holds now, by the migration's own row."""
    if owner is None or owner.owes or not may_sweep(entry, released_at=owner.released_at, now=ports.clock.now()):
        return False
    snapshot_id = entry.snapshot_id or _asked_for(entry, ports)
    if snapshot_id and not ports.compute.delete_snapshot(entry.region_id, snapshot_id):
        return False
    ports.ledger.put(replace(entry, snapshot_id=snapshot_id, state=SnapshotState.SWEPT))
    return True


def _asked_for(entry: LedgerEntry, ports: Ports) -> str:
    """The snapshot of an entry that never learned its id: the function ended between asking for it and noting it.

    The name alone proves nothing, a person may have given it to a copy: the disk and our tag of this migration must agree.
    """
    wanted = (f"replank-{entry.migration_id}-{entry.key}", entry.disk_id, entry.migration_id)
    found = ports.compute.snapshots_of(entry.region_id, entry.instance_id)
    return next((each.snapshot_id for each in found if (each.name, each.disk_id, each.migration_id) == wanted), "")


def _complete(touched: set[str], ports: Ports) -> int:
    """Complete confirmed migrations whose every snapshot is swept, those of an interrupted earlier run included."""
    token, completed = "", 0
    candidates = {each.migration_id: each for each in _load(sorted(touched), ports)}
    while True:
        page = ports.migrations.all(state=State.CONFIRMED, limit=100, token=token)
        candidates.update({each.migration_id: each for each in page.migrations})
        token = page.next_token
        if not token:
            break
    for migration in candidates.values():
        completed += _completed(migration, ports)
    return completed


def _schedule_the_late(migration: Migration, held: list[LedgerEntry], ports: Ports) -> None:
    """Entries that came into the ledger after the release, or raced it, get their time as well."""
    late = [entry for entry in held if entry.sweep_at is None]
    if late and migration.released_at is not None:
        retention = timedelta(days=ports.batches.terms(migration.batch_id).policy.retention_days)
        for entry in late:
            ports.ledger.put(replace(entry, sweep_at=migration.released_at + retention))


def _completed(migration: Migration, ports: Ports) -> bool:
    if migration.owes or migration.state not in KEPT | {State.CONFIRMED}:
        return False
    entries = ports.ledger.of_migration(migration.migration_id)
    held = [entry for entry in entries if entry.state is not SnapshotState.SWEPT]
    if held:
        _schedule_the_late(migration, held, ports)
        return False
    swept = sum(bool(entry.snapshot_id) for entry in entries)
    to = migration.state if migration.state in KEPT else State.COMPLETED
    taken = step(migration, to, now=ports.clock.now(), by="sweep", reason=f"{swept} snapshots swept", snapshots_swept=swept)
    try:
        advance(ports, replace(taken, events=(events.about(taken.after, events.SNAPSHOTS_SWEPT, snapshots=swept),)))
    except Stale:
        return False
    return True
