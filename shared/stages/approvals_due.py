"""Reports each missing or expiring approval once, and stops batches whose approval has expired."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from shared.domain import approvals, events
from shared.domain.approvals import ApprovalStatus
from shared.domain.batch import Batch, BatchSummary, PauseState
from shared.domain.errors import Stale
from shared.ports.ports import Ports


def report_approval_or_stop_batch(summary: BatchSummary, ports: Ports) -> None:
    """Report one missing or expiring approval of the batch, or stop the batch if an approval has expired.

    One call reports at most one approval. The approval of the batch is reported before the approval of the next wave.
    """
    now = ports.clock.now()
    if summary.control.brake is not PauseState.OFF or summary.acknowledgement is None:
        return
    found = next(
        (
            each
            for each in _approval_statuses(summary, now)
            if _must_stop_batch(summary, each) or not _is_approval_reported(summary, each, now)
        ),
        None,
    )
    if found is None:
        return
    batch = ports.batches.load(summary.batch_id)
    if batch.version != summary.version:
        return  # the next tick reads the changed batch
    with suppress(Stale):
        if _must_stop_batch(summary, found):
            change = approvals.stop_batch_after_expiry(batch, found.about, now)
            ports.batches.commit(batch, change.after, line=change.line)
        else:
            _publish_approval_event(batch, found, ports)


def _approval_statuses(summary: BatchSummary, now: datetime) -> list[ApprovalStatus]:
    asked = [approvals.BATCH] if summary.policy.approvals else []
    if summary.policy.wave_approvals and summary.control.wave_ended_at is not None:
        asked.append(approvals.next_wave_subject(summary))
    return [approvals.approval_status(summary, about, now) for about in asked]


def _must_stop_batch(summary: BatchSummary, found: ApprovalStatus) -> bool:
    return found.have_approvals_expired and summary.policy.approval_expiry == approvals.CANCEL


def _is_approval_reported(summary: BatchSummary, found: ApprovalStatus, now: datetime) -> bool:
    """Whether the missing or expiring approval has already been reported."""
    if found.until is not None and not approvals.is_expiring_soon(summary.policy.approval_min, found.until, now):
        return True
    return approvals.is_event_published(summary, found.about, _approval_event_key(found))


def _approval_event_key(found: ApprovalStatus) -> str:
    """Return the key under which the publication of the event is recorded.

    The key changes once an approval has expired, so that the missing approval is reported again.
    """
    lapses = found.until or max((each.at for each in found.expired), default=None)
    type = events.APPROVAL_NEEDED if found.missing_approval_count else events.APPROVAL_EXPIRING
    return f"{type} {found.seen} {lapses.isoformat() if lapses else ''}"


def _publish_approval_event(batch: Batch, found: ApprovalStatus, ports: Ports) -> None:
    """Publish the event about the approval, and then record that the event is published.

    A second publication has the same event id, so receivers can drop the duplicate.
    """
    after = approvals.batch_with_published_event(batch, found.about, _approval_event_key(found))
    more: dict[str, object] = {"expiresAt": f"{found.until:%Y-%m-%dT%H:%M:%SZ}"} if found.until else {}
    told = {
        "about": found.about,
        "needed": found.needed,
        "missing": found.missing_approval_count,
        "role": batch.policy.approver_role,
        **more,
    }
    type = events.APPROVAL_NEEDED if found.missing_approval_count else events.APPROVAL_EXPIRING
    ports.bus.publish([events.batch_event(batch.batch_id, type, version=after.version, **told)])
    ports.batches.commit(batch, after)
