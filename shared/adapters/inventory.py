"""Stores the last inventory as one row of the locks table."""

from __future__ import annotations

from shared.adapters import tables
from shared.adapters.store import Key, Store
from shared.domain.codec import encode
from shared.domain.inventory import Inventory

_COLUMN = "inventory"
_ROW: Key = (("lock_id", "inventory"),)


class TablestoreInventory:
    """Implements the port ``InventoryStore`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write_inventory(self, inventory: Inventory) -> None:
        self._store.put(tables.LOCKS, _ROW, {_COLUMN: tables.json_column_text(_COLUMN, encode(inventory))})

    def last_inventory(self) -> Inventory | None:
        row = self._store.get(tables.LOCKS, _ROW, (_COLUMN,)) or {}
        return tables.value_from_column(Inventory, row[_COLUMN], _COLUMN) if _COLUMN in row else None
