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
    """How many slots are held, at ``version`` of the account's single slots row, and what one migration holds."""

    version: int
    of_account: int
    of_batch: int
    since: int = 0
    """The attempt that took the migration's slot; 0 if it holds none."""
    trouble: Trouble | None = None
    """Why the account cannot be used; None if it can."""

    def has(self, attempt: int) -> bool:
        """Whether this attempt or a later one holds the slot, so that no earlier attempt can release it."""
        return self.since >= attempt


@dataclass(frozen=True)
class LeaseHolder:
    """Who holds a lock or the place of a group: a migration, since one of its attempts."""

    migration_id: str
    attempt: int


class Admission(Protocol):
    """Every method raises Transient (Store.Unavailable) if Tablestore does not answer.

    ``account`` is a member account; empty for the deployment's own.
    """

    def lock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> str:
        """Lock the instance for a migration; returns the migration that holds the lock afterwards, which may be another one."""

    def unlock(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the lock if this migration took it in that attempt or an earlier one; a later attempt keeps its lock."""

    def holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        """The migration that holds the instance's lock; empty if it is free."""

    def enter_group(self, group: str, migration_id: str, attempt: int = 1) -> LeaseHolder:
        """Take the one place of a redundancy group if it is free; who holds it afterwards."""

    def leave_group(self, group: str, migration_id: str, attempt: int = 1) -> None:
        """Give the place back if this migration holds it since that attempt or an earlier one."""

    def places(self, groups: Sequence[str]) -> dict[str, LeaseHolder]:
        """Who holds the place of each of these groups; one that is free is missing. No call without any."""

    def room(self, batch_id: str, migration_id: str = "", *, account: str = "") -> Room:
        """The slots held now by the account, a batch and one of its migrations; the cost does not grow with their number."""

    def look(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[Room, Hold]:
        """The room with the account's trouble, and the hold, in one call. If the hold is released, its acts are left out."""

    def homes(self) -> dict[str, str]:
        """The account of each slot holder in a member account."""

    def holders(self) -> dict[str, str]:
        """The migrations that hold a slot now: migration id -> batch id. Corrects counts that another version has left wrong."""

    def regions(self, batch_id: str) -> dict[str, str]:
        """The region of each migration of the batch that holds a slot; empty if an older version took it."""

    def take_slot(
        self, seen: Room, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "", region: str = ""
    ) -> bool:
        """Take a slot if nobody has taken one since ``seen``, the room of that migration; False if somebody has (look again).

        A slot that an earlier attempt still holds passes to this attempt.
        """

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the slot if that attempt or an earlier one took it. A retry keeps its own slot. No error if there is no slot."""

    def drop_count(self, batch_id: str) -> None:
        """Drop the count of a batch that holds no slot. If it takes one later, its count starts again."""

    def hold(self) -> Hold:
        """Whether every start is held. A row that cannot be understood, or that Tablestore refuses to show, counts as held."""

    def write_hold(self, seen: Hold, line: HoldLine) -> bool:
        """Set or release the hold, with the act's line, if nobody has since ``seen``; False if somebody has (look again)."""

    def troubles(self, accounts: Sequence[str]) -> dict[str, Trouble]:
        """Why these member accounts cannot be used, by account; usable accounts are left out.

        Makes no call if there are no accounts.
        """

    def note_trouble(self, trouble: Trouble) -> None:
        """Record why an account cannot be used, in place of an earlier reason."""

    def clear_trouble(self, account: str) -> None:
        """Delete the record, because the account can be used again; no error without a record."""
