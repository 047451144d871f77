"""Stores the audit as rows of one Tablestore table, grouped by day. No method overwrites or deletes an audit line."""

from __future__ import annotations

from datetime import date
from typing import Any

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import AbsentColumn, HighestKey, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.audit import AuditEntry, AuditOutcome, AuditRequest
from shared.domain.codec import encode
from shared.domain.errors import Transient
from shared.domain.retry import AUDIT_RACE
from shared.ports.audit import AuditPage

ASKED, ANSWERED, ANSWERED_AT = "asked", "answered", "answered_at"


class TablestoreAudit:
    """Implements the port ``Audit``.

    A row is written only if it does not exist yet. The outcome of a request is added only if the row has no outcome yet.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin_audit_entry(self, asked: AuditRequest) -> str:
        columns = {ASKED: tables.json_column_text(ASKED, encode(asked))}
        for number in range(AUDIT_RACE.calls):  # the platform may deliver one request twice, with the same id
            entry = f"{epoch_milliseconds(asked.at):015d}-{asked.request_id or 'none'}-{number}"
            try:
                if self._store.put_new(tables.AUDIT, _audit_row_key(asked.at.date(), entry), columns):
                    return f"{asked.at.date().isoformat()}/{entry}"
            except WriteInDoubt:
                return f"{asked.at.date().isoformat()}/{entry}"  # the first of two sendings wrote this row
        raise Transient("Audit.Contended", "The audit has this request already, again and again.")

    def complete_audit_entry(self, entry: str, answered: AuditOutcome) -> None:
        day, _, rest = entry.partition("/")
        columns = {ANSWERED: tables.json_column_text(ANSWERED, encode(answered)), ANSWERED_AT: epoch_milliseconds(answered.at)}
        try:
            self._store.update(tables.AUDIT, (("day", day), ("entry", rest)), columns, expect={ANSWERED_AT: AbsentColumn})
        except WriteInDoubt:
            return

    def audit_line_page(self, first: date, last: date, *, limit: int, token: str) -> AuditPage:
        start = first_key_of_page(token, (("day", HighestKey), ("entry", HighestKey)))
        if not token or start[0][1] > last.isoformat():
            start = _audit_row_key(last, HighestKey)
        rows, following = self._store.read_range(
            RowRange(tables.AUDIT, start, _audit_row_key(first, LowestKey), backward=True), limit=limit
        )
        return AuditPage(tuple(map(_audit_line_from_row, rows)), page_token(following))


def _audit_line_from_row(row: dict[str, Any]) -> AuditEntry:
    entry = f"{row['day']}/{row['entry']}"
    answered = tables.value_from_column(AuditOutcome, row[ANSWERED], f"audit {entry}") if ANSWERED in row else None
    return AuditEntry(entry, tables.value_from_column(AuditRequest, row[ASKED], f"audit {entry}"), answered)


def _audit_row_key(day: date, entry: Any) -> Key:
    return (("day", day.isoformat()), ("entry", entry))
