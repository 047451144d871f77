"""Converts domain objects to the API's views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shared.domain import acts
from shared.domain.batch import (
    Batch,
    BatchJournalEntry,
    BatchProgress,
    Exclusion,
    PauseState,
    Selection,
    ready_to_confirm_at,
    risks_for_policy,
)
from shared.domain.errors import Refused
from shared.domain.migration import JournalEntry, Migration
from shared.domain.policy import Policy, policy_without_never_open_window
from shared.domain.restore import disk_state_in_words
from shared.stages.api import selection_views, views
from shared.stages.api.approval_views import ApprovalStatusView


def possible_acts(migration: Migration, *, holds_snapshots: bool) -> tuple[str, ...]:
    """Return the acts that a person can carry out on the migration now.

    Each act is tried without a commit, so nothing changes.
    """
    now = migration.entered_at
    tries: dict[str, Callable[[], object]] = {
        "confirmation": lambda: acts.confirm_migration(migration, "", now, retention_days=1, holds_snapshots=holds_snapshots),
        "retry": lambda: acts.retry_migration(migration, "", now),
        "cancellation": lambda: acts.cancel_migration(migration, "", now),
        "rollback": lambda: acts.roll_back_migration(migration, "", now),
    }
    return tuple(name for name, attempt in tries.items() if _is_act_possible(attempt))


def _is_act_possible(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Refused:
        return False
    return True


def risks_view(policy: Policy) -> views.Risks:
    """Return the API's view of the risks that a person must accept for a batch with this policy."""
    return views.Risks(*risks_for_policy(policy))


def batch_view(value: Batch, *, own: str, now: datetime) -> views.BatchView:
    """Return the API's view of a batch without its migrations. The argument ``own`` is the id of the deployment's own account."""
    return views.BatchView(**_batch_fields(value, own, now))


def batch_detail(
    value: Batch, counts: dict[str, int], held_back: str, *, now: datetime, failed: int, journal: Sequence[BatchJournalEntry]
) -> views.BatchDetail:
    """Return the API's view of a batch, with the number of migrations in each state, the reason why no migration starts, and the
    risks.
    """
    fields = _batch_fields(value, "", now)
    missing = any(each.missing for each in fields["approvals"])
    wanted = not value.dry_run and (value.acknowledgement is None or missing)
    opens = value.policy.time_limits.next_opening(now)
    return views.BatchDetail(
        **fields,
        counts=counts,
        failed=failed,
        failure_budget=value.summary.failure_budget,
        journal=tuple(
            views.BatchAct(each.version, each.at, each.act, each.by, each.why, each.trust, each.before, each.after)
            for each in journal
        ),
        waves=(),
        held_back=held_back,
        next_opening=None if opens == now else opens,
        account_troubles=(),
        jobs_to_start=0,
        risks=risks_view(value.policy) if wanted else None,
    )


def _brake_view(control: BatchProgress) -> views.BrakeView | None:
    if control.brake is PauseState.OFF or control.at is None:
        return None
    return views.BrakeView(control.brake.value, control.by, control.at, control.why, control.trust)


def _approval_status_views(value: Batch, now: datetime) -> tuple[ApprovalStatusView, ...]:
    if not (value.policy.approvals or value.policy.wave_approvals):
        return ()
    from shared.stages.api.approving import batch_approval_status_views  # only batches with approvals need it

    return batch_approval_status_views(value, now)


def _batch_fields(value: Batch, own: str, now: datetime) -> dict[str, Any]:
    given = value.acknowledgement
    return {
        "batch_id": value.batch_id,
        "version": value.version,
        "state": value.state.value,
        "created_at": value.created_at,
        "created_by": value.created_by,
        "origin": value.origin,
        "dry_run": value.dry_run,
        "selection": selection_view(value, own),
        "destination": value.destination,
        "destinations": value.destinations,
        "policy": policy_without_never_open_window(value.policy),
        "size": value.size,
        "digest": value.digest,
        "left_out": value.left_out,
        "problems": problem_views(value),
        "acknowledgement": given and views.AcknowledgementView(given.operator, given.at, given.risks_version, given.trust),
        "brake": _brake_view(value.control),
        "approvals": _approval_status_views(value, now),
        "ready_to_confirm_at": ready_to_confirm_at(value.summary),
    }


def selection_view(value: Batch, own: str) -> selection_views.SelectionView:
    """Return the API's view of the criteria by which a batch selects instances. The argument ``own`` is the id of the
    deployment's own account.
    """
    chosen = value.selection
    accounts = tuple(each or own for each in chosen.account_ids)
    excluded = selection_views.ExclusionView(**_criteria_fields(chosen.exclude))
    return selection_views.SelectionView(accounts, chosen.regions, exclude=excluded, **_criteria_fields(chosen))


def _criteria_fields(of: Selection | Exclusion) -> dict[str, tuple[str, ...]]:
    same = {name: getattr(of, name) for name in ("instance_ids", "releases", "tags", "names")}
    return {**same, "resource_group_ids": of.resource_groups, "vpc_ids": of.vpcs}


def problem_views(value: Batch) -> tuple[views.ProblemView, ...]:
    """Return the instances of a batch that have no migration, each with its problem."""
    return tuple(views.ProblemView(code, message, "", instance_id) for instance_id, code, message in value.problems)


def migration_view(value: Migration, *, dry_run: bool, own: str) -> views.MigrationView:
    """Return the API's view of a migration, with the fields that lists show. The argument ``own`` is the id of the deployment's
    own account.
    """
    return views.MigrationView(**_migration_fields(value, own), dry_run=dry_run)


def migration_detail(
    value: Migration, *, restarts: int, waits_for: str, dry_run: bool, holds_snapshots: bool, own: str
) -> views.MigrationDetail:
    """Return the API's view of a migration, with all fields except the journal."""
    return views.MigrationDetail(
        **_migration_fields(value, own),
        dry_run=dry_run,
        route=value.hops,
        waits_for=waits_for,
        findings=value.assessment.findings if value.assessment else (),
        blocked=value.assessment.is_blocked if value.assessment else False,
        released_at=value.released_at,
        restarts=restarts,
        acts=possible_acts(value, holds_snapshots=holds_snapshots),
        rollback_disks=tuple(
            views.RollbackDiskView(each.disk_id, each.snapshot_id, disk_state_in_words(each.state)) for each in value.rollback_disks
        ),
        smc_rollback=value.smc_rollback,
        rollback_approvals=None,
        command=value.commands.command_in_words,
        group=value.group,
        tool_log=value.tool_log,
    )


def _migration_fields(value: Migration, own: str) -> dict[str, Any]:
    same = (
        "migration_id",
        "batch_id",
        "instance_id",
        "instance_name",
        "region_id",
        "version",
        "driver",
        "driver_why",
        "os_type",
        "source",
        "destination",
        "route_end",
        "hop",
        "attempt",
        "progress",
        "created_at",
        "entered_at",
        "finished_at",
        "snapshots_made",
        "snapshots_swept",
        "failure",
    )
    same_values = {name: getattr(value, name) for name in same}
    return {
        **same_values,
        "account_id": value.account_id or own,
        "state": value.state.value,
        "hops": len(value.hops),
    }


def journal_line_view(entry: JournalEntry) -> views.JournalLine:
    """Return the API's view of one line of a migration's journal."""
    return views.JournalLine(
        entry.version,
        entry.at,
        entry.from_state.value if entry.from_state else None,
        entry.to_state.value,
        entry.by,
        entry.reason,
        entry.hop,
        entry.attempt,
        entry.trust,
        entry.door,
    )
