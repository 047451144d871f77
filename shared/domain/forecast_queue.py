"""The migrations of a forecast that wait for a start, in the order in which they may start.

The cost of each operation grows with the logarithm of the queue's length. A low cost is important, because a run with 10,000
migrations has tens of thousands of events.
"""

from __future__ import annotations

import heapq
from dataclasses import field

from shared.domain.record import dataclass

Position = tuple[int, int, str]
"""The position of a migration in a queue: its wave, its number within the wave, and its id. The lowest position is the first."""


@dataclass
class GroupLocks:
    """The locks of the redundancy groups: in each group, only the member that holds the group's lock may move. The other members of
    the group wait for the lock.
    """

    group: dict[str, str] = field(default_factory=dict)
    """For each migration that belongs to a group, the name of the group."""
    holder: dict[str, str] = field(default_factory=dict)
    """For each group that is locked, the migration that holds the lock."""
    members_waiting: dict[str, list[tuple[WaitingQueue, list[Position]]]] = field(default_factory=dict)
    """For each group and each queue, a heap of the members that wait for the group's lock."""

    def acquire_group_lock(self, id: str) -> bool:
        """Lock the group of the migration. Return True if the migration holds the lock or has no group, and False if another member
        holds the lock.
        """
        group = self.group.get(id)
        return group is None or self.holder.setdefault(group, id) == id

    def release_group_lock(self, id: str) -> None:
        """Release the lock of the migration's group if the migration holds the lock.

        The first waiting member of each queue returns to its queue.
        """
        group = self.group.get(id, "")
        if self.holder.get(group) != id:
            return
        del self.holder[group]
        for queue, members in self.members_waiting.get(group, ()):
            if members:
                heapq.heappush(queue.positions, heapq.heappop(members))

    def add_member_waiting_for_lock(self, queue: WaitingQueue, position: Position) -> None:
        """Keep a member out of its queue until the lock of its group is released."""
        waiting = self.members_waiting.setdefault(self.group[position[2]], [])
        for known, members in waiting:
            if known is queue:
                heapq.heappush(members, position)
                return
        waiting.append((queue, [position]))


@dataclass
class WaitingQueue:
    """A queue of migrations. The field ``size`` also counts the migrations that wait for the lock of their group."""

    groups: GroupLocks
    positions: list[Position] = field(default_factory=list)
    size: int = 0

    def add_migration(self, id: str, wave: int, number: int) -> None:
        """Add the migration to the queue. The argument ``number`` is the migration's position within its wave."""
        heapq.heappush(self.positions, (wave, number, id))
        self.size += 1

    def remove_first(self, last_wave: int) -> str | None:
        """Remove and return the first migration that may start, and lock its group. Return None if no migration may start.

        The argument ``last_wave`` is the number of the last wave that has begun.
        """
        while self.positions and self.positions[0][0] <= last_wave:
            position = heapq.heappop(self.positions)
            if self.groups.acquire_group_lock(position[2]):
                self.size -= 1
                return position[2]
            self.groups.add_member_waiting_for_lock(self, position)
        return None
