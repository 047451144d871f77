"""Takes and releases the lock row of a redundancy group.

Only the group member that holds the lock may move.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from shared.domain.errors import Permanent, Refused, Transient
from shared.domain.group import last_attempt_done_with_group_lock, why_member_waits
from shared.domain.limits import BlockingLimit, Limit
from shared.domain.migration import Migration
from shared.domain.retry import LOST_RACE
from shared.ports.admission import LockHolder
from shared.ports.ports import Ports
from shared.stages.slots import is_lock_kept_for_jobs

if TYPE_CHECKING:
    from shared.stages.crowds import SlotCounts

_LOG = logging.getLogger("replank")

FEW_WAITING_READ, MOST_WAITING_READ = 10, 100
"""Waiting migrations that the first call reads, and the maximum that a later call reads."""


def acquire_group_lock(migration: Migration, ports: Ports) -> BlockingLimit | None:
    """Take the group's lock for the migration. If another member holds the lock and still needs it, return the limit that blocks
    the start.

    If the holder no longer needs the lock, this migration takes it over.
    """
    for _ in range(LOST_RACE.calls):
        place = ports.admission.acquire_group_lock(migration.group, migration.migration_id, migration.attempt)
        if place.migration_id == migration.migration_id:
            return None
        holder = _active_holder_of_group_lock(place, ports)
        if holder is not None:
            return BlockingLimit(Limit.GROUP, why_member_waits(holder))
        ports.admission.release_group_lock(migration.group, place.migration_id, place.attempt)
    raise Transient("Admission.Contended", f"Others took the place of group {migration.group[:100]} at the same moment.")


def release_group_lock(migration: Migration, ports: Ports) -> None:
    """Release the group's lock if the migration no longer needs it.

    If a later attempt of the migration has taken the lock, the lock is not released.
    """
    last = last_attempt_done_with_group_lock(migration)
    if last:
        ports.admission.release_group_lock(migration.group, migration.migration_id, last)


def blocking_member_in_words(migration: Migration, ports: Ports) -> str:
    """Return, in words, which other member of the group the migration waits for; empty if no member blocks the migration."""
    place = ports.admission.group_lock_holders([migration.group]).get(migration.group)
    if place is None or place.migration_id == migration.migration_id:
        return ""
    holder = _active_holder_of_group_lock(place, ports)
    return why_member_waits(holder) if holder else ""


def _active_holder_of_group_lock(place: LockHolder, ports: Ports) -> Migration | None:
    """Return the migration that holds the lock and still needs it.

    Return None if the holder has ended without releasing the lock, for example because of a crash.
    """
    try:
        found = ports.migrations.load(place.migration_id)
    except Refused:
        return None  # the holder's row does not exist
    return found if _needs_group_lock(found, place, ports) else None


def migration_ids_whose_group_allows_start(
    ids: Iterable[str], room: int, ports: Ports, crowd: SlotCounts | None = None
) -> list[str]:
    """Return the ids of the first migrations whose redundancy groups allow a start, at most ``room`` ids.

    If ``crowd`` is given, the limits of regions and waves must allow the start too. A migration that may not start does not count
    towards ``room``.
    """
    if crowd is not None:
        if not crowd.has_begun_wave_with_free_slot():
            return []
        ids, room = crowd.migration_ids_with_free_wave_slot(ids), min(room, crowd.free_slot_count_of_all_regions(ports))
    chosen: list[str] = []
    taken: set[str] = set()
    waiting = iter(ids)
    size = max(2 * room, FEW_WAITING_READ)  # mostly the first migrations may start, so few are read at first
    while len(chosen) < room and (some := list(islice(waiting, min(size, MOST_WAITING_READ)))):
        size *= 2
        found = {each.migration_id: each for each in ports.migrations.load_migrations(some)}
        places = ports.admission.group_lock_holders([each.group for each in found.values() if each.group])
        blocked = _groups_with_active_holder(places, ports)
        for id in some:
            migration = found.get(id)  # a row that cannot be read is returned too: the caller then moves it to the end of the queue
            if len(chosen) >= room:
                break
            if migration is None:
                chosen.append(id)
            elif (
                migration.group not in taken
                and blocked.get(migration.group, id) == id
                and (crowd is None or crowd.count_migration_if_slot_free(migration))
            ):
                chosen.append(id)
                taken |= {migration.group} - {""}
    return chosen


def _groups_with_active_holder(places: Mapping[str, LockHolder], ports: Ports) -> dict[str, str]:
    """Return the groups whose lock is held by a migration that still needs it, each with the id of that migration."""
    held = sorted({place.migration_id for place in places.values()})
    found = {each.migration_id: each for each in ports.migrations.load_migrations(held)} if held else {}
    held_by: dict[str, str] = {}
    for group, place in places.items():
        holder = found.get(place.migration_id)
        try:
            needs = _needs_group_lock(holder, place, ports) if holder else _active_holder_of_group_lock(place, ports) is not None
        except Permanent as error:  # an unreadable row blocks its own group only
            _LOG.error("group %s waits for %s: %s", group[:100], place.migration_id, error)
            needs = True
        if needs:
            held_by[group] = place.migration_id
    return held_by


def _needs_group_lock(holder: Migration, place: LockHolder, ports: Ports) -> bool:
    return place.attempt > last_attempt_done_with_group_lock(holder) or is_lock_kept_for_jobs(holder, ports)
