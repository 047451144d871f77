"""The API's views of the caller, the audit log, the settings in force, the health, and the stuck rows.

The module ``views.py`` says how a view becomes JSON.
"""

from __future__ import annotations

from datetime import datetime

from shared.domain.record import dataclass


@dataclass(frozen=True)
class AuditLineView:
    """One act or refusal in the audit log: the person, the time, the request, the outcome, and the target before and after."""

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
class AuditLineList:
    """A page of the audit log, newest line first."""

    lines: tuple[AuditLineView, ...]
    next_token: str


@dataclass(frozen=True)
class CallerView:
    """The caller's name, how the name is known, the caller's roles, and the acts that the caller may carry out."""

    name: str
    trust: str
    issuer: str
    subject: str
    roles: tuple[str, ...]
    may: tuple[str, ...]
    """The names of the acts that the caller may carry out."""


@dataclass(frozen=True)
class SignInProvider:
    """The OpenID provider that verifies names, and the client id for signing in; empty without a provider."""

    issuer: str
    client_id: str


@dataclass(frozen=True)
class SettingView:
    """One setting of the deployment. The name of a setting is the name of its environment variable."""

    name: str
    value: str
    """The value that the running function uses. Lists are shown as comma-separated items, and objects as JSON text.

    A secret is shown as ``***``. The value of an unset setting is an empty text.
    """
    is_default: bool


@dataclass(frozen=True)
class SettingList:
    """The settings with which the function ``api`` runs.

    The other functions have the same settings if all functions were deployed together.
    """

    settings: tuple[SettingView, ...]


@dataclass(frozen=True)
class HealthFigure:
    """One figure of the deployment's health."""

    name: str
    """The figure's name: ``tick``, ``deadLetters`` or ``functionErrors``."""
    standing: str
    """The value of the figure: ``fine``, ``late``, ``never`` if no tick was ever recorded, or ``unknown`` if no row shows it."""
    since: datetime | None
    """Since when the tick is late; null if it is not late. It is the time at which the first overdue migration was due. If no
    migration is overdue, it is the time of the last tick on record.
    """
    detail: str
    where: str
    """Where a person can find the figure, and what to do."""
    last_at: datetime | None = None
    """The time of the last tick on record; null if no record exists or can be read. Figures other than the tick have null."""


@dataclass(frozen=True)
class HealthView:
    """The health of the deployment, as far as stored rows show it."""

    at: datetime
    figures: tuple[HealthFigure, ...]


@dataclass(frozen=True)
class StuckRow:
    """One stuck row. The field ``kind`` is ``unreadable migration``, ``unreadable batch``, ``owed`` for a stuck outbox, or
    ``planning``.
    """

    kind: str
    id: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class StuckRowList:
    """The stuck rows with their causes. The field ``more`` is true if this answer left some rows unchecked, because one answer
    checks only a limited number of rows.
    """

    stuck: tuple[StuckRow, ...]
    more: bool
