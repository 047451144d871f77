"""Locks and slots: at most one active migration per instance, and never more moving than the limits say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Slots:
    """Who holds a slot now (migration id -> batch id), as of ``version`` of the account's one slots row."""

    version: int
    held: dict[str, str]
    since: dict[str, int] = field(default_factory=dict)
    """The attempt that took each; a slot taken by an earlier version of the pipeline does not say."""

    def has(self, migration_id: str, attempt: int) -> bool:
        """Whether the slot is this attempt's or a later one's, so that no earlier attempt can give it back."""
        return migration_id in self.held and self.since.get(migration_id, 0) >= attempt


class Admission(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer."""

    def lock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1) -> str:
        """Lock the instance for a migration; returns the migration that holds the lock afterwards (another one: refused)."""

    def unlock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1) -> None:
        """Give the lock back if this migration holds it since that attempt or an earlier one: a retry keeps what it has taken."""

    def holder(self, region_id: str, instance_id: str) -> str:
        """The migration that holds the instance's lock, empty if none does."""

    def slots(self) -> Slots:
        """The slots held now."""

    def take_slot(self, seen: Slots, migration_id: str, batch_id: str, attempt: int = 1) -> bool:
        """Take a slot if nobody changed the row since ``seen``; False if somebody did (look again).

        One that an earlier attempt still holds becomes this attempt's.
        """

    def give_slot(self, migration_id: str, attempt: int = 1) -> None:
        """Give the slot back if that attempt or an earlier one took it: a retry keeps its own. Nothing if there is none."""
