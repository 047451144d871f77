"""Lists and shows migrations and their journals, and carries out people's acts on migrations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain import acts
from shared.domain.batch import BatchSummary
from shared.domain.caller import Caller
from shared.domain.chosen import may_roll_back_automatically
from shared.domain.ledger import SnapshotState
from shared.domain.migration import TERMINAL, WAITING_FOR_A_PERSON, Migration, State, Step
from shared.domain.record import dataclass
from shared.domain.waiting import may_wait_for_limit, reason_to_wait
from shared.ports.migrations import MigrationPage
from shared.ports.ports import Ports
from shared.stages.api import show, views
from shared.stages.api.act import RequestedAct, carry_out_act
from shared.stages.api.approval_views import ApprovalStatusView
from shared.stages.closing import reopen_batch_if_closed
from shared.stages.slots import current_blocking_limit

OF_ONE_INSTANCE = 100
MOST_PAGES = 20
"""Maximum pages that one answer searches if a filter has no index."""


@dataclass(frozen=True)
class MigrationFilter:
    """A filter for a list of migrations. An empty field matches every migration."""

    batch_id: str = ""
    state: str = ""
    instance_id: str = ""
    account_id: str = ""
    code: str = ""
    """Text that the failure's error code must contain."""
    text: str = ""
    """Text that an id, name, release, account or region of the migration must contain."""
    group: str = ""
    """The redundancy group, as tag=value."""
    order: str = ""
    """The order of a batch's migrations: ``state``, ``name`` or ``changed``. An empty order means ``state``. The prefix ``-``
    reverses the order.
    """

    @property
    def has_unindexed_fields(self) -> bool:
        """Whether the filter uses a field that has no index. Without an index, each row must be read and checked."""
        return bool(self.account_id or self.code or self.text or self.group)

    def matches_migration(self, migration: Migration, own: str) -> bool:
        """Whether the migration matches those fields of the filter that have no index.

        The argument ``own`` is the id of the deployment's own account, which rows store as an empty string.
        """
        account_id = migration.account_id or own
        code = migration.failure.code if migration.failure else ""
        names = (
            migration.instance_id,
            migration.instance_name,
            migration.migration_id,
            migration.source,
            migration.destination,
            migration.route_end,
            account_id,
            migration.region_id,
        )
        return (
            self.account_id in ("", account_id)
            and self.group in ("", migration.group)
            and self.code.casefold() in code.casefold()
            and any(self.text.casefold() in (each or "").casefold() for each in names)
        )


_EVERY = MigrationFilter()


def migration_page(ports: Ports, wanted: MigrationFilter = _EVERY, *, limit: int = 50, token: str = "") -> views.MigrationList:
    """Return a page of migrations that match the filter. If the filter names an instance, all its migrations are on one page,
    newest first.

    A page filtered by account, code, text or group may have fewer rows than ``limit`` although more pages follow.
    """
    page = _requested_migration_page(ports, wanted, limit, token)
    dry = ports.batches.ids_of_dry_runs(sorted({each.batch_id for each in page.migrations}))
    shown = (show.migration_view(each, dry_run=each.batch_id in dry, own=ports.account_id) for each in page.migrations)
    return views.MigrationList(tuple(shown), page.next_token)


def _requested_migration_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    if wanted.order.removeprefix("-") not in ("", "state"):
        from shared.stages.api.sorting import sorted_migration_page  # most lists come in the order of the index

        return sorted_migration_page(ports, wanted, limit, token)
    read_page = _filtered_migration_page if wanted.has_unindexed_fields else _read_migration_page
    return read_page(ports, wanted, limit, token)


def _read_migration_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    state = State(wanted.state) if wanted.state else None
    if wanted.instance_id:
        return _migration_page_of_instance(ports, wanted.instance_id, wanted.batch_id, state, limit)
    if wanted.batch_id:
        return ports.migrations.migration_page_of_batch(
            wanted.batch_id, state=state, limit=limit, token=token, backward=wanted.order == "-state"
        )
    return ports.migrations.migration_page(state=state, limit=limit, token=token)


def _filtered_migration_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    """Read pages until enough migrations match the filter.

    Each read is limited to the number of rows still needed, so that the next token skips no row.
    """
    found: list[Migration] = []
    for _ in range(MOST_PAGES):
        page = _read_migration_page(ports, wanted, limit - len(found), token)
        found += [each for each in page.migrations if wanted.matches_migration(each, ports.account_id)]
        token = page.next_token
        if not token or len(found) >= limit:
            break
    return MigrationPage(tuple(found), token)


def _migration_page_of_instance(ports: Ports, instance_id: str, batch_id: str, state: State | None, limit: int) -> MigrationPage:
    found = ports.migrations.migrations_of_instance(instance_id, limit=OF_ONE_INSTANCE)
    meeting = [each for each in found if batch_id in ("", each.batch_id) and state in (None, each.state)]
    newest_first = sorted(meeting, key=lambda each: each.created_at, reverse=True)
    return MigrationPage(tuple(newest_first[:limit]))


def get_migration(ports: Ports, migration_id: str) -> views.MigrationDetail:
    """Return one migration with all its fields; raises Refused (Migration.NotFound)."""
    found = ports.migrations.load(migration_id)
    summary = ports.batches.load_summary(found.batch_id)
    shown = show.migration_detail(
        found,
        restarts=ports.migrations.restart_count(migration_id),
        waits_for=_wait_reason(found, ports),
        dry_run=summary.dry_run,
        holds_snapshots=may_have_snapshots(found, ports),
        own=ports.account_id,
    )
    return replace(shown, rollback_approvals=_rollback_approval_status_if_needed(found, summary, ports))


def _rollback_approval_status_if_needed(migration: Migration, summary: BatchSummary, ports: Ports) -> ApprovalStatusView | None:
    if not summary.policy.rollback_approvals:
        return None
    from shared.stages.api.approving import rollback_approval_status_view  # only batches that ask for them need it

    return rollback_approval_status_view(migration, ports)


def _wait_reason(migration: Migration, ports: Ports) -> str:
    trouble = ports.admission.unusable_accounts([migration.account_id]).get(migration.account_id)
    if trouble is not None and migration.state not in TERMINAL | WAITING_FOR_A_PERSON:
        return trouble.why_unusable
    if migration.state is State.FAILED and migration.owes:
        batch = ports.batches.load(migration.batch_id)
        if may_roll_back_automatically(batch):
            from shared.stages.unasked import why_automatic_rollback_waits  # as above

            waits = why_automatic_rollback_waits(migration, batch, ports)
            return f"its rollback, held: {waits}" if waits else "its rollback"
    held = current_blocking_limit(migration, ports) if may_wait_for_limit(migration) else None
    return reason_to_wait(migration, held.reason if held else "", catalog=ports.catalog)


def migration_journal(ports: Ports, migration_id: str) -> views.Journal:
    """Return the complete journal of a migration; raises Refused (Migration.NotFound)."""
    return views.Journal(migration_id, tuple(map(show.journal_line_view, ports.migrations.journal(migration_id))))


def confirm_migration(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Accept the migration's outcome. The snapshots are deleted after the batch's retention time."""

    def decide_confirmation(migration: Migration, now: datetime) -> Step:
        retention_days = ports.batches.load_summary(migration.batch_id).policy.retention_days
        return acts.confirm_migration(
            migration, caller.name, now, retention_days=retention_days, holds_snapshots=may_have_snapshots(migration, ports)
        )

    return _carry_out_act_and_return_view(ports, migration_id, RequestedAct("confirmation", caller, seen, decide_confirmation))


def may_have_snapshots(migration: Migration, ports: Ports) -> bool:
    """Whether the migration may have a snapshot that is not deleted yet.

    The ledger is read only for a cancelled migration. Every migration that is not cancelled counts as having snapshots.
    """
    if migration.state is not State.CANCELLED:
        return True
    return any(entry.state is not SnapshotState.SWEPT for entry in ports.ledger.entries_of_migration(migration.migration_id))


def retry_migration(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Retry the migration from the point of failure.

    The function returns before the retry runs. The returned view says what the retry waits for.
    """

    return _carry_out_act_and_return_view(
        ports,
        migration_id,
        RequestedAct("retry", caller, seen, lambda migration, now: decide_retry_and_reopen_batch(migration, caller, now, ports)),
    )


def decide_retry_and_reopen_batch(migration: Migration, caller: Caller, now: datetime, ports: Ports) -> Step:
    """Return the step that begins a retry. If the batch is closed, open the batch again.

    In a stopped batch only a rollback can be retried.
    """
    taken = acts.retry_migration(migration, caller.name, now)
    summary = ports.batches.load_summary(migration.batch_id)
    if taken.after.state is not State.ROLLING_BACK:
        acts.check_batch_not_stopped(summary)
    reopen_batch_if_closed(summary, ports)
    return taken


def cancel_migration(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Cancel the migration. The act is refused once the instance may have been changed."""
    act = RequestedAct("cancellation", caller, seen, lambda migration, now: acts.cancel_migration(migration, caller.name, now))
    return _carry_out_act_and_return_view(ports, migration_id, act)


def roll_back_migration(ports: Ports, migration_id: str, caller: Caller, seen: int) -> views.MigrationDetail:
    """Begin a rollback, which resets every disk to its snapshot from before the first hop."""

    act = RequestedAct("rollback", caller, seen, lambda migration, now: rollback_step_if_approved(migration, caller, now, ports))
    return _carry_out_act_and_return_view(ports, migration_id, act)


def rollback_step_if_approved(migration: Migration, caller: Caller, now: datetime, ports: Ports) -> Step:
    """Return the first step of a rollback. Raises Refused if the rollback is impossible, or if approvals are missing."""
    taken = acts.roll_back_migration(migration, caller.name, now)
    if ports.batches.load_summary(migration.batch_id).policy.rollback_approvals:
        from shared.stages.api.approving import require_rollback_approvals  # as above

        require_rollback_approvals(migration, now, ports)
    return taken


def _carry_out_act_and_return_view(ports: Ports, migration_id: str, act: RequestedAct) -> views.MigrationDetail:
    carry_out_act(ports, ports.migrations.load(migration_id), act)
    return get_migration(ports, migration_id)
