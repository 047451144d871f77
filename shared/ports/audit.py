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

    def ask(self, asked: Asked) -> str:
        """Write a line before its act; its entry. Raises Transient if it cannot be written: then nothing is done either."""

    def answer(self, entry: str, answered: Answered) -> None:
        """Add to a line what came of it, once: a second time changes nothing."""

    def listed(self, first: date, last: date, *, limit: int, token: str) -> AuditPage:
        """Lines of some days (both in), newest first; raises Refused (Token.Invalid)."""
