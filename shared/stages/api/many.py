"""Carries out a person's act on many migrations of one batch, each at the version that the person saw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.domain import acts
from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.migration import Migration, Step
from shared.ports.ports import Ports
from shared.stages.api import views
from shared.stages.api.act import RequestedAct, carry_out_act
from shared.stages.api.migrations import decide_retry_and_reopen_batch, may_have_snapshots, rollback_step_if_approved

Outcome = tuple[tuple[str, ...], tuple[views.RefusedAct, ...]]
"""The ids of the migrations on which the act succeeded, and the refused acts with their reasons."""


def confirm_migrations(ports: Ports, batch_id: str, caller: Caller, versions: dict[str, int]) -> views.ConfirmationResult:
    """Confirm the named migrations of the batch, each at the version that the operator saw."""
    retention_days = ports.batches.load_summary(batch_id).policy.retention_days

    def decide_confirmation(migration: Migration, now: datetime) -> Step:
        holds = may_have_snapshots(migration, ports)
        return acts.confirm_migration(migration, caller.name, now, retention_days=retention_days, holds_snapshots=holds)

    return views.ConfirmationResult(*_act_on_each_migration(ports, batch_id, versions, "confirmation", caller, decide_confirmation))


def retry_migrations(ports: Ports, batch_id: str, caller: Caller, versions: dict[str, int]) -> views.RetryResult:
    """Retry the named migrations of the batch, each at the version that the operator saw."""
    ports.batches.load_summary(batch_id)  # raises Refused if the batch does not exist

    def decide_retry(migration: Migration, now: datetime) -> Step:
        return decide_retry_and_reopen_batch(migration, caller, now, ports)

    return views.RetryResult(*_act_on_each_migration(ports, batch_id, versions, "retry", caller, decide_retry))


def roll_back_migrations(ports: Ports, batch_id: str, caller: Caller, versions: dict[str, int]) -> views.RollbackResult:
    """Begin the rollback of the named migrations of the batch, each at the version that the operator saw.

    Each rollback is checked separately, and needs the approvals that the policy asks for.
    """
    ports.batches.load_summary(batch_id)  # raises Refused if the batch does not exist

    def decide_rollback(migration: Migration, now: datetime) -> Step:
        return rollback_step_if_approved(migration, caller, now, ports)

    return views.RollbackResult(*_act_on_each_migration(ports, batch_id, versions, "rollback", caller, decide_rollback))


def cancel_migrations(ports: Ports, batch_id: str, caller: Caller, versions: dict[str, int]) -> views.CancellationResult:
    """Cancel the named migrations of the batch, each at the version that the operator saw. The cancellation of a migration is
    refused if its instance may have been changed.
    """
    ports.batches.load_summary(batch_id)  # raises Refused if the batch does not exist

    def decide_cancellation(migration: Migration, now: datetime) -> Step:
        return acts.cancel_migration(migration, caller.name, now)

    return views.CancellationResult(*_act_on_each_migration(ports, batch_id, versions, "cancellation", caller, decide_cancellation))


def _act_on_each_migration(
    ports: Ports,
    batch_id: str,
    versions: dict[str, int],
    name: str,
    caller: Caller,
    decide: Callable[[Migration, datetime], Step],
) -> Outcome:
    """Carry out the act on each migration in ``versions``. Return the ids of the migrations on which the act succeeded, and the
    refused acts.
    """
    mine = {each.migration_id: each for each in ports.migrations.load_migrations(list(versions)) if each.batch_id == batch_id}
    done: list[str] = []
    refused: list[views.RefusedAct] = []
    for migration_id, version in versions.items():
        try:
            carry_out_act(ports, _migration_in_batch(mine, migration_id, batch_id), RequestedAct(name, caller, version, decide))
            done.append(migration_id)
        except Refused as error:
            refused.append(views.RefusedAct(migration_id, error.code, error.message, error.remedy))
    return tuple(done), tuple(refused)


def _migration_in_batch(mine: dict[str, Migration], migration_id: str, batch_id: str) -> Migration:
    if migration_id not in mine:
        sentence = f"Batch {batch_id} has no migration {migration_id}."
        raise Refused("Migration.NotFound", sentence, f"List them: replank status {batch_id}", status=404)
    return mine[migration_id]
