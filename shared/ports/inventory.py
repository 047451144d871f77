"""The port for the stored inventory."""

from __future__ import annotations

from typing import Protocol

from shared.domain.inventory import Inventory


class InventoryStore(Protocol):
    """The store of the last inventory. Every method raises Transient (Store.Unavailable) if Tablestore does not answer."""

    def write_inventory(self, inventory: Inventory) -> None:
        """Store the inventory. Replaces the inventory that was stored before."""

    def last_inventory(self) -> Inventory | None:
        """The inventory that was stored last, read in one call; None if no inventory was ever stored."""
