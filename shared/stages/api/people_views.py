"""The API's views of people: the caller, and the lines of the audit. See views.py for how they become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AuditLineView:
    """One act or refusal: who, how their name is known, how the request came in, when, what, and the target before and after."""

    entry: str
    at: datetime
    who: str
    trust: str
    issuer: str
    subject: str
    door: str
    act: str
    target: str
    request: str
    before: str
    after: str
    status: int
    code: str
    message: str
    request_id: str
    accounts: str


@dataclass(frozen=True)
class AuditList:
    """Lines of the audit, newest first."""

    lines: tuple[AuditLineView, ...]
    next_token: str


@dataclass(frozen=True)
class Me:
    """Who the caller is to the API, and what they may do."""

    name: str
    trust: str
    issuer: str
    subject: str
    roles: tuple[str, ...]
    may: tuple[str, ...]
    """Names of the acts that the caller may carry out."""


@dataclass(frozen=True)
class SignInAt:
    """The provider that verifies names; both empty without a provider."""

    issuer: str
    client_id: str


@dataclass(frozen=True)
class ApprovalView:
    """One person's approval; ``standing`` is ``counts``, ``expired``, or ``overtaken`` (policy or selection changed)."""

    by: str
    at: datetime
    trust: str
    standing: str


@dataclass(frozen=True)
class ApprovalsView:
    """What has to be approved, who has approved it, and how many persons are missing."""

    about: str
    """``batch``, ``wave 2``, or ``rollback`` with the migration."""
    needed: int
    missing: int
    role: str
    trust: str
    seen: str
    """Digest of policy and selection as they are now: an approval names it."""
    given: tuple[ApprovalView, ...]
    expires_at: datetime | None
    """When too few will count; null while too few do."""
    waits_for: str
