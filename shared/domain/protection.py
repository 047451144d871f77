"""The deletion protection of instances: when Replank switches the protection on, and when Replank restores the earlier setting.

Replank switches the protection on before an instance's first snapshot. Replank writes a row about the instance before it switches
the protection on, and removes the row when it has restored the earlier setting. All functions in this module are pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.migration import Migration, State
from shared.domain.record import dataclass

PUT_BACK = frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED, State.CANCELLED, State.ROLLED_BACK, State.PRECHECK_FAILED})
"""States in which Replank does not change the instance, and therefore restores the earlier protection setting.

A failed migration keeps the protection until a person decides, because its job may still run.
"""
LATE_CALL = timedelta(minutes=5)
"""The longest time from writing the row to the arrival of the call that switches the protection on. During this time, Replank does
not switch the protection off.

The snapshot function runs for at most one minute (s.yaml), and the clocks of two functions differ.
"""


@dataclass(frozen=True)
class ProtectedInstance:
    """An instance whose deletion protection Replank switched on, or is about to switch on."""

    region_id: str
    instance_id: str
    account_id: str
    """The id of the member account; empty for the deployment's own account."""
    migration_id: str
    turn: str
    """The hop and attempt, as ``hop-attempt``, in which the protection was switched on."""
    since: datetime
    """When the row was written."""


def protection_row(migration: Migration, now: datetime) -> ProtectedInstance:
    """The row to write before the instance's protection is switched on."""
    turn = f"{migration.hop}-{migration.attempt}"
    return ProtectedInstance(migration.region_id, migration.instance_id, migration.account_id, migration.migration_id, turn, now)


def was_protection_switched_on_before(row: ProtectedInstance | None, wanted: ProtectedInstance) -> bool:
    """Whether an earlier attempt or hop of the same migration switched the protection on.

    If the protection is off now although an earlier attempt or hop switched it on, a person has switched it off. Replank then
    leaves the protection off.
    """
    return row is not None and row.migration_id == wanted.migration_id and row.turn != wanted.turn


def may_call_be_under_way(row: ProtectedInstance, now: datetime) -> bool:
    """Whether the call that switches the protection on may still be under way."""
    return now - row.since < LATE_CALL
