"""Leases: rows of the table of locks that one migration holds since one of its attempts. An instance's lock, a group's place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.adapters import tables
from shared.adapters.store import Columns, Expected, InDoubt, Key, Store
from shared.domain.errors import Transient
from shared.domain.retry import LOCK_RACE
from shared.ports.admission import LeaseHolder

AT_ONCE = 100
"""Rows that one call reads at most."""


def take(store: Store, key: Key, migration_id: str, attempt: int, more: Columns | None = None) -> LeaseHolder:
    """Take what nobody holds; who holds it afterwards. A later attempt takes over what an earlier one of its migration holds."""
    columns: Columns = {"migration_id": migration_id, "lease": _lease(migration_id, attempt), **(more or {})}
    for _ in range(LOCK_RACE.calls):
        if _put(store, key, columns):
            return LeaseHolder(migration_id, attempt)
        row = store.get(tables.LOCKS, key) or {}
        holder, since = str(row.get("migration_id", "")), _attempt_of(row)
        if holder and (holder != migration_id or since >= attempt):
            return LeaseHolder(holder, since)
        if holder and _renew(store, key, row, columns):
            return LeaseHolder(holder, attempt)
    raise Transient("Lock.Contended", f"The lock {key[0][1]} changes hands too fast.")


def _put(store: Store, key: Key, columns: Columns) -> bool:
    try:
        return store.put_new(tables.LOCKS, key, columns)
    except InDoubt:
        return False  # the look at the holder tells


def _renew(store: Store, key: Key, row: Columns, columns: Columns) -> bool:
    """Take over an earlier attempt's lease, so that a late act of that attempt cannot release it."""
    try:
        return store.update(tables.LOCKS, key, columns, expect=_unchanged(row))
    except InDoubt:
        return False  # the same


def give_back(store: Store, key: Key, migration_id: str, attempt: int) -> None:
    """Give it back if this migration holds it since that attempt or an earlier one."""
    try:
        if store.delete(tables.LOCKS, key, expect={"lease": _lease(migration_id, attempt)}):
            return
    except InDoubt:
        pass  # it was sent again, and failed its condition: the lock may as well be an earlier attempt's
    row = store.get(tables.LOCKS, key) or {}
    if row.get("migration_id") != migration_id or _attempt_of(row) > attempt:
        return
    try:
        store.delete(tables.LOCKS, key, expect=_unchanged(row))
    except InDoubt:
        return  # that one named the lock as it was read: it is not ours any more, one way or the other


def places(store: Store, groups: Sequence[str]) -> dict[str, LeaseHolder]:
    """Who holds the places of these groups."""
    by_id = {str(key_of_group(each)[0][1]): each for each in dict.fromkeys(groups)}
    ids, rows = list(by_id), list[Columns]()
    for start in range(0, len(ids), AT_ONCE):
        keys: list[Key] = [(("lock_id", each),) for each in ids[start : start + AT_ONCE]]
        rows += store.get_few(tables.LOCKS, keys, ("lock_id", "migration_id", "lease"))
    return {by_id[row["lock_id"]]: LeaseHolder(str(row["migration_id"]), _attempt_of(row)) for row in rows if "migration_id" in row}


def key_of_group(group: str) -> Key:
    """The row of a group's place. Tags are anybody's choice, and longer than a key may be: a digest stands for them."""
    return (("lock_id", tables.GROUP_PLACE + hashlib.sha256(group.encode()).hexdigest()[:32]),)


def _lease(migration_id: str, attempt: int) -> str:
    return f"{migration_id}/{attempt}"


def _attempt_of(row: Columns) -> int:
    """The attempt that took it (a row of an earlier version does not say)."""
    return int(str(row.get("lease", "/0")).rpartition("/")[2])


def _unchanged(row: Columns) -> Expected:
    """The condition that the lease is still the one that was read."""
    name = "lease" if "lease" in row else "migration_id"
    return {name: row[name]}
