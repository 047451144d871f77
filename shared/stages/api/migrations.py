"""Lists and shows migrations and their journals, and carries out people's acts on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain import acts
from shared.domain.batch import BatchTerms
from shared.domain.caller import Caller
from shared.domain.chosen import may_roll_back_automatically
from shared.domain.ledger import SnapshotState
from shared.domain.migration import TERMINAL, WAITING_FOR_A_PERSON, Migration, State, Step
from shared.domain.waiting import may_wait_for_limit, reason_to_wait
from shared.ports.migrations import MigrationPage
from shared.ports.ports import Ports
from shared.stages.api import show, views
from shared.stages.api.act import Act, carry_out_act
from shared.stages.api.people_views import ApprovalsView
from shared.stages.closing import reopen_batch
from shared.stages.slots import current_limit

OF_ONE_INSTANCE = 100
MOST_PAGES = 20
"""Maximum pages that one answer searches if a filter has no index."""


@dataclass(frozen=True)
class MigrationFilter:
    """The filter of a list of migrations. An empty field matches every migration."""

    batch_id: str = ""
    state: str = ""
    instance_id: str = ""
    account_id: str = ""
    code: str = ""
    """A part of the failure's error code."""
    text: str = ""
    """A part of an id, name, release, account or region."""
    group: str = ""
    """The redundancy group, as tag=value."""
    is_backward: bool = False
    """Whether the migrations of a batch come in the reverse order of their states' names."""

    @property
    def has_unindexed_fields(self) -> bool:
        """Whether the filter has fields without an index, so that each row must be read and checked."""
        return bool(self.account_id or self.code or self.text or self.group)

    def matches(self, migration: Migration, own: str) -> bool:
        """Whether the row matches the filter's fields without an index.

        ``own`` is the deployment's own account, which rows store as empty text.
        """
        account_id = migration.account_id or own
        code = migration.failure.code if migration.failure else ""
        names = (
            migration.instance_id,
            migration.instance_name,
            migration.migration_id,
            migration.source,
            migration.destination,
            account_id,
            migration.region_id,
        )
        return (
            self.account_id in ("", account_id)
            and self.group in ("", migration.group)
            and self.code.casefold() in code.casefold()
            and any(self.text.casefold() in (each or "").casefold() for each in names)
        )


def migration_page(
    ports: Ports, wanted: MigrationFilter = MigrationFilter(), *, limit: int = 50, token: str = ""
) -> views.MigrationList:
    """Return a page of migrations that match the filter. The migrations of one instance come as one page, newest first.

    A page filtered by account, code, text or group may have fewer rows than ``limit`` and still have a next page.
    """
    page = (
        _filtered_page(ports, wanted, limit, token)
        if wanted.has_unindexed_fields
        else _read_migration_page(ports, wanted, limit, token)
    )
    dry = ports.batches.ids_of_dry_runs(sorted({each.batch_id for each in page.migrations}))
    shown = (show.migration_view(each, dry_run=each.batch_id in dry, own=ports.account_id) for each in page.migrations)
    return views.MigrationList(tuple(shown), page.next_token)


def _read_migration_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    state = State(wanted.state) if wanted.state else None
    if wanted.instance_id:
        return _page_of_instance(ports, wanted.instance_id, wanted.batch_id, state, limit)
    if wanted.batch_id:
        return ports.migrations.migration_page_of_batch(
            wanted.batch_id, state=state, limit=limit, token=token, backward=wanted.is_backward
        )
    return ports.migrations.migration_page(state=state, limit=limit, token=token)


def _filtered_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    """Read pages until enough migrations match the filter.

    Each read is limited to the number of rows still needed, so that the next token skips no row.
    """
    found: list[Migration] = []
    for _ in range(MOST_PAGES):
        page = _read_migration_page(ports, wanted, limit - len(found), token)
        found += [each for each in page.migrations if wanted.matches(each, ports.account_id)]
        token = page.next_token
        if not token or len(found) >= limit:
            break
    return MigrationPage(tuple(found), token)


def _page_of_instance(ports: Ports, instance_id: str, batch_id: str, state: State | None, limit: int) -> MigrationPage:
    found = ports.migrations.migrations_of_instance(instance_id, limit=OF_ONE_INSTANCE)
    meeting = [each for each in found if batch_id in ("", each.batch_id) and state in (None, each.state)]
    newest_first = sorted(meeting, key=lambda each: each.created_at, reverse=True)
    return MigrationPage(tuple(newest_first[:limit]))


def get_migration(ports: Ports, migration_id: str) -> views.MigrationDetail:
    """Return one migration with all its fields; raises Refused (Migration.NotFound)."""
    found = ports.migrations.load(migration_id)
    terms = ports.batches.load_terms(found.batch_id)
    shown = show.migration_detail(
        found,
        restarts=ports.migrations.restart_count(migration_id),
        waits_for=_wait_reason(found, ports),
        dry_run=terms.dry_run,
        holds_snapshots=holds_snapshots(found, ports),
        own=ports.account_id,
    )
    return replace(shown, rollback_approvals=_rollback_approvals(found, terms, ports))


def _rollback_approvals(migration: Migration, terms: BatchTerms, ports: Ports) -> ApprovalsView | None:
    if not terms.policy.rollback_approvals:
        return None
    from shared.stages.api.approving import rollback_approvals_view  # only batches that ask for them need it

    return rollback_approvals_view(migration, ports)


def _wait_reason(migration: Migration, ports: Ports) -> str:
    trouble = ports.admission.unusable_accounts([migration.account_id]).get(migration.account_id)
    if trouble is not None and migration.state not in TERMINAL | WAITING_FOR_A_PERSON:
        return trouble.why_unusable
    if migration.state is State.FAILED and migration.owes:
        batch = ports.batches.load(migration.batch_id)
        if may_roll_back_automatically(batch):
            from shared.stages.unasked import why_rollback_held  # as above

            waits = why_rollback_held(migration, batch, ports)
            return f"its rollback, held: {waits}" if waits else "its rollback"
    held = current_limit(migration, ports) if may_wait_for_limit(migration) else None
    return reason_to_wait(migration, held.reason if held else "", catalog=ports.catalog)


def migration_journal(ports: Ports, migration_id: str) -> views.Journal:
    """Return the complete journal of a migration; raises Refused (Migration.NotFound)."""
    return views.Journal(migration_id, tuple(map(show.journal_line, ports.migrations.journal(migration_id))))


def confirm(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Accept the migration's outcome. The snapshots are deleted after the batch's retention time."""

    def decide_confirmation(migration: Migration, now: datetime) -> Step:
        retention_days = ports.batches.load_terms(migration.batch_id).policy.retention_days
        return acts.confirm(
            migration, caller.name, now, retention_days=retention_days, holds_snapshots=holds_snapshots(migration, ports)
        )

    return _carry_out_and_show(ports, migration_id, Act("confirmation", caller, seen, decide_confirmation))


def holds_snapshots(migration: Migration, ports: Ports) -> bool:
    """Whether the migration has a snapshot that is not deleted yet.

    The ledger is read only for a cancelled migration. Every migration that is not cancelled counts as having snapshots.
    """
    if migration.state is not State.CANCELLED:
        return True
    return any(entry.state is not SnapshotState.SWEPT for entry in ports.ledger.entries_of_migration(migration.migration_id))


def retry(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Retry the migration from the point of failure.

    The retry is accepted and waits like a first try. The answer says what the retry waits for.
    """

    return _carry_out_and_show(
        ports, migration_id, Act("retry", caller, seen, lambda migration, now: retry_step(migration, caller, now, ports))
    )


def retry_step(migration: Migration, caller: Caller, now: datetime, ports: Ports) -> Step:
    """Return the step of a retry. A closed batch is opened again.

    In a stopped batch only a rollback can be retried.
    """
    taken = acts.retry(migration, caller.name, now)
    terms = ports.batches.load_terms(migration.batch_id)
    if taken.after.state is not State.ROLLING_BACK:
        acts.check_not_stopped(terms)
    reopen_batch(terms, ports)
    return taken


def cancel(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Cancel the migration before anything on the instance has changed."""
    act = Act("cancellation", caller, seen, lambda migration, now: acts.cancel(migration, caller.name, now))
    return _carry_out_and_show(ports, migration_id, act)


def roll_back(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Begin a rollback, which restores every disk from its snapshot from before the first hop."""

    act = Act("rollback", caller, seen, lambda migration, now: rollback_step(migration, caller, now, ports))
    return _carry_out_and_show(ports, migration_id, act)


def rollback_step(migration: Migration, caller: Caller, now: datetime, ports: Ports) -> Step:
    """Return the first step of a rollback. Raises Refused if the rollback is impossible, or lacks approvals."""
    taken = acts.roll_back(migration, caller.name, now)
    if ports.batches.load_terms(migration.batch_id).policy.rollback_approvals:
        from shared.stages.api.approving import check_rollback_approved  # as above

        check_rollback_approved(migration, now, ports)
    return taken


def _carry_out_and_show(ports: Ports, migration_id: str, act: Act) -> views.MigrationDetail:
    carry_out_act(ports, ports.migrations.load(migration_id), act)
    return get_migration(ports, migration_id)
