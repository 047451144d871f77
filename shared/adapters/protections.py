"""Records the instances whose deletion protection Replank switched on. Each of these instances has a row in the locks table."""

from __future__ import annotations

from datetime import datetime, timezone

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import Columns, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.protection import ProtectedInstance
from shared.ports.protections import ProtectionPage

_MIGRATION, _TURN, _SINCE = "protected_for", "turn", "since"
_FIRST: Key = (("lock_id", tables.PROTECTION),)
_END: Key = (("lock_id", tables.column_range_of_prefix(tables.PROTECTION)[1]),)


class TablestoreProtections:
    """Implements the port ``Protections`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put_new_protection_record(self, row: ProtectedInstance) -> bool:
        try:
            return self._store.put_new(
                tables.LOCKS,
                _protection_record_key(row.region_id, row.instance_id, row.account_id),
                _protection_record_columns(row),
            )
        except WriteInDoubt:
            return False  # the caller reads the row

    def put_protection_record(self, row: ProtectedInstance) -> None:
        self._store.put(
            tables.LOCKS, _protection_record_key(row.region_id, row.instance_id, row.account_id), _protection_record_columns(row)
        )

    def protection_record(self, region_id: str, instance_id: str, *, account: str = "") -> ProtectedInstance | None:
        row = self._store.get(tables.LOCKS, _protection_record_key(region_id, instance_id, account))
        return _protection_record_from_row(row) if row else None

    def delete_protection_record(self, row: ProtectedInstance) -> bool:
        key = _protection_record_key(row.region_id, row.instance_id, row.account_id)
        try:
            return self._store.delete(tables.LOCKS, key, expect=_protection_record_columns(row))
        except WriteInDoubt:
            return self.protection_record(row.region_id, row.instance_id, account=row.account_id) is None

    def protection_record_page(self, *, limit: int, token: str) -> ProtectionPage:
        start = first_key_of_page(token, (("lock_id", LowestKey),)) if token else _FIRST
        rows, following = self._store.read_range(RowRange(tables.LOCKS, start, _END), limit=limit)
        return ProtectionPage(tuple(map(_protection_record_from_row, rows)), page_token(following))


def _protection_record_key(region_id: str, instance_id: str, account: str) -> Key:
    return (("lock_id", f"{tables.PROTECTION}{account}:{region_id}:{instance_id}"),)


def _protection_record_columns(row: ProtectedInstance) -> Columns:
    return {_MIGRATION: row.migration_id, _TURN: row.turn, _SINCE: epoch_milliseconds(row.since)}


def _protection_record_from_row(row: Columns) -> ProtectedInstance:
    account, region_id, instance_id = str(row["lock_id"])[len(tables.PROTECTION) :].split(":")
    since = datetime.fromtimestamp(row[_SINCE] / 1000, timezone.utc)
    return ProtectedInstance(region_id, instance_id, account, str(row[_MIGRATION]), str(row[_TURN]), since)
