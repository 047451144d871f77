"""The port for the table of instances whose deletion protection Replank switched on."""

from __future__ import annotations

from typing import Protocol

from shared.domain.protection import ProtectedInstance
from shared.domain.record import dataclass


@dataclass(frozen=True)
class ProtectionPage:
    """One page of the table's rows. On the last page, ``next_token`` is empty."""

    rows: tuple[ProtectedInstance, ...]
    next_token: str = ""


class Protections(Protocol):
    """The table with one row for each instance whose deletion protection Replank switched on.

    Every method raises Transient (Store.Unavailable) if Tablestore does not answer.
    """

    def put_new_protection_record(self, row: ProtectedInstance) -> bool:
        """Write the row of an instance that has no row yet.

        Returns False, and writes nothing, if the instance already has a row.
        """

    def put_protection_record(self, row: ProtectedInstance) -> None:
        """Write the row of an instance. Replaces the row that the instance already has."""

    def protection_record(self, region_id: str, instance_id: str, *, account: str = "") -> ProtectedInstance | None:
        """The row of an instance; None if the instance has no row."""

    def delete_protection_record(self, row: ProtectedInstance) -> bool:
        """Delete the row. Returns False, and deletes nothing, if the stored row differs from the given row."""

    def protection_record_page(self, *, limit: int, token: str) -> ProtectionPage:
        """A page of the rows of all instances."""
