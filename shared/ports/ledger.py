"""The snapshot ledger's rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.ledger import LedgerEntry


@dataclass(frozen=True)
class LedgerPage:
    """One page of the ledger; ``next_token`` is empty on the last."""

    entries: tuple[LedgerEntry, ...]
    next_token: str = ""


class Ledger(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer."""

    def put(self, entry: LedgerEntry) -> None:
        """Write an entry, replacing the one with the same migration and key.

        An entry without ``sweep_at`` never replaces one that has it: raises Stale (Ledger.Scheduled). A call that was slow
        while a person released the migration would leave a snapshot that nobody ever sweeps.
        """

    def put_new(self, entry: LedgerEntry) -> LedgerEntry:
        """Write an entry unless there is one with its migration and key; returns the one that then stands there."""

    def of_migration(self, migration_id: str) -> list[LedgerEntry]:
        """All entries of a migration, by key."""

    def due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        """Entries whose ``sweep_at`` has passed and that are not swept, longest overdue first."""

    def page(self, *, limit: int, token: str) -> LedgerPage:
        """The whole ledger, swept entries included."""
