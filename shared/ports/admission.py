"""Locks and slots: at most one active migration per instance, and never more moving than the limits say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.domain.hold import Hold, HoldLine

if TYPE_CHECKING:
    from shared.domain.accounts import Trouble


@dataclass(frozen=True)
class Room:
    """How many slots are held, as of ``version`` of the account's one slots row, and what one migration has of them."""

    version: int
    of_account: int
    of_batch: int
    since: int = 0
    """The attempt that took the migration's slot; 0 if it holds none."""
    trouble: Trouble | None = None
    """What is known against the account."""

    def has(self, attempt: int) -> bool:
        """Whether the slot is this attempt's or a later one's, so that no earlier attempt can give it back."""
        return self.since >= attempt


class Admission(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer.

    ``account`` is a member account; empty for the deployment's own.
    """

    def lock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> str:
        """Lock the instance for a migration; returns the migration that holds the lock afterwards (another one: refused)."""

    def unlock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the lock if this migration holds it since that attempt or an earlier one: a retry keeps what it has taken."""

    def holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        """The migration that holds the instance's lock, empty if none does."""

    def room(self, batch_id: str, migration_id: str = "", *, account: str = "") -> Room:
        """The slots held now by the account, by a batch, and by one of its migrations; as cheap with a thousand as with one."""

    def look(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[Room, Hold]:
        """The room, with the account's trouble, and the hold, by one call. A released hold comes without its acts."""

    def homes(self) -> dict[str, str]:
        """The account of each migration that holds a slot in a member account."""

    def holders(self) -> dict[str, str]:
        """Who holds a slot now: migration id -> batch id. Counts that another version has left wrong are set right."""

    def take_slot(self, seen: Room, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> bool:
        """Take a slot if nobody took one since ``seen``, the room of that migration; False if somebody did (look again).

        One that an earlier attempt still holds becomes this attempt's.
        """

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the slot if that attempt or an earlier one took it. A retry keeps its own. No error without a slot."""

    def drop_count(self, batch_id: str) -> None:
        """Drop the count of a batch that holds no slot. If it takes one later, its count starts again."""

    def hold(self) -> Hold:
        """Whether everything is held. A row that cannot be understood holds; one that Tablestore refuses to show does too."""

    def write_hold(self, seen: Hold, line: HoldLine) -> bool:
        """Set or release the hold, with the act's line, if nobody has since ``seen``; False if somebody has (look again)."""

    def troubles(self, accounts: Sequence[str]) -> dict[str, Trouble]:
        """Why these member accounts cannot be used, by account; what nothing is known against is missing. No call without any."""

    def note_trouble(self, trouble: Trouble) -> None:
        """Note why an account cannot be used, in place of what was noted before."""

    def clear_trouble(self, account: str) -> None:
        """The account can be used again; nothing if nothing was noted."""
