"""The port for the audit table. Audit lines are written and completed, but never overwritten or deleted."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from shared.domain.audit import AuditEntry, AuditOutcome, AuditRequest
from shared.domain.record import dataclass


@dataclass(frozen=True)
class AuditPage:
    """One page of audit lines, newest first. On the last page, ``next_token`` is empty."""

    lines: tuple[AuditEntry, ...]
    next_token: str = ""


class Audit(Protocol):
    """The audit table: one line per act or refusal, stored by day."""

    def begin_audit_entry(self, asked: AuditRequest) -> str:
        """Write an audit line about an act, before the act is carried out. Returns the key of the line.

        Raises Transient if the line cannot be written; the act must then not be carried out.
        """

    def complete_audit_entry(self, entry: str, answered: AuditOutcome) -> None:
        """Add the outcome of an act to the act's audit line. A second call changes nothing."""

    def audit_line_page(self, first: date, last: date, *, limit: int, token: str) -> AuditPage:
        """A page of the audit lines of the given days, newest first.

        Raises Refused (Token.Invalid) if the token is invalid.
        """
