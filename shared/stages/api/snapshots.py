"""Lists the snapshots held, with their cost."""

from __future__ import annotations

from shared.domain.ledger import LedgerEntry
from shared.ports.ports import Ports
from shared.stages.api import show, views

MOST_PAGES = 20
"""Maximum pages that one answer searches for held snapshots. The ledger also keeps the entries of deleted snapshots."""


def snapshot_page(ports: Ports, *, price: float, currency: str, limit: int = 50, token: str = "") -> views.SnapshotList:
    """Return a page of the snapshots held now, including snapshots that are kept because they may be somebody else's.

    The sums cover only our own snapshots. A page may have fewer than ``limit`` snapshots and still have a next page.
    """
    held: list[LedgerEntry] = []
    for _ in range(MOST_PAGES):
        page = ports.ledger.ledger_entry_page(limit=limit - len(held), token=token)
        held += [entry for entry in page.entries if entry.state in show.HELD or entry.kept]
        token = page.next_token
        if not token or len(held) >= limit:
            break
    size_gib = sum(entry.size_gib for entry in held if not entry.kept)
    shown = tuple(show.snapshot_view(entry, price, own=ports.account_id) for entry in held)
    return views.SnapshotList(shown, token, size_gib, round(size_gib * price, 4), price, currency)
