"""Locks and slots: one active migration per instance at most, and no more moving instances than the limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.domain.hold import Hold, HoldHistoryEntry

if TYPE_CHECKING:
    from shared.domain.accounts import UnusableAccount


@dataclass(frozen=True)
class SlotUse:
    """The slots held by an account, by one of its batches and by one migration.

    ``version`` is the version of the row of slots from which the counts were read.
    """

    version: int
    of_account: int
    of_batch: int
    since: int = 0
    """The attempt that took the migration's slot; 0 if the migration holds no slot."""
    trouble: UnusableAccount | None = None
    """Why the account cannot be used; None if it can be used."""

    def is_held_since_attempt(self, attempt: int) -> bool:
        """Whether this attempt or a later one holds the slot. Then an earlier attempt cannot release the slot."""
        return self.since >= attempt


@dataclass(frozen=True)
class LeaseHolder:
    """The migration that holds an instance's lock or a group's place, and the attempt that took it."""

    migration_id: str
    attempt: int


class Admission(Protocol):
    """The table of locks and slots.

    Every method raises Transient (Store.Unavailable) if Tablestore does not answer.
    ``account`` is the id of a member account; it is empty for the deployment's own account.
    """

    def lock_instance(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> str:
        """Lock the instance for a migration unless it is locked. Returns the id of the migration that holds the lock now."""

    def unlock_instance(self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the lock if this migration took it in this attempt or an earlier one. A later attempt keeps its lock."""

    def lock_holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        """The id of the migration that holds the instance's lock; empty if the instance is not locked."""

    def take_group_place(self, group: str, migration_id: str, attempt: int = 1) -> LeaseHolder:
        """Take the only place of a redundancy group if it is free. Returns the holder of the place after the call."""

    def release_group_place(self, group: str, migration_id: str, attempt: int = 1) -> None:
        """Release the group's place if this migration took it in this attempt or an earlier one."""

    def group_holders(self, groups: Sequence[str]) -> dict[str, LeaseHolder]:
        """The holder of each group's place, by group. Groups with a free place are left out. Makes no call without groups."""

    def slot_use(self, batch_id: str, migration_id: str = "", *, account: str = "") -> SlotUse:
        """The slots held now by the account, by a batch and by one of its migrations. Reads one row for any number of slots."""

    def slot_use_and_hold(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[SlotUse, Hold]:
        """The slots in use and the hold, read in one call. A released hold has an empty history of acts here."""

    def accounts_of_slot_holders(self) -> dict[str, str]:
        """The account id of each migration that holds a slot in a member account, by migration id."""

    def slot_holders(self) -> dict[str, str]:
        """The batch id of each migration that holds a slot, by migration id. Corrects slot counts that an older version left."""

    def regions_of_slot_holders(self, batch_id: str) -> dict[str, str]:
        """The region of each of the batch's migrations that hold a slot. The region is empty if an older version took the slot."""

    def take_slot(
        self, seen: SlotUse, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "", region: str = ""
    ) -> bool:
        """Take a slot. Returns False, without taking one, if another slot was taken since ``seen`` was read.

        A slot that an earlier attempt still holds passes to this attempt.
        """

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the slot if this attempt or an earlier one took it. A slot of a later attempt is kept."""

    def delete_slot_count(self, batch_id: str) -> None:
        """Delete the slot count of a batch that holds no slot. If the batch takes a slot later, its count starts again."""

    def current_hold(self) -> Hold:
        """The hold on all starts. If its row cannot be read, the result is a hold that stops every start."""

    def write_hold(self, seen: Hold, line: HoldHistoryEntry) -> bool:
        """Set or release the hold and record the act. Returns False, without a change, if the hold now differs from ``seen``."""

    def account_troubles(self, accounts: Sequence[str]) -> dict[str, UnusableAccount]:
        """Why each of these member accounts cannot be used, by account. Usable accounts are left out.

        Makes no call if there are no accounts.
        """

    def record_account_trouble(self, trouble: UnusableAccount) -> None:
        """Record why an account cannot be used. Replaces an earlier reason."""

    def delete_account_trouble(self, account: str) -> None:
        """Delete the reason why an account cannot be used. No error if there is no reason."""
