"""The API's views of approvals."""

from __future__ import annotations

from datetime import datetime

from shared.domain.record import dataclass


@dataclass(frozen=True)
class ApprovalView:
    """One person's approval. The field ``standing`` is ``counts``, ``expired``, or ``overtaken`` if the policy or the selection has
    changed since the approval.
    """

    by: str
    at: datetime
    trust: str
    standing: str


@dataclass(frozen=True)
class ApprovalStatusView:
    """The approvals that a batch, a wave or a rollback needs, and the approvals given so far."""

    about: str
    """What is approved: for example ``batch``, ``wave 2``, or ``rollback`` and the migration's id."""
    needed: int
    missing: int
    role: str
    trust: str
    seen: str
    """Digest of the present policy and selection. An approval must name this digest."""
    given: tuple[ApprovalView, ...]
    expires_at: datetime | None
    """The time from which too few approvals remain, because one of them expires; null while approvals are missing."""
    waits_for: str
