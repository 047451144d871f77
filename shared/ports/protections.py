"""The port of the rows that say whose deletion protection Replank switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.protection import ProtectedInstance


@dataclass(frozen=True)
class ProtectionPage:
    """One page of rows; ``next_token`` is empty on the last page."""

    rows: tuple[ProtectedInstance, ...]
    next_token: str = ""


class Protections(Protocol):
    """One row for each instance whose deletion protection Replank switched on.

    Every method raises Transient (Store.Unavailable) if Tablestore does not answer.
    """

    def put_new(self, row: ProtectedInstance) -> bool:
        """Write the row if the instance has none. Returns False if the instance has one."""

    def put(self, row: ProtectedInstance) -> None:
        """Write the row. Replaces the instance's row."""

    def find(self, region_id: str, instance_id: str, *, account: str = "") -> ProtectedInstance | None:
        """The row of an instance; None if the instance has none."""

    def delete(self, row: ProtectedInstance) -> bool:
        """Delete the row. Returns False, without a change, if the row was written again since."""

    def page(self, *, limit: int, token: str) -> ProtectionPage:
        """A page of all rows."""
