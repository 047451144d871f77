"""Invariant 7: one member of a redundancy group at a time is between its snapshots and its validation, over all batches."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation import records
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import MOVING, Migration, State
from tests.simulation.truth import Change

_NO_TAGS: Mapping[str, str] = {}
BETWEEN_HOPS = frozenset({State.ACCEPTED, State.PRECHECKING, State.READY, State.WAITING})


def tag_value(migration: Migration, scene: Sight) -> tuple[str, str] | None:
    """The tag that the migration's batch groups by, and the tag's value in the account. None if either is missing."""
    tag = scene.batch(migration).policy.group
    values = scene.tags.get(migration.instance_id, {}) if tag else {}
    return (tag, values[tag]) if tag in values else None


def is_between(migration: Migration) -> bool:
    """Whether the snapshots have begun and the validation has not ended: the instance moves, or waits between two hops."""
    begun = migration.hop > 0 or migration.handle.started_at is not None
    return migration.state in MOVING or (migration.state in BETWEEN_HOPS and begun)


def moving_mate(migration: Migration, scene: Sight) -> str:
    """Says which other member of the group is moving; empty if none is."""
    mine = tag_value(migration, scene)
    if mine is None:
        return ""
    tag, value = mine
    for other in scene.truth.migrations.values():
        if scene.tags.get(other.instance_id, _NO_TAGS).get(tag) != value:  # the cheapest question first: a fleet may be large
            continue
        if other.migration_id != migration.migration_id and is_between(other) and tag_value(other, scene) == mine:
            return f"while {other.migration_id} of its group {'='.join(mine)} was {other.state.value}"
    return ""


def undecided_mate(migration: Migration, scene: Sight) -> str:
    """Another member that holds the group's lock; empty if none does. A separate check decides whether that member waits for
    a person.
    """
    mine = tag_value(migration, scene)
    if mine is None:
        return ""
    for lock, row in scene.truth.locks.items():
        if lock.startswith(records.PLACE) and row["group"] == "=".join(mine) and row["migration_id"] != migration.migration_id:
            return str(row["migration_id"])
    return ""


class OneOfAGroup(Checker):
    """7. One member of a redundancy group at a time is between its snapshots and its validation."""

    number, name = 7, "one of a group"

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None or not is_between(entry[1]):
            return
        reason = moving_mate(entry[1], scene)
        if reason:
            yield f"{entry[1].migration_id} became {entry[1].state.value} {reason}"
