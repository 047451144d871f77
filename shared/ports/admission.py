"""Locks and slots: at most one active migration per instance, and never more moving than the limits say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.hold import Hold, HoldLine


@dataclass(frozen=True)
class Room:
    """How many slots are held, as of ``version`` of the account's one slots row, and what one migration has of them."""

    version: int
    of_account: int
    of_batch: int
    since: int = 0
    """The attempt that took the migration's slot; 0 if it holds none."""

    def has(self, attempt: int) -> bool:
        """Whether the slot is this attempt's or a later one's, so that no earlier attempt can give it back."""
        return self.since >= attempt


class Admission(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer."""

    def lock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1) -> str:
        """Lock the instance for a migration; returns the migration that holds the lock afterwards (another one: refused)."""

    def unlock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1) -> None:
        """Release the lock if this migration holds it since that attempt or an earlier one: a retry keeps what it has taken."""

    def holder(self, region_id: str, instance_id: str) -> str:
        """The migration that holds the instance's lock, empty if none does."""

    def room(self, batch_id: str, migration_id: str = "") -> Room:
        """The slots held now by the account, by a batch, and by one of its migrations; as cheap with a thousand as with one."""

    def look(self, batch_id: str, migration_id: str = "") -> tuple[Room, Hold]:
        """The room and the hold, by one call. A released hold comes without its acts."""

    def holders(self) -> dict[str, str]:
        """Who holds a slot now: migration id -> batch id. Counts that another version has left wrong are set right."""

    def take_slot(self, seen: Room, migration_id: str, batch_id: str, attempt: int = 1) -> bool:
        """Take a slot if nobody took one since ``seen``, the room of that migration; False if somebody did (look again).

        One that an earlier attempt still holds becomes this attempt's.
        """

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1) -> None:
        """Release the slot if that attempt or an earlier one took it. A retry keeps its own. No error without a slot."""

    def drop_count(self, batch_id: str) -> None:
        """Drop the count of a batch that holds no slot. If it takes one later, its count starts again."""

    def hold(self) -> Hold:
        """Whether everything is held. A row that cannot be understood holds; one that Tablestore refuses to show does too."""

    def write_hold(self, seen: Hold, line: HoldLine) -> bool:
        """Set or release the hold, with the act's line, if nobody has since ``seen``; False if somebody has (look again)."""
