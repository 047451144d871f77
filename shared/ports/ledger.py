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
        """Write an entry; it replaces one with the same migration and key.

        An entry without ``sweep_at`` never replaces one with it; raises Stale (Ledger.Scheduled). Otherwise a slow call during a
        release could leave a snapshot that is never swept.
        """

    def put_new(self, entry: LedgerEntry) -> LedgerEntry:
        """Write an entry unless one exists with its migration and key; returns the stored one."""

    def of_migration(self, migration_id: str) -> list[LedgerEntry]:
        """All entries of a migration, by key."""

    def due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        """Entries whose ``sweep_at`` has passed and that are not swept, longest overdue first."""

    def page(self, *, limit: int, token: str) -> LedgerPage:
        """The whole ledger, swept entries included."""
