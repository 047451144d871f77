"""The audit's table, as the API needs it: lines are added and read, never changed or deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from shared.domain.audit import Answered, Asked, AuditLine


@dataclass(frozen=True)
class AuditPage:
    """Lines, newest first."""

    lines: tuple[AuditLine, ...]
    next_token: str = ""


class Audit(Protocol):
    """One line per act or refusal, by day."""

    def record_request(self, asked: Asked) -> str:
        """Write a line before its act; returns its entry.

        Raises Transient if it cannot be written; then the act must not happen.
        """

    def record_outcome(self, entry: str, answered: Answered) -> None:
        """Add the outcome to a line, once; a second call changes nothing."""

    def page(self, first: date, last: date, *, limit: int, token: str) -> AuditPage:
        """Lines of the days from first to last, newest first; raises Refused (Token.Invalid)."""
