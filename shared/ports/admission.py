"""The port for instance locks and slots. A lock allows one active migration per instance.

The number of slots limits how many instances move at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from shared.domain.hold import Hold, HoldHistoryEntry
from shared.domain.record import dataclass

if TYPE_CHECKING:
    from shared.domain.accounts import UnusableAccount


@dataclass(frozen=True)
class SlotUse:
    """The slots held by an account, by one of its batches and by one migration.

    All slots are in one row. The field ``version`` contains the version of this row when the slots were read.
    """

    version: int
    of_account: int
    of_batch: int
    since: int = 0
    """The number of the attempt that took the migration's slot; 0 if the migration holds no slot."""
    trouble: UnusableAccount | None = None
    """The reason why the account cannot be used; None if the account can be used."""

    def is_held_by_this_or_later_attempt(self, attempt: int) -> bool:
        """Whether ``attempt`` or a later attempt holds the slot.

        An attempt cannot release a slot that a later attempt holds.
        """
        return self.since >= attempt


@dataclass(frozen=True)
class LockHolder:
    """The migration that holds the lock of an instance or of a group, and the number of the attempt that took the lock."""

    migration_id: str
    attempt: int


class Admission(Protocol):
    """The table of locks and slots.

    Every method raises Transient (Store.Unavailable) if Tablestore does not answer. The argument ``account`` is the id of a member
    account. For the deployment's own account, ``account`` is empty.
    """

    def acquire_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> str:
        """Lock the instance for a migration unless the instance is already locked. Returns the id of the migration that holds the
        lock after the call.
        """

    def release_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> None:
        """Release the lock if ``attempt`` or an earlier attempt of this migration took the lock. A later attempt keeps its lock."""

    def instance_lock_holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        """The id of the migration that holds the instance's lock; empty if the instance is not locked."""

    def acquire_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> LockHolder:
        """Lock the redundancy group for a migration, unless another migration holds the group's lock. Returns the holder after the
        call. Each lock has only one holder, so that only one instance of the group moves at a time.
        """

    def release_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> None:
        """Release the group's lock if ``attempt`` or an earlier attempt of this migration took the lock."""

    def group_lock_holders(self, groups: Sequence[str]) -> dict[str, LockHolder]:
        """Maps each of these groups to the holder of the group's lock. Groups without a holder are left out. Makes no call if no
        group is given.
        """

    def slot_use(self, batch_id: str, migration_id: str = "", *, account: str = "") -> SlotUse:
        """The slots that the account, a batch and one migration of the batch hold now. One read is enough, because one row holds
        all slots.
        """

    def slot_use_and_current_hold(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[SlotUse, Hold]:
        """The slots in use and the current hold on all starts, read in one call.

        The history of a released hold is not read, and is empty in the result.
        """

    def accounts_of_slot_holders(self) -> dict[str, str]:
        """Maps migration ids to account ids, for all migrations that hold a slot in a member account."""

    def slot_holders(self) -> dict[str, str]:
        """Maps migration ids to batch ids, for all migrations that hold a slot. Changes nothing."""

    def repair_counts_and_list_slot_holders(self) -> dict[str, str]:
        """Correct slot counts that an older version of Replank has stored wrongly.

        Returns a mapping from migration ids to batch ids, for all migrations that hold a slot.
        """

    def regions_of_slot_holders(self, batch_id: str) -> dict[str, str]:
        """Maps migration ids to regions, for the batch's migrations that hold a slot. The region is empty if an older version of
        Replank took the slot.
        """

    def take_slot(
        self, seen: SlotUse, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "", region: str = ""
    ) -> bool:
        """Take a slot. Returns False, and takes no slot, if another slot was taken since ``seen`` was read.

        If an earlier attempt of the migration holds a slot, the slot passes to the given attempt.
        """

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        """Release the slot if ``attempt`` or an earlier attempt took the slot. A slot that a later attempt took is kept."""

    def delete_slot_count(self, batch_id: str) -> None:
        """Delete the slot count of a batch that holds no slot. If the batch takes a slot later, a new slot count is made."""

    def current_hold(self) -> Hold:
        """The current hold, which stops all starts while it is set. If the row of the hold cannot be read, the result is a hold
        that is set.
        """

    def set_or_release_hold(self, seen: Hold, line: HoldHistoryEntry) -> bool:
        """Set or release the hold on all starts, and record the act.

        Returns False, and changes nothing, if the stored hold differs from ``seen``.
        """

    def unusable_accounts(self, accounts: Sequence[str]) -> dict[str, UnusableAccount]:
        """Maps each of these account ids to the reason why the member account cannot be used. Usable accounts are left out.

        Makes no call if no id is given.
        """

    def write_account_refusal(self, trouble: UnusableAccount) -> None:
        """Store the reason why a member account cannot be used. Replaces an earlier reason."""

    def delete_account_refusal(self, account: str) -> None:
        """Delete the stored reason why a member account cannot be used. No error is raised if no reason is stored."""
