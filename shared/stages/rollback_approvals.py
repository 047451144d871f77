"""Reads the approvals of a rollback. The approvals are in the batch's journal."""

from __future__ import annotations

from datetime import datetime

from shared.domain import approvals
from shared.domain.approvals import ApprovalStatus
from shared.domain.batch import Approval, Batch
from shared.domain.migration import Migration
from shared.ports.ports import Ports


def rollback_approval_status(batch: Batch, migration: Migration, now: datetime, ports: Ports) -> ApprovalStatus:
    """Return who has approved this migration's rollback, and how many approvals are missing."""
    about = approvals.rollback_subject(migration.migration_id, migration.entered_version)
    given: list[Approval] = []
    if batch.policy.rollback_approvals:
        given = [each.approval for each in ports.batches.journal(batch.batch_id) if each.approval is not None]
    return approvals.batch_approval_status(batch, about, now, given)
