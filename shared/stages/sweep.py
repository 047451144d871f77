"""The sweep stage: deletes snapshots that the pipeline made or adopted, that a person has released, and whose retention is over."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.domain import events
from shared.domain.errors import AccountUnusable, ReplankError, Stale, Transient
from shared.domain.ledger import LedgerEntry, SnapshotState, may_sweep, retention_end
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, Step, step_to_state
from shared.domain.record import dataclass
from shared.ports.ledger import LedgerPage
from shared.ports.migrations import MigrationPage
from shared.ports.ports import Ports
from shared.stages.adopt import ledger_entry_with_other_owner, why_not_made_by_smc
from shared.stages.advance import advance_migration, advance_migrations

PATIENCE = timedelta(minutes=8)
"""Time limit of one run. The platform stops the function after ten minutes, as set in s.yaml. The next day's run deletes the rest.
"""
RECORDED_TOGETHER = 25
"""Maximum number of snapshots that are deleted before their ledger entries are written. If the function dies in between, the next
run deletes these snapshots again, and learns that they are gone.
"""
SUNDAY = 6
"""The weekday on which all migrations that the sweep may have missed are checked.

The weekly check finds migrations to which an older version gave no due time. It also finds migrations that were rolled back or
cancelled, and that an interrupted run left without their last line: no queue holds these.
"""
NO_ANSWER = "Cloud.NoAnswer"
UNCHANGED_BY_SWEEP = frozenset({State.ROLLED_BACK, State.CANCELLED})
"""The final states that a sweep does not change. The sweep only adds a line to the journal of a migration that was rolled back or
cancelled.
"""
P = TypeVar("P", LedgerPage, MigrationPage)
T = TypeVar("T", LedgerEntry, Migration)
_LOG = logging.getLogger("replank")


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Delete the snapshots that are due, page by page, and complete each migration that has no snapshot left."""
    began, size = ports.clock.now(), ports.limits.sweep_page
    deleted, kept, completed, troubles = 0, 0, 0, SweepFailures()
    for entries in _pages_until_time_limit(
        lambda token: ports.ledger.entries_due_for_sweep(began, limit=size, token=token), began, ports
    ):
        owners = {each.migration_id: each for each in _migrations_of_ledger_entries(entries.entries, ports)}
        swept: list[LedgerEntry] = []
        for start in range(0, len(entries.entries), RECORDED_TOGETHER):
            if ports.clock.now() - began < PATIENCE:
                swept += _delete_snapshots(entries.entries[start : start + RECORDED_TOGETHER], owners, troubles, ports)
        deleted, kept = deleted + len(swept), kept + len(entries.entries) - len(swept)
        touched = {entry.migration_id for entry in swept}
        completed += _complete_migrations([owners[each] for each in sorted(touched)], troubles, ports)
    if began.weekday() == SUNDAY:
        for page in _pages_of_state(State.CONFIRMED, began, ports):
            completed += _complete_migrations([each for each in page.migrations if each.due_at is None], troubles, ports)
    # This finds migrations of an earlier, interrupted run, and migrations with a snapshot that was entered in the ledger late.
    for page in _pages_until_time_limit(
        lambda token: ports.migrations.migration_page_past_retention(began, limit=size, token=token), began, ports
    ):
        completed += _complete_migrations(page.migrations, troubles, ports)
    if began.weekday() == SUNDAY:
        completed += _complete_unchanged_migrations(began, troubles, ports)
    result = "done" if ports.clock.now() - began < PATIENCE else "waiting"
    facts: dict[str, Any] = {"deleted": deleted, "kept": kept, "completed": completed}
    return Outcome(result, {**facts, "causes": dict(troubles.codes)} if troubles.codes else facts)


@dataclass
class SweepFailures:
    """The failures of one run, counted by error code. The next run tries the failed deletions again."""

    codes: Counter[str] = field(default_factory=Counter)
    silent: set[tuple[str, str]] = field(default_factory=set)
    """The accounts and regions for which ECS did not answer, as pairs.

    The run skips a region that did not answer, because each further call would wait just as long.
    """
    refusing: set[str] = field(default_factory=set)
    """Member accounts that refuse the pipeline's calls. The run skips accounts that refuse calls."""

    def call_or_log_failure(self, what: T, act: Callable[..., bool], *more: Any) -> bool:
        """Call the function ``act`` for one snapshot or migration, and return the result. If the call fails, log the cause and
        return False.
        """
        if self.is_skipped(what):
            self.codes["Sweep.AccountSkipped" if what.account_id in self.refusing else "Sweep.RegionSkipped"] += 1
            return False
        try:
            return act(what, *more)
        except ReplankError as error:
            self.log_failure(what, error)
            return False

    def is_skipped(self, what: LedgerEntry | Migration) -> bool:
        """Whether the run skips the account or region of this snapshot or migration."""
        return what.account_id in self.refusing or (what.account_id, what.region_id) in self.silent

    def log_failure(self, what: LedgerEntry | Migration, error: ReplankError) -> None:
        """Count and log the error. An error of the store is raised again, because every later call would fail too."""
        if isinstance(error, Transient) and error.code.startswith("Store."):
            raise error
        self.codes[error.code] += 1
        if error.code == NO_ANSWER:
            self.silent.add((what.account_id, what.region_id))
        if isinstance(error, AccountUnusable):
            self.refusing.add(what.account_id)
        facts = {"migrationId": what.migration_id, "regionId": what.region_id, "code": error.code, "remedy": error.remedy}
        _LOG.error("the sweep skips a snapshot or migration: %s", error, extra={"facts": facts})


def _pages_until_time_limit(read: Callable[[str], P], began: datetime, ports: Ports) -> Iterator[P]:
    """Yield page after page until the last page is read or the run's time is over."""
    token = ""
    while ports.clock.now() - began < PATIENCE:
        page = read(token)
        yield page
        token = page.next_token
        if not token:
            return


def _pages_of_state(state: State, began: datetime, ports: Ports) -> Iterator[MigrationPage]:
    """All migrations in the state, page by page, until the run's time is over."""
    size = ports.limits.sweep_page
    return _pages_until_time_limit(
        lambda token: ports.migrations.migration_page(state=state, limit=size, token=token), began, ports
    )


def _migrations_of_ledger_entries(entries: Sequence[LedgerEntry], ports: Ports) -> list[Migration]:
    return ports.migrations.load_migrations(sorted({entry.migration_id for entry in entries}))


def _delete_snapshot(entry: LedgerEntry, owner: Migration | None, gone: list[LedgerEntry], ports: Ports) -> bool:
    """Delete one snapshot if its migration's row and its ledger entry allow the deletion, as invariant 2 in docs/architecture.md
    requires.

    Return whether the snapshot is deleted. If it is, append its new ledger entry to ``gone``; the caller writes the entry.
    """
    if owner is None or owner.owes or not may_sweep(entry, released_at=owner.released_at, now=ports.clock.now()):
        return False
    ports = ports.ports_for_migration(owner)
    why = why_not_made_by_smc(entry, owner, ports) if entry.owner == "smc" and not entry.judged else ""
    if why:
        ports.ledger.write_entry(ledger_entry_with_other_owner(entry, why))
        return False
    snapshot_id = entry.snapshot_id or _id_of_unrecorded_snapshot(entry, ports)
    if snapshot_id and not entry.snapshot_id:
        # Once the snapshot is gone, nobody could find its id again.
        ports.ledger.write_entry(replace(entry, snapshot_id=snapshot_id))
    if snapshot_id and not ports.compute.delete_snapshot(entry.region_id, snapshot_id):
        return False
    gone.append(replace(entry, snapshot_id=snapshot_id, state=SnapshotState.SWEPT))
    return True


def _delete_snapshots(
    entries: Sequence[LedgerEntry], owners: Mapping[str, Migration], troubles: SweepFailures, ports: Ports
) -> list[LedgerEntry]:
    """Delete snapshots, and then write their ledger entries. Return the entries that were written."""
    gone: list[LedgerEntry] = []
    try:
        for each in entries:
            troubles.call_or_log_failure(each, _delete_snapshot, owners.get(each.migration_id), gone, ports)
    finally:  # what was deleted before an error is recorded too
        swept = _record_deletions(gone, troubles, ports)
    return swept


def _record_deletions(gone: Sequence[LedgerEntry], troubles: SweepFailures, ports: Ports) -> list[LedgerEntry]:
    """Write the entries of deleted snapshots into the ledger, and return the entries that were written.

    The entries are written even if their region does not answer any more.
    """
    failed = set()
    for each in ports.ledger.write_entries(gone):
        try:
            ports.ledger.write_entry(each)
        except ReplankError as error:
            troubles.log_failure(each, error)
            failed.add((each.migration_id, each.key))
    return [each for each in gone if (each.migration_id, each.key) not in failed]


def _id_of_unrecorded_snapshot(entry: LedgerEntry, ports: Ports) -> str:
    """Return the id of a snapshot whose ledger entry has no id; empty if ECS does not have the snapshot.

    An entry has no id if the function crashed after it had requested the snapshot. The snapshot must match by name, disk and
    migration tag, because a copy of a snapshot may have the same name.
    """
    wanted = (f"replank-{entry.migration_id}-{entry.key}", entry.disk_id, entry.migration_id)
    found = ports.compute.snapshots_of_instance(entry.region_id, entry.instance_id)
    return next((each.snapshot_id for each in found if (each.name, each.disk_id, each.migration_id) == wanted), "")


def _set_due_time_of_late_entries(migration: Migration, held: list[LedgerEntry], ports: Ports) -> None:
    """Set the due time of ledger entries that were written during or after the release of the migration's snapshots."""
    late = [entry for entry in held if entry.sweep_at is None]
    if late and migration.released_at is not None:
        due = retention_end(migration.released_at, ports.batches.load_summary(migration.batch_id).policy.retention_days)
        for entry in late:
            ports.ledger.write_entry(replace(entry, sweep_at=due))


def _complete_migrations(migrations: Sequence[Migration], troubles: SweepFailures, ports: Ports) -> int:
    """Complete each migration that has no snapshot left, in few calls. Return the number of completed migrations.

    A migration that cannot be completed with the others is tried once more alone, so that its own failure is logged.
    """
    possible = [each for each in migrations if _can_be_completed(each) and not troubles.is_skipped(each)]
    ledger = ports.ledger.entries_of_migrations([each.migration_id for each in possible]) if len(possible) > 1 else {}
    steps = [
        _step_after_last_snapshot(each, ledger[each.migration_id], ports)
        for each in possible
        if each.migration_id in ledger and not _snapshots_left(ledger[each.migration_id])
    ]
    committed = advance_migrations(ports, steps)
    done = {step.before.migration_id for step, is_committed in zip(steps, committed, strict=True) if is_committed}
    alone = [each for each in migrations if each.migration_id not in done]
    return len(done) + sum(
        troubles.call_or_log_failure(each, _complete_migration, ledger.get(each.migration_id), ports) for each in alone
    )


def _complete_unchanged_migrations(began: datetime, troubles: SweepFailures, ports: Ports) -> int:
    """Write the last line of each released migration that was rolled back or cancelled, if an earlier run could not write it.

    Snapshots that were entered in the ledger late become due. Return the number of lines written.
    """
    written = 0
    for state in UNCHANGED_BY_SWEEP:
        for page in _pages_of_state(state, began, ports):
            released = [each for each in page.migrations if each.released_at is not None and not each.snapshots_swept]
            ledger = ports.ledger.entries_of_migrations([each.migration_id for each in released])
            missed = [each for each in released if any(map(_needs_sweep_line, ledger.get(each.migration_id, ())))]
            written += _complete_migrations(missed, troubles, ports)
    return written


def _needs_sweep_line(entry: LedgerEntry) -> bool:
    """Whether the end of this snapshot belongs in the journal. An entry without a snapshot, or of another owner, has no end."""
    return entry.belongs_to_pipeline or entry.state is not SnapshotState.SWEPT


def _can_be_completed(migration: Migration) -> bool:
    return not migration.owes and migration.state in UNCHANGED_BY_SWEEP | {State.CONFIRMED}


def _snapshots_left(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    return [entry for entry in entries if entry.state is not SnapshotState.SWEPT]


def _step_after_last_snapshot(migration: Migration, entries: Sequence[LedgerEntry], ports: Ports) -> Step:
    swept = sum(entry.belongs_to_pipeline for entry in entries)
    to = migration.state if migration.state in UNCHANGED_BY_SWEEP else State.COMPLETED
    reason = f"{swept} snapshots swept"
    taken = step_to_state(migration, to, now=ports.clock.now(), by="sweep", reason=reason, snapshots_swept=swept)
    return replace(taken, events=(events.migration_event(taken.after, events.SNAPSHOTS_SWEPT, snapshots=swept),))


def _complete_migration(migration: Migration, entries: list[LedgerEntry] | None, ports: Ports) -> bool:
    """Complete the migration if it has no snapshot left. ``entries`` are its ledger entries; None if they are not read yet.

    If the row has changed since it was read, the row and its ledger are read once more.
    """
    try:
        return _complete_as_read(migration, entries, ports)
    except Stale:
        with suppress(Stale):
            return _complete_as_read(ports.migrations.load(migration.migration_id), None, ports)
        return False


def _complete_as_read(migration: Migration, entries: list[LedgerEntry] | None, ports: Ports) -> bool:
    """Complete the migration as ``_complete_migration`` does. Raises Stale if the row has changed."""
    if not _can_be_completed(migration):
        return False
    if entries is None:
        entries = ports.ledger.entries_of_migration(migration.migration_id)
    if _snapshots_left(entries):
        _set_due_time_of_late_entries(migration, _snapshots_left(entries), ports)
        return False
    advance_migration(ports, _step_after_last_snapshot(migration, entries, ports))
    return True
