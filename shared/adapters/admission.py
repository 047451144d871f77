"""Stores instance locks and migration slots as rows of one Tablestore table."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.adapters import leases, tables
from shared.adapters.store import AbsentColumn, AtMost, Columns, Expected, Key, Store, WriteInDoubt
from shared.domain.codec import encode
from shared.domain.errors import Permanent
from shared.domain.hold import (
    LINE,
    STATE,
    UNREADABLE,
    VERSION,
    Hold,
    HoldHistoryEntry,
    columns_after_act,
    hold_from_row,
    next_act_column,
)
from shared.ports.admission import LockHolder, SlotUse

if TYPE_CHECKING:
    from shared.domain.accounts import UnusableAccount

log = logging.getLogger("replank.store")
TROUBLE = "trouble"
"""The column with the reason why a member account cannot be used."""
_SLOTS: Key = (("lock_id", "slots"),)
_HOLD: Key = (("lock_id", "hold"),)


class TablestoreAdmission:
    """Implements the port ``Admission``.

    Each lock is a separate row, which is written only if it does not exist yet. All slots are in a single row.
    """

    def __init__(self, store: Store, accounts: Collection[str] = ()) -> None:
        """The argument ``accounts`` contains the ids of the member accounts."""
        self._store, self._members = store, tuple(accounts)

    def acquire_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> str:
        return leases.take_lease(
            self._store, _instance_lock_key(region_id, instance_id, account), migration_id, attempt
        ).migration_id

    def release_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> None:
        leases.release_lease(self._store, _instance_lock_key(region_id, instance_id, account), migration_id, attempt)

    def acquire_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> LockHolder:
        return leases.take_lease(self._store, leases.group_lock_key(group), migration_id, attempt, {tables.GROUP: group})

    def release_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> None:
        leases.release_lease(self._store, leases.group_lock_key(group), migration_id, attempt)

    def group_lock_holders(self, groups: Sequence[str]) -> dict[str, LockHolder]:
        return leases.group_lock_holders(self._store, groups)

    def instance_lock_holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        row = self._store.get(tables.LOCKS, _instance_lock_key(region_id, instance_id, account), ("migration_id",)) or {}
        return str(row.get("migration_id", ""))

    def slot_use(self, batch_id: str, migration_id: str = "", *, account: str = "") -> SlotUse:
        names = self._slot_use_column_names(batch_id, migration_id)
        return self._slot_use_from_row(names, self._store.get(tables.LOCKS, _SLOTS, names) or {}, account)

    def _slot_use_column_names(self, batch_id: str, migration_id: str) -> tuple[str, ...]:
        """The names of the columns that ``_slot_use_from_row`` needs."""
        counts = (tables.COUNT + each for each in self._members)
        return ("version", tables.COUNT, tables.COUNT + batch_id, tables.SINCE + migration_id, *counts)

    def _slot_use_from_row(self, names: tuple[str, ...], row: Columns, account: str) -> SlotUse:
        if row and tables.COUNT not in row:  # written by a version that did not count
            self._recalculate_slot_counts()
            row = self._store.get(tables.LOCKS, _SLOTS, names) or {}
        version, total, of_batch, since, *of_members = (int(row.get(name, 0)) for name in names)
        of_account = int(row.get(tables.COUNT + account, 0)) if account else total - sum(of_members)
        return SlotUse(version, of_account, of_batch, since)

    def slot_use_and_current_hold(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[SlotUse, Hold]:
        names = self._slot_use_column_names(batch_id, migration_id)
        keys = (_SLOTS, _HOLD, *([_unusable_account_key(account)] if account else []))
        # The key column is read too. A hold that a person wrote by hand may have none of the other columns, and would otherwise
        # look missing.
        found = self._store.get_named_columns(tables.LOCKS, keys, ("lock_id", *names, STATE, *([TROUBLE] if account else [])))
        rows = {row["lock_id"]: row for row in found}
        hold = hold_from_row(rows.get("hold"))
        room = self._slot_use_from_row(names, rows.get("slots", {}), account)
        room = replace(room, trouble=_unusable_account_from_row(rows.get(tables.TROUBLE + account))) if account else room
        return room, self.current_hold() if hold.is_held else hold

    def accounts_of_slot_holders(self) -> dict[str, str]:
        row = self._store.get(tables.LOCKS, _SLOTS, between=tables.column_range_of_prefix(tables.WHERE)) or {}
        return _account_ids_by_slot_holder(row)

    def regions_of_slot_holders(self, batch_id: str) -> dict[str, str]:
        both = (tables.HELD, tables.column_range_of_prefix(tables.REGION)[1])
        row = self._store.get(tables.LOCKS, _SLOTS, between=both) or {}
        return {
            each: str(row.get(tables.REGION + each, ""))
            for each, batch in _batch_ids_by_slot_holder(row).items()
            if batch == batch_id
        }

    def slot_holders(self) -> dict[str, str]:
        row = self._store.get(tables.LOCKS, _SLOTS, between=tables.column_range_of_prefix(tables.HELD)) or {}
        return _batch_ids_by_slot_holder(row)

    def repair_counts_and_list_slot_holders(self) -> dict[str, str]:
        both = (tables.HELD, tables.column_range_of_prefix(tables.COUNT)[1])
        row = self._store.get(tables.LOCKS, _SLOTS, between=both) or {}
        held = _batch_ids_by_slot_holder(row)
        if _stored_slot_counts(row) != _computed_slot_counts(held, _account_ids_by_slot_holder(row)):
            self._recalculate_slot_counts()
        return held

    def _recalculate_slot_counts(self) -> None:
        """Count the held slots, and correct the slot counters. An older version may have taken or released slots without changing
        the counters.

        If a slot is taken or released at the same time, nothing is written, and the next reader corrects the counters.
        """
        row = self._store.get(tables.LOCKS, _SLOTS) or {}
        held = _batch_ids_by_slot_holder(row)
        counts = _computed_slot_counts(held, _account_ids_by_slot_holder(row))
        columns: Columns = {tables.COUNT + name: number for name, number in counts.items()}
        columns |= {tables.COUNT: len(held), "version": row["version"] + 1}
        gone = [name for name in row if name.startswith(tables.COUNT) and name not in columns]
        # Very old versions stored no attempt with a slot. Such a slot gets attempt 1, so that every attempt may release it.
        columns |= {tables.SINCE + each: 1 for each in held if tables.SINCE + each not in row}
        still = {"version": row["version"], tables.COUNT: row.get(tables.COUNT, AbsentColumn)}
        log.warning("the slots were counted again", extra={"facts": {"held": len(held), "counted": row.get(tables.COUNT)}})
        with suppress(WriteInDoubt):
            self._store.update(tables.LOCKS, _SLOTS, columns, gone, expect=still)

    def take_slot(
        self, seen: SlotUse, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "", region: str = ""
    ) -> bool:
        if seen.is_held_by_this_or_later_attempt(attempt):
            return True
        since, counts = tables.SINCE + migration_id, _slot_count_changes(batch_id, account, 1)
        columns: Columns = {tables.HELD + migration_id: batch_id, since: attempt, "version": seen.version + 1}
        if account:
            columns[tables.WHERE + migration_id] = account
        if region:
            columns[tables.REGION + migration_id] = region
        still = {"version": seen.version}
        try:
            if seen.version == 0:
                return self._store.put_new(tables.LOCKS, _SLOTS, {**columns, **counts})
            if seen.since:  # the slot is from an earlier attempt, whose release does not change the version
                return self._store.update(tables.LOCKS, _SLOTS, columns, expect={**still, since: AtMost(seen.since)})
            return self._store.update(tables.LOCKS, _SLOTS, columns, add=counts, expect=still)
        except WriteInDoubt:
            return self.slot_use(batch_id, migration_id).is_held_by_this_or_later_attempt(attempt)

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        # The version does not change. A decision that was made before this release sees fewer free slots than exist, never more.
        since, counts = tables.SINCE + migration_id, _slot_count_changes(batch_id, account, -1)
        more = (tables.REGION, *([tables.WHERE] if account else []))
        remove = (tables.HELD + migration_id, since, *(each + migration_id for each in more))
        try:
            self._store.update(tables.LOCKS, _SLOTS, {}, remove, add=counts, expect={since: AtMost(attempt)})
        except WriteInDoubt:
            return  # the first request has released the slot, or a later attempt has taken it since

    def delete_slot_count(self, batch_id: str) -> None:
        try:
            self._store.update(tables.LOCKS, _SLOTS, {}, (tables.COUNT + batch_id,), expect={tables.COUNT + batch_id: 0})
        except WriteInDoubt:
            return  # a counter of 0 means the same as a missing counter

    def current_hold(self) -> Hold:
        try:
            row = self._store.get(tables.LOCKS, _HOLD)
        except Permanent as error:
            return Hold(f"everything is held: the row of the hold cannot be read ({error.message})", UNREADABLE, True)
        return hold_from_row(row and {name: _parsed_hold_column(name, value) for name, value in row.items()})

    def unusable_accounts(self, accounts: Sequence[str]) -> dict[str, UnusableAccount]:
        wanted = [each for each in accounts if each]
        rows = (
            self._store.get_named_columns(tables.LOCKS, [_unusable_account_key(each) for each in wanted], ("lock_id", TROUBLE))
            if wanted
            else []
        )
        found = {row["lock_id"][len(tables.TROUBLE) :]: _unusable_account_from_row(row) for row in rows}
        return {account: trouble for account, trouble in found.items() if trouble}

    def write_account_refusal(self, trouble: UnusableAccount) -> None:
        columns = {TROUBLE: tables.json_column_text(TROUBLE, encode(trouble))}
        self._store.put(tables.LOCKS, _unusable_account_key(trouble.account_id), columns)

    def delete_account_refusal(self, account: str) -> None:
        row = self._store.get(tables.LOCKS, _unusable_account_key(account), (TROUBLE,))
        if row:
            with suppress(WriteInDoubt):
                self._store.delete(tables.LOCKS, _unusable_account_key(account), expect={TROUBLE: row[TROUBLE]})

    def set_or_release_hold(self, seen: Hold, line: HoldHistoryEntry) -> bool:
        columns = {**columns_after_act(seen, line), next_act_column(seen): tables.json_column_text("line", encode(line))}
        try:
            if not seen.exists:
                return self._store.put_new(tables.LOCKS, _HOLD, columns)
            return self._store.update(tables.LOCKS, _HOLD, columns, expect=_unchanged_hold_condition(seen))
        except WriteInDoubt:
            return line in self.current_hold().lines


def _unchanged_hold_condition(seen: Hold) -> Expected | None:
    """The condition that the hold's row still has the version that was read.

    A person may have edited the row by hand, so the version may be invalid.
    """
    if seen.version == UNREADABLE:
        return {VERSION: seen.unread} if seen.unread is not None else None
    return {VERSION: seen.version or AbsentColumn}


def _parsed_hold_column(name: str, value: Any) -> Any:
    """The value of one column in the hold's row.

    Journal lines are parsed from JSON. A journal line that is not valid JSON is returned as text.
    """
    if not name.startswith(LINE):
        return value
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _batch_ids_by_slot_holder(row: Columns) -> dict[str, str]:
    return {name[len(tables.HELD) :]: str(batch) for name, batch in row.items() if name.startswith(tables.HELD)}


def _account_ids_by_slot_holder(row: Columns) -> dict[str, str]:
    return {name[len(tables.WHERE) :]: str(account) for name, account in row.items() if name.startswith(tables.WHERE)}


def _computed_slot_counts(held: dict[str, str], homes: dict[str, str]) -> Counter[str]:
    """Maps the id of each batch and each member account to the number of slots that it holds. The number of all held slots has an
    empty key.

    Batches and accounts without slots are left out.
    """
    return Counter(held.values()) + Counter(homes[each] for each in held if each in homes) + Counter({"": len(held)})


def _slot_count_changes(batch_id: str, account: str, by: int) -> dict[str, int]:
    """Maps the names of counter columns to the number to add: 1 if a slot is taken, and -1 if a slot is released."""
    return dict.fromkeys((tables.COUNT, tables.COUNT + batch_id, *([tables.COUNT + account] if account else [])), by)


def _stored_slot_counts(row: Columns) -> dict[str, int]:
    """The slot counters stored in the row. Counters with the value 0 are left out."""
    found = {name[len(tables.COUNT) :]: int(number) for name, number in row.items() if name.startswith(tables.COUNT)}
    return {batch_id: number for batch_id, number in found.items() if number}


def _instance_lock_key(region_id: str, instance_id: str, account: str) -> Key:
    """The key of an instance's lock. For the deployment's own account, the key is the same as in older versions."""
    where = f"{account}:{region_id}" if account else region_id
    return (("lock_id", f"instance:{where}:{instance_id}"),)


def _unusable_account_key(account: str) -> Key:
    return (("lock_id", tables.TROUBLE + account),)


def _unusable_account_from_row(row: Columns | None) -> UnusableAccount | None:
    if not row or TROUBLE not in row:
        return None
    from shared.domain.accounts import UnusableAccount  # only a deployment with member accounts has such rows

    return tables.value_from_column(UnusableAccount, row[TROUBLE], f"{row.get('lock_id', 'account')}")
