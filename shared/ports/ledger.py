"""The port for the snapshot ledger, which has an entry for every snapshot made or adopted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ledger import LedgerEntry
from shared.domain.record import dataclass


@dataclass(frozen=True)
class LedgerPage:
    """One page of ledger entries. On the last page, ``next_token`` is empty."""

    entries: tuple[LedgerEntry, ...]
    next_token: str = ""


class Ledger(Protocol):
    """The table of the snapshot ledger. Every method raises Transient (Store.Unavailable) if Tablestore does not answer."""

    def write_entry(self, entry: LedgerEntry) -> None:
        """Write a ledger entry. Replaces an entry with the same migration and key.

        Raises Stale (Ledger.Scheduled) if the stored entry has a sweep time but the new entry does not. Without this check, a slow
        call could erase the sweep time of a released snapshot, which would then never be swept.
        """

    def write_entries(self, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        """Write many ledger entries in few calls, as ``write_entry`` would. Returns the entries that were not written.

        The caller writes those alone with ``write_entry``, which tells why an entry cannot be written.
        """

    def write_new_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """Write a ledger entry unless an entry with the same migration and key exists. Returns the stored entry."""

    def entries_of_migration(self, migration_id: str) -> list[LedgerEntry]:
        """All ledger entries of a migration, sorted by key."""

    def entries_of_migrations(self, migration_ids: Sequence[str]) -> dict[str, list[LedgerEntry]]:
        """All ledger entries of many migrations, sorted by key, by migration id.

        A migration with an entry that this version cannot read is left out. Then ``entries_of_migration`` tells the reason.
        """

    def entries_due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        """A page of the ledger entries whose snapshots are due to be swept but are not swept yet, longest overdue first."""

    def ledger_entry_page(self, *, limit: int, token: str) -> LedgerPage:
        """A page of all entries of the ledger, swept entries included."""
