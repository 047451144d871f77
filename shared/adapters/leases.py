"""Takes and releases leases, which are rows of the locks table. A lease is the lock of an instance or of a group.

The holder of a lease is one attempt of one migration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.adapters import tables
from shared.adapters.store import Columns, Expected, Key, Store, WriteInDoubt
from shared.domain.errors import Transient
from shared.domain.retry import LOCK_RACE
from shared.ports.admission import LockHolder

AT_ONCE = 100
"""Maximum number of rows that one call reads."""


def take_lease(store: Store, key: Key, migration_id: str, attempt: int, more: Columns | None = None) -> LockHolder:
    """Take the lease if it is free or if an earlier attempt of the migration holds it. Returns the holder after the call."""
    columns: Columns = {"migration_id": migration_id, "lease": _lease_value(migration_id, attempt), **(more or {})}
    for _ in range(LOCK_RACE.calls):
        if _write_new_lease(store, key, columns):
            return LockHolder(migration_id, attempt)
        row = store.get(tables.LOCKS, key) or {}
        holder, since = str(row.get("migration_id", "")), _attempt_of_lease_holder(row)
        if holder and (holder != migration_id or since >= attempt):
            return LockHolder(holder, since)
        if holder and _take_over_lease(store, key, row, columns):
            return LockHolder(holder, attempt)
    raise Transient("Lock.Contended", f"The lock {key[0][1]} changes hands too fast.")


def _write_new_lease(store: Store, key: Key, columns: Columns) -> bool:
    try:
        return store.put_new(tables.LOCKS, key, columns)
    except WriteInDoubt:
        return False  # the next read of the row shows who holds the lease


def _take_over_lease(store: Store, key: Key, row: Columns, columns: Columns) -> bool:
    """Take over the lease of an earlier attempt, so that a late call of the earlier attempt cannot release the lease."""
    try:
        return store.update(tables.LOCKS, key, columns, expect=_unchanged_lease_condition(row))
    except WriteInDoubt:
        return False  # the next read of the row shows who holds the lease


def release_lease(store: Store, key: Key, migration_id: str, attempt: int) -> None:
    """Release the lease if this attempt of the migration, or an earlier attempt, holds it."""
    try:
        if store.delete(tables.LOCKS, key, expect={"lease": _lease_value(migration_id, attempt)}):
            return
    except WriteInDoubt:
        # the request was repeated and failed: the first request may have deleted the row, or an earlier attempt may hold the lease
        pass
    row = store.get(tables.LOCKS, key) or {}
    if row.get("migration_id") != migration_id or _attempt_of_lease_holder(row) > attempt:
        return
    try:
        store.delete(tables.LOCKS, key, expect=_unchanged_lease_condition(row))
    except WriteInDoubt:
        return  # either way this migration no longer holds the lease, because the condition named the row as it was read


def group_lock_holders(store: Store, groups: Sequence[str]) -> dict[str, LockHolder]:
    """Maps each group to the attempt that holds the group's lock. Groups without a holder are left out."""
    by_id = {str(group_lock_key(each)[0][1]): each for each in dict.fromkeys(groups)}
    ids, rows = list(by_id), list[Columns]()
    for start in range(0, len(ids), AT_ONCE):
        keys: list[Key] = [(("lock_id", each),) for each in ids[start : start + AT_ONCE]]
        rows += store.get_named_columns(tables.LOCKS, keys, ("lock_id", "migration_id", "lease"))
    return {
        by_id[row["lock_id"]]: LockHolder(str(row["migration_id"]), _attempt_of_lease_holder(row))
        for row in rows
        if "migration_id" in row
    }


def group_lock_key(group: str) -> Key:
    """The key of the row that locks a redundancy group.

    The key contains a digest of the group's name, because the name may be too long for a key.
    """
    return (("lock_id", tables.GROUP_PLACE + hashlib.sha256(group.encode()).hexdigest()[:32]),)


def _lease_value(migration_id: str, attempt: int) -> str:
    return f"{migration_id}/{attempt}"


def _attempt_of_lease_holder(row: Columns) -> int:
    """The number of the attempt that holds the lease; 0 if an older version wrote the row."""
    return int(str(row.get("lease", "/0")).rpartition("/")[2])


def _unchanged_lease_condition(row: Columns) -> Expected:
    """The condition that the lease's row has not changed since it was read."""
    name = "lease" if "lease" in row else "migration_id"
    return {name: row[name]}
