"""Records and shows approvals of a batch, of its next wave, or of a rollback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from shared.domain import acts, approvals, seen
from shared.domain.approvals import ApprovalStatus
from shared.domain.batch import Batch
from shared.domain.caller import Caller
from shared.domain.errors import Refused, Stale
from shared.domain.migration import Migration
from shared.domain.record import dataclass
from shared.domain.retry import LOST_RACE
from shared.domain.roles import AccessRules, Role, caller_roles
from shared.ports.ports import Ports
from shared.stages.api import migrations, show, views
from shared.stages.api.act import contention_error
from shared.stages.api.approval_views import ApprovalStatusView, ApprovalView
from shared.stages.rollback_approvals import rollback_approval_status


@dataclass(frozen=True)
class Approver:
    """The person who approves, and the settings that give this person roles."""

    caller: Caller
    access: AccessRules
    own: str
    """The id of the deployment's own account."""

    def roles_in_all_accounts(self, accounts: tuple[str, ...], owner: str) -> frozenset[Role]:
        """Return the roles that the person has in every one of the accounts."""
        held = [caller_roles(self.caller, self.access, account=each or self.own, owner=owner) for each in accounts]
        return frozenset.intersection(*held)


def approve_batch(ports: Ports, batch_id: str, who: Approver, digest: str, wave: int, why: str) -> views.BatchView:
    """Approve the batch or one of its waves. The digest proves which policy and selection the person saw."""

    def approval_status(batch: Batch, now: datetime) -> ApprovalStatus:
        if wave:
            if batch.policy.wave_approvals:
                approvals.check_wave_is_next(batch, wave, len(ports.batches.waves(batch_id)))
            return approvals.batch_approval_status(batch, approvals.wave_subject(wave), now)
        return approvals.batch_approval_status(batch, approvals.BATCH, now)

    after = _write_approval(ports, batch_id, who, (digest, why), approval_status)
    return show.batch_view(after, own=ports.account_id, now=ports.clock.now())


def approve_rollback(ports: Ports, migration_id: str, who: Approver, version: int, digest: str, why: str) -> views.MigrationDetail:
    """Approve the rollback of a migration, if the migration has not changed since the person saw it."""
    found = ports.migrations.load(migration_id)
    if not seen.is_state_unchanged_since(found, version):
        raise seen.migration_changed_refusal(found, version, ports.migrations.journal(migration_id))
    acts.roll_back_migration(found, who.caller.name, ports.clock.now())  # it could be: nobody approves what cannot be done
    _write_approval(
        ports, found.batch_id, who, (digest, why), lambda batch, now: rollback_approval_status(batch, found, now, ports)
    )
    return migrations.get_migration(ports, migration_id)


def _write_approval(
    ports: Ports, batch_id: str, who: Approver, said: tuple[str, str], find: Callable[[Batch, datetime], ApprovalStatus]
) -> Batch:
    digest, why = said
    for _ in range(LOST_RACE.calls):
        before, now = ports.batches.load(batch_id), ports.clock.now()
        roles = who.roles_in_all_accounts(before.selection.account_ids, before.created_by)
        asked = find(before, now)
        approvals.check_approver(before, asked, who.caller, roles)
        change = approvals.add_approval(before, asked, who.caller, digest, why, now)
        if change is None:
            return before
        with suppress(Stale):
            ports.batches.commit(before, change.after, line=change.line)
            return change.after
    raise contention_error("Batch.Moved", f"Batch {batch_id}")


def require_rollback_approvals(migration: Migration, now: datetime, ports: Ports) -> None:
    """Raise Refused (Approval.Missing) unless enough people have approved the migration's rollback."""
    batch = ports.batches.load(migration.batch_id)
    approvals.check_enough_approvals(rollback_approval_status(batch, migration, now, ports), batch.batch_id)


def batch_approval_status_views(batch: Batch, now: datetime) -> tuple[ApprovalStatusView, ...]:
    """Return the approvals of the batch and, once the open wave has ended, of the next wave."""
    asked = [approvals.BATCH] if batch.policy.approvals else []
    if batch.policy.wave_approvals and batch.policy.waves and batch.control.wave_ended_at is not None:
        asked.append(approvals.next_wave_subject(batch))
    return tuple(_approval_status_view(batch, approvals.batch_approval_status(batch, about, now)) for about in asked)


def rollback_approval_status_view(migration: Migration, ports: Ports) -> ApprovalStatusView | None:
    """Return the approvals of a rollback; None if the migration cannot be rolled back now."""
    with suppress(Refused):
        now = ports.clock.now()
        acts.roll_back_migration(migration, "", now)
        batch = ports.batches.load(migration.batch_id)
        return _approval_status_view(batch, rollback_approval_status(batch, migration, now, ports))
    return None


def _approval_status_view(batch: Batch, found: ApprovalStatus) -> ApprovalStatusView:
    standings = (("counts", found.counted), ("expired", found.expired), ("overtaken", found.overtaken))
    return ApprovalStatusView(
        about=" ".join(found.about.split()[:2]),
        needed=found.needed,
        missing=found.missing_approval_count,
        role=batch.policy.approver_role,
        trust=batch.policy.approver_trust,
        seen=found.seen,
        given=tuple(ApprovalView(each.by, each.at, each.trust, word) for word, given in standings for each in given),
        expires_at=found.until,
        waits_for=approvals.missing_approvals_in_words(found, batch.batch_id),
    )
