"""Lists the existing snapshots with their categories and costs, and adds up each category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.snapshot_groups import GROUPS, SnapshotCategory, category_of_snapshot, needs_migration
from shared.ports.ports import Ports
from shared.stages.api.snapshot_views import ListedSnapshot, SnapshotGroups, SnapshotGroupSum, SnapshotList, SnapshotView

MOST_PAGES = 20
"""Maximum pages of the ledger that one answer searches for existing snapshots. A page may contain no existing snapshot, because
the ledger also keeps the entries of deleted snapshots.
"""
SUMMED, LOADED = 1000, 100
"""Maximum ledger entries that one answer sums, and maximum migrations that one call loads."""
HELD = frozenset({SnapshotState.CREATING, SnapshotState.ACCOMPLISHED})


def snapshot_page(ports: Ports, *, price: float, currency: str, limit: int = 50, token: str = "", group: str = "") -> SnapshotList:
    """Return a page of existing snapshots, including snapshots that are kept because they may be somebody else's.

    If ``group`` is not empty, return only snapshots of that category. The page's sums do not include snapshots that may be somebody
    else's. A page may have fewer than ``limit`` snapshots although more pages follow.
    """
    held: list[tuple[LedgerEntry, SnapshotCategory]] = []
    for _ in range(MOST_PAGES):
        page = ports.ledger.ledger_entry_page(limit=limit - len(held), token=token)
        held += [each for each in _ledger_entries_with_groups(page.entries, ports) if group in ("", each[1].name)]
        token = page.next_token
        if not token or len(held) >= limit:
            break
    size_gib = sum(entry.size_gib for entry, _ in held if not entry.kept)
    shown = tuple(_listed_snapshot(entry, where, price, ports) for entry, where in held)
    return SnapshotList(shown, token, size_gib, round(size_gib * price, 4), price, currency)


def snapshot_group_sums(ports: Ports, *, price: float, currency: str, token: str = "") -> SnapshotGroups:
    """For each category, return the number, total size and total cost of the snapshots in one part of the ledger.

    The sums cover at most ``SUMMED`` entries of the ledger, beginning at ``token``.
    """
    page = ports.ledger.ledger_entry_page(limit=SUMMED, token=token)
    numbers, sizes = Counter[str](), Counter[str]()
    for entry, group in _ledger_entries_with_groups(page.entries, ports):
        numbers[group.name] += 1
        sizes[group.name] += entry.size_gib
    sums = tuple(SnapshotGroupSum(each, numbers[each], sizes[each], round(sizes[each] * price, 4)) for each in GROUPS)
    return SnapshotGroups(sums, page.next_token, price, currency)


def _ledger_entries_with_groups(entries: Sequence[LedgerEntry], ports: Ports) -> list[tuple[LedgerEntry, SnapshotCategory]]:
    """Return the ledger entries of existing snapshots, each with the snapshot's category."""
    there = [each for each in entries if each.state in HELD or each.kept]
    ids = sorted({each.migration_id for each in there if needs_migration(each)})
    parts = (ids[at : at + LOADED] for at in range(0, len(ids), LOADED))
    owners = {each.migration_id: each for part in parts for each in ports.migrations.load_migrations(part)}
    now = ports.clock.now()
    return [(each, category_of_snapshot(each, owners.get(each.migration_id), now)) for each in there]


def _listed_snapshot(entry: LedgerEntry, group: SnapshotCategory, price: float, ports: Ports) -> ListedSnapshot:
    view = snapshot_view(entry, price, own=ports.account_id)
    return ListedSnapshot(**vars(view), group=group.name, orphan=group.orphan)


def snapshot_view(entry: LedgerEntry, price: float, *, own: str) -> SnapshotView:
    """Return the API's view of one snapshot of the ledger.

    The argument ``price`` is the price per GiB and month. A snapshot that is gone costs nothing.
    """
    return SnapshotView(
        entry.snapshot_id,
        entry.migration_id,
        entry.instance_id,
        entry.disk_id,
        entry.account_id or own,
        entry.region_id,
        entry.owner,
        "kept" if entry.kept else entry.state.value,
        entry.size_gib,
        entry.created_at,
        entry.sweep_at,
        round(entry.size_gib * price, 4) if entry.state in HELD or entry.kept else 0.0,
        entry.kept,
    )
