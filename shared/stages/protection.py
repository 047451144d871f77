"""Switches on the deletion protection of instances before their migration, and switches it off afterwards.

A protection that the instance's owner switched on is not changed. An instance that cannot be protected is migrated without the
protection.
"""

from __future__ import annotations

import logging

from shared.domain.errors import AccountUnusable, Permanent, Refused, ReplankError, Transient
from shared.domain.migration import Migration
from shared.domain.protection import (
    PUT_BACK,
    ProtectedInstance,
    may_call_be_under_way,
    protection_row,
    was_protection_switched_on_before,
)
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")
PAGE = 100
"""Maximum rows that one call reads."""


def protect_instance(migration: Migration, ports: Ports) -> None:
    """Switch on the instance's deletion protection before its first snapshot, unless the protection is already on or ECS does not
    offer it.

    An error of ECS is only logged. Raises Transient if Tablestore does not answer.
    """
    if not ports.limits.protect:
        return
    try:
        _switch_protection_on(migration, ports)
    except ReplankError as error:
        if error.code.startswith("Store."):
            raise
        unset = Permanent(
            "Protection.NotSet",
            f"{migration.instance_id} moves without deletion protection: {error}",
            "Let the function's role change instances (ecs:ModifyInstanceAttribute), or set REPLANK_PROTECT to off.",
        )
        _log_error(logging.WARNING, unset, migration.migration_id)


def _switch_protection_on(migration: Migration, ports: Ports) -> None:
    """Write the protection's row, and then switch the instance's protection on.

    Do nothing if an earlier attempt or hop switched the protection on: if the protection is off now, a person switched it off.

    If ECS refuses the call and the protection is off, delete the row, so that a later attempt calls ECS again.
    """
    where = (migration.region_id, migration.instance_id)
    found = ports.compute.instance_page(migration.region_id, instance_ids=[migration.instance_id]).instances
    if not found or found[0].deletion_protection is None:
        return
    wanted = protection_row(migration, ports.clock.now())
    if found[0].deletion_protection:
        _take_over_protection_row(wanted, ports)
        return
    if not ports.protections.put_new_protection_record(wanted):
        if was_protection_switched_on_before(ports.protections.protection_record(*where, account=migration.account_id), wanted):
            return
        ports.protections.put_protection_record(wanted)
    try:
        ports.compute.change_deletion_protection(*where, True)
    except (Permanent, Refused, AccountUnusable):
        if _is_protection_off(*where, ports):
            ports.protections.delete_protection_record(wanted)
        raise


def _is_protection_off(region_id: str, instance_id: str, ports: Ports) -> bool:
    """Whether ECS says that the protection is off; False if ECS does not answer.

    A refusal proves nothing: an earlier try of the same call may have switched the protection on although its answer was lost.
    """
    try:
        found = ports.compute.instance_page(region_id, instance_ids=[instance_id]).instances
    except ReplankError:
        return False
    return not found or not found[0].deletion_protection


def _take_over_protection_row(wanted: ProtectedInstance, ports: Ports) -> None:
    """If the row of an earlier migration of the instance remains, give the row to this migration.

    Nothing is written if this migration already has the row, or if the instance's owner switched the protection on.
    """
    row = ports.protections.protection_record(wanted.region_id, wanted.instance_id, account=wanted.account_id)
    if row is not None and row.migration_id != wanted.migration_id:
        ports.protections.put_protection_record(wanted)


def switch_off_protection_of_migration(migration: Migration, ports: Ports) -> None:
    """Switch off the instance's protection, if this migration switched it on and no longer acts on the instance.

    If ECS refuses the call, the hourly check repeats the call. Raises Transient while a delayed call may still switch the
    protection on.
    """
    if migration.state not in PUT_BACK:
        return  # a retry or a rollback has begun since, and puts the protection back at its own end
    row = ports.protections.protection_record(migration.region_id, migration.instance_id, account=migration.account_id)
    if row is None or row.migration_id != migration.migration_id:
        return
    try:
        _switch_protection_off(row, ports)
    except (Permanent, Refused) as error:
        _log_protection_left_on(row, error)
    except AccountUnusable as error:
        from shared.domain.accounts import NO_PERMISSION  # rarely needed, and the functions start without it

        if error.code != NO_PERMISSION:
            raise
        _log_protection_left_on(row, error)  # the missing permission must not hold the account's other migrations


def switch_off_leftover_protections(ports: Ports) -> int:
    """Switch off each protection whose migration is gone or no longer acts on the instance. Return how many protections were
    switched off.

    A protection may have stayed on because ECS refused the change, or because an older version ended the migration.
    """
    restored, token = 0, ""
    while True:
        page = ports.protections.protection_record_page(limit=PAGE, token=token)
        known = {each.migration_id: each for each in ports.migrations.load_migrations([row.migration_id for row in page.rows])}
        for row in page.rows:
            try:
                if not _can_protection_be_switched_off(row, known.get(row.migration_id), ports):
                    continue
                _switch_protection_off(row, ports.ports_for_account(row.account_id))
                restored += 1
            except ReplankError as error:
                if error.code.startswith("Store."):
                    raise
                _log_protection_left_on(row, error)
        token = page.next_token
        if not token:
            return restored


def _can_protection_be_switched_off(row: ProtectedInstance, owner: Migration | None, ports: Ports) -> bool:
    """Whether the protection's migration no longer acts on the instance, and no delayed call can switch the protection on again."""
    if may_call_be_under_way(row, ports.clock.now()):
        return False
    if owner is not None:
        return owner.state in PUT_BACK
    try:
        return ports.migrations.load(row.migration_id).state in PUT_BACK
    except Refused:
        return True


def _switch_protection_off(row: ProtectedInstance, ports: Ports) -> None:
    """Switch off the protection of the row's instance, and delete the row. Ignore ECS's refusal if the instance is gone or not
    protected.
    """
    if may_call_be_under_way(row, ports.clock.now()):
        raise Transient("Protection.TooRecent", f"The protection of {row.instance_id} may still be being switched on.")
    try:
        ports.compute.change_deletion_protection(row.region_id, row.instance_id, False)
    except (Permanent, Refused, AccountUnusable):
        found = ports.compute.instance_page(row.region_id, instance_ids=[row.instance_id]).instances
        if any(each.deletion_protection for each in found):
            raise
    if ports.protections.delete_protection_record(row):
        return
    found_row = ports.protections.protection_record(row.region_id, row.instance_id, account=row.account_id)
    if found_row is not None and found_row.migration_id != row.migration_id:
        # Another migration of the instance has taken the row over since it was read.
        ports.compute.change_deletion_protection(row.region_id, row.instance_id, True)


def _log_protection_left_on(row: ProtectedInstance, error: ReplankError) -> None:
    unrestored = Permanent(
        "Protection.NotRestored",
        f"The deletion protection of {row.instance_id} is still on: {error}",
        "Switch the protection off in the ECS console, or let the role change instances (ecs:ModifyInstanceAttribute).",
    )
    _log_error(logging.WARNING if isinstance(error, Transient) else logging.ERROR, unrestored, row.migration_id)


def _log_error(level: int, error: Permanent, migration_id: str) -> None:
    facts = {"code": error.code, "remedy": error.remedy}
    _LOG.log(level, error.message, extra={"migrationId": migration_id, "facts": facts})
